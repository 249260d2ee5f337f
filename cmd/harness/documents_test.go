package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/benchharness/harness/ci/hubtest"
	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/verdict"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// cmdDocuments writes what harness ab writes, of rounds that nobody measured:
//
//	documents DIR COMMIT ID=FACTOR…
//
// Every benchmark takes 10 ms in base and FACTOR times that in head, with 1%
// of noise. COMMIT is a text that hubtest.SHA makes the head's commit of; the
// base's is that of "base". Where an ID is to hold blanks or worse, it is read
// from a file: @FILE=FACTOR.
func cmdDocuments(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: documents DIR COMMIT ID=FACTOR…")
	}
	m := &madeUp{noise: rand.New(rand.NewPCG(7, 1)), factors: map[string]float64{}, commits: map[string]string{
		"base": hubtest.SHA("base"), "head": hubtest.SHA(args[1]),
	}}
	for _, arg := range args[2:] {
		i := strings.LastIndex(arg, "=")
		id := arg[:i]
		if file, ok := strings.CutPrefix(id, "@"); ok {
			id = strings.TrimSuffix(ts.ReadFile(file), "\n")
		}
		factor, err := strconv.ParseFloat(arg[i+1:], 64)
		ts.Check(err)
		m.ids, m.factors[id] = append(m.ids, id), factor
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(m.write(dir))
}

// madeUp is a comparison without measurements.
type madeUp struct {
	noise    *rand.Rand
	ids      []string
	factors  map[string]float64
	commits  map[string]string
	position int
}

func (m *madeUp) write(dir string) error {
	q, err := verdict.NewSequential(verdict.Policy{Match: func(string, string) bool { return true }})
	if err != nil {
		return err
	}
	sets := map[bool]*verdict.Pair{}
	for {
		step, done := q.Next()
		if done {
			break
		}
		set := sets[step.Repeat]
		if set == nil {
			set = &verdict.Pair{Base: m.document("base", step.Repeat), Head: m.document("head", step.Repeat)}
			sets[step.Repeat], m.position = set, 0
		}
		for _, id := range m.ids {
			if step.Benchmarks != nil && !slices.Contains(step.Benchmarks, id) {
				continue
			}
			if err := m.extend(set, id, step.Rounds); err != nil {
				return err
			}
		}
		if err := q.Add(set.Base, set.Head); err != nil {
			return err
		}
	}
	c, err := q.Comparison()
	if err != nil {
		return err
	}
	for name, run := range map[string]*result.Run{baseFile: sets[false].Base, headFile: sets[false].Head} {
		if err := store.WriteRun(filepath.Join(dir, name), run); err != nil {
			return err
		}
	}
	for _, name := range []string{baseRepeatFile, headRepeatFile} {
		_ = os.Remove(filepath.Join(dir, name)) // of an earlier comparison, if any
	}
	if again := sets[true]; again != nil {
		for name, run := range map[string]*result.Run{baseRepeatFile: again.Base, headRepeatFile: again.Head} {
			if err := store.WriteRun(filepath.Join(dir, name), run); err != nil {
				return err
			}
		}
	}
	return store.WriteFile(filepath.Join(dir, "comparison.json"), 0o644, func(w io.Writer) error { return report.ComparisonJSON(w, c) })
}

var madeUpDay = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

func (m *madeUp) document(side string, repeat bool) *result.Run {
	run := &result.Run{
		ID: fmt.Sprintf("20260102T150405Z-%s-%v-%.6s", side, repeat, m.commits["head"]), Started: madeUpDay, Finished: madeUpDay.Add(time.Hour),
		Complete: true, Machine: json.RawMessage(`{"os": "linux", "arch": "amd64", "cpu": {"model": "Example 3000", "logical": 4}}`), MachineID: "0123456789abcdef",
		Harness: result.Harness{Version: "0.1.0", Go: "go1.26", OS: "linux", Arch: "amd64"},
		Plan:    result.Plan{Suite: "default", Profile: "standard", Gating: true, Settings: []result.Setting{{Name: "commit", Value: m.commits[side], Source: "git"}}},
		Plugins: []result.Plugin{{Name: "api", Version: "0.1.0", Path: "built-in"}},
	}
	first := fmt.Sprintf("20260102T150405Z-base-false-%.6s", m.commits["head"])
	verdict.Interleaving{Comparison: first, Side: side, Repeat: repeat, Looks: verdict.DefaultLooks()}.Mark(run)
	return run
}

func (m *madeUp) extend(set *verdict.Pair, id string, to int) error {
	have := 0
	for _, b := range set.Base.Benchmarks {
		if b.ID == id {
			have = len(b.Rounds)
		}
	}
	for k := have; k < to; k++ {
		sides := []*result.Run{set.Base, set.Head}
		if k%2 == 1 {
			slices.Reverse(sides)
		}
		for _, run := range sides {
			factor := 1.0
			if run == set.Head {
				factor = m.factors[id]
			}
			if err := run.Append(m.round(id, factor*(1+0.01*m.noise.NormFloat64()))); err != nil {
				return err
			}
		}
	}
	return nil
}

// round is a benchmark with one round of 500 ops.
func (m *madeUp) round(id string, factor float64) result.Benchmark {
	const ops = 500
	h := func(centre float64) *hdrhistogram.Histogram {
		h := loop.NewHistogram()
		for i := range ops {
			_ = h.RecordValue(int64(centre * (0.8 + 0.4*float64(i)/ops) * float64(time.Millisecond))) // within its range
		}
		return h
	}
	b := result.Benchmark{
		ID: id, Plugin: "api", Use: "http", Status: result.Measured, Params: map[string]string{}, With: json.RawMessage(`{}`),
		WorkloadDigest: "sha256:0123", PluginDigest: "sha256:4567", Target: result.Target{Name: "search", Kind: "http"},
		Load: result.Load{Model: "closed", Workers: 4, Duration: 2, Rounds: 1, OpTimeout: 5},
	}
	r := result.NewRound(loop.Result{
		Started: madeUpDay.Add(time.Duration(m.position) * time.Second), Elapsed: time.Duration(2 * factor * float64(time.Second)),
		Counts: loop.Counts{Scheduled: ops, OK: ops}, Batch: 1,
		Clocks: loop.Clocks{Response: h(10 * factor), Service: h(10 * factor), Lag: h(0.01)},
	})
	r.Position, r.PluginProcess = m.position, 100+m.position
	m.position++
	b.Rounds = []result.Round{r}
	result.Summarise(&b, []sdk.Metric{})
	return b
}

// cmdTamper changes a run document as somebody would who knows how the
// checksum is made: it halves the value of every metric and leaves the rounds.
func cmdTamper(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tamper FILE")
	}
	run, err := store.ReadRun(ts.MkAbs(args[0]))
	ts.Check(err)
	for i := range run.Benchmarks {
		for k := range run.Benchmarks[i].Metrics {
			if v := run.Benchmarks[i].Metrics[k].Value; v != nil {
				*v /= 2
			}
		}
	}
	ts.Check(store.WriteRun(ts.MkAbs(args[0]), run))
}
