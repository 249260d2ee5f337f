package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/lifeline"
)

// job is one run of harness with one scenario of one round.
type job struct {
	url     string
	dsn     string // of a db scenario
	use     string // "" is api/http
	engine  string // "" is http1
	load    map[string]any
	with    map[string]any
	indexed uint64 // number every request's path with its op, up to this many
	seed    int
	budget  bool                        // a gating budget that any number meets
	started func(*exec.Cmd, int) func() // called with the process's id; what it returns is called at the end
}

// outcome is what came of it.
type outcome struct {
	round  *result.Round // nil: none was measured
	bench  *result.Benchmark
	doc    *result.Run
	code   int
	stderr string
}

// open is an open load.
func open(rate float64, workers int, d time.Duration) map[string]any {
	return map[string]any{"model": "open", "rate": fmt.Sprintf("%g/s", rate), "max_in_flight": workers,
		"duration": d.String(), "warmup": "0s", "rounds": 1, "op_timeout": "30s"}
}

// closed is a closed load.
func closed(users int, d time.Duration) map[string]any {
	return map[string]any{"concurrent_users": users, "duration": d.String(), "warmup": "0s", "rounds": 1, "op_timeout": "30s"}
}

// config writes the config of a job. JSON is YAML.
func (b *bench) config(j job) (string, error) {
	with := map[string]any{}
	target := map[string]any{"url": j.url}
	if j.use == "" {
		j.use = "api/http"
		with["path"], with["engine"] = "/x", "http1"
		if j.engine != "" {
			with["engine"] = j.engine
		}
	}
	if j.dsn != "" {
		target = map[string]any{"dsn": j.dsn}
	}
	if j.indexed > 0 {
		data := filepath.Join(b.dir, "index.csv")
		if err := writeIndex(data, j.indexed); err != nil {
			return "", err
		}
		with["path"], with["data"] = "/x?i=${i}", data
	}
	for k, v := range j.with {
		with[k] = v
	}
	file := map[string]any{
		"version": 1,
		"targets": map[string]any{"known": target},
		"suites": map[string]any{"default": map[string]any{
			"load":       j.load,
			"benchmarks": []any{map[string]any{"use": j.use, "name": "known", "target": "known", "with": with}},
		}},
	}
	if j.budget {
		file["budgets"] = []any{map[string]any{"id": "ANY", "benchmark": "*", "metric": "latency_p95", "max": "1h"}}
	}
	text, err := json.MarshalIndent(file, "", "  ")
	if err != nil {
		return "", err
	}
	name := filepath.Join(b.dir, fmt.Sprintf("harness-%d.yaml", b.runs))
	return name, os.WriteFile(name, text, 0o600)
}

func writeIndex(name string, n uint64) error {
	text := []byte("i\n")
	for i := range n {
		text = append(strconv.AppendUint(text, i, 10), '\n')
	}
	return os.WriteFile(name, text, 0o600)
}

// harness runs the binary. Only a run without a document is an error: exit
// codes are the caller's to judge.
func (b *bench) harness(j job) (*outcome, error) {
	b.runs++
	config, err := b.config(j)
	if err != nil {
		return nil, fmt.Errorf("write a config: %w", err)
	}
	doc := filepath.Join(b.dir, fmt.Sprintf("run-%d-%s.json", b.runs, filepath.Base(b.bin)))
	plugin := "api"
	if j.use != "" {
		plugin, _, _ = strings.Cut(j.use, "/")
	}
	cmd := exec.CommandContext(b.ctx, b.bin, "run", "--config", config, "--plugins", plugin, "--report", "json", "--out", doc, "--seed", strconv.Itoa(max(j.seed, 1)))
	cmd.Dir = b.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	var stderr, stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	p, err := lifeline.Start(cmd, syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	finish := func() {}
	if j.started != nil {
		finish = j.started(cmd, p.PID())
	}
	err = p.Wait()
	finish()
	out := &outcome{stderr: stderr.String()}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		out.code = exit.ExitCode()
	} else if err != nil {
		return nil, fmt.Errorf("run harness: %w", err)
	}
	return out, out.read(doc)
}

func (o *outcome) read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("harness left no document, exit code %d: %s", o.code, o.stderr)
	}
	defer f.Close()
	if o.doc, err = result.Decode(f); err != nil {
		return fmt.Errorf("read harness's document: %w", err)
	}
	if len(o.doc.Benchmarks) != 1 {
		return fmt.Errorf("harness's document has %d benchmarks, want 1", len(o.doc.Benchmarks))
	}
	o.bench = &o.doc.Benchmarks[0]
	if len(o.bench.Rounds) == 1 {
		o.round = &o.bench.Rounds[0]
	}
	return nil
}

// measured is harness, and an error unless a round was measured.
func (b *bench) measured(j job) (*outcome, error) {
	o, err := b.harness(j)
	if err != nil {
		return nil, err
	}
	if o.round == nil {
		return nil, fmt.Errorf("harness measured nothing, exit code %d: %s %s", o.code, o.bench.Reason, o.stderr)
	}
	return o, nil
}

// findings are the codes of a level, or nothing.
func (o *outcome) findings(level string) string {
	var codes []string
	for _, f := range o.round.Validity {
		if f.Level == level {
			codes = append(codes, f.Code)
		}
	}
	return strings.Join(codes, ",")
}

// clock opens one clock of the round.
func (o *outcome) clock(c result.Clock) *hdrhistogram.Histogram {
	h, err := c(&o.round.Clocks).Open()
	if err != nil {
		return hdrhistogram.New(1, 1e9, 3) // a document that harness read itself has no such thing
	}
	return h
}

func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(100 * q))
}

// against runs a server, a job on it, and returns both sides.
func (b *bench) against(spec known.Spec, j job) (*outcome, *known.Log, error) {
	s, err := b.serve(spec)
	if err != nil {
		return nil, nil, err
	}
	defer s.kill()
	j.url = s.url()
	o, err := b.measured(j)
	if err != nil {
		return nil, nil, err
	}
	log, err := s.stop()
	return o, log, err
}
