package verdict

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

// duel measures what a comparison asks for as harness ab does: rounds in
// turns, gathered into the documents of two sets.
type duel struct {
	noise  noise
	truth  map[string]float64 // head against base, by benchmark
	wobble map[string]float64 // standard deviation where it is not 1%
	stop   map[string]int     // rounds after which a benchmark cannot be measured any more
	fades  string             // a benchmark whose first scenario is slow in the first set's first 6 rounds only

	looks         []int
	first, repeat *Pair
	position      map[*Pair]int
}

func newDuel(seed uint64) *duel {
	return &duel{
		noise: newNoise(seed), looks: DefaultLooks(), position: map[*Pair]int{},
		truth:  map[string]float64{"api/fast": 0.8, "api/noisy": 1, "api/same": 1, "api/slow": 1.2},
		wobble: map[string]float64{"api/noisy": 0.25}, stop: map[string]int{},
	}
}

// ids are in the plan's order, which is not that of names.
var duelIDs = []string{"api/slow", "api/noisy", "api/same", "api/fast"}

func (d *duel) run(t *testing.T, p Policy) *Comparison {
	t.Helper()
	q, err := NewSequential(p, d.looks...)
	if err != nil {
		t.Fatal(err)
	}
	for {
		step, done := q.Next()
		if done {
			break
		}
		set := d.set(step.Repeat)
		for _, id := range duelIDs {
			if step.Benchmarks == nil || slices.Contains(step.Benchmarks, id) {
				d.extend(t, set, id, step.Rounds)
			}
		}
		if err := q.Add(set.Base, set.Head); err != nil {
			t.Fatal(err)
		}
	}
	c, err := q.Comparison()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (d *duel) set(repeat bool) *Pair {
	set := &d.first
	if repeat {
		set = &d.repeat
	}
	if *set == nil {
		*set = &Pair{runOf(), runOf()}
		for side, run := range map[string]*result.Run{"base": (*set).Base, "head": (*set).Head} {
			run.ID = fmt.Sprintf("%s-%v", side, repeat)
			Interleaving{Comparison: "base-false", Side: side, Repeat: repeat, Looks: d.looks}.Mark(run)
		}
	}
	return *set
}

// extend adds pairs of rounds of both scenarios of a benchmark.
func (d *duel) extend(t *testing.T, set *Pair, id string, to int) {
	t.Helper()
	if n, stops := d.stop[id]; stops {
		to = min(to, n)
	}
	have := 0
	for _, b := range set.Base.Benchmarks {
		if b.ID == id {
			have = len(b.Rounds)
		}
	}
	sd := 0.01
	if w := d.wobble[id]; w > 0 {
		sd = w
	}
	for k := have; k < to; k++ {
		order := []*result.Run{set.Base, set.Head}
		if k%2 == 1 {
			slices.Reverse(order)
		}
		for _, run := range order {
			factor := 1.0
			if run == set.Head {
				factor = d.truth[id]
			}
			for _, scenario := range []string{"1", "2"} {
				sd, factor := sd, factor
				if id == d.fades && scenario == "1" {
					sd = 0.01
					if run == d.first.Head && k < 6 {
						factor = 1.3
					}
				}
				b := benchOf(id, metricFrom("latency_p95", d.noise.values(0.01*factor, sd, 1)),
					metricFrom("throughput", d.noise.values(1000/factor, sd, 1)), metricFrom("success_ratio", []float64{1}))
				b.Params["size"] = scenario
				b.Rounds[0].Position = d.position[set]
				d.position[set]++
				if err := run.Append(b); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// written is a run as it is read back from its file.
func written(t *testing.T, run *result.Run) *result.Run {
	t.Helper()
	text, err := json.Marshal(run)
	if err != nil {
		t.Fatal(err)
	}
	var out result.Run
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

func (d *duel) documents(t *testing.T) (first Pair, repeat *Pair) {
	t.Helper()
	first = Pair{written(t, d.first.Base), written(t, d.first.Head)}
	if d.repeat != nil {
		repeat = &Pair{written(t, d.repeat.Base), written(t, d.repeat.Head)}
	}
	return first, repeat
}

func asJSON(t *testing.T, c *Comparison) string {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func roundsOf(run *result.Run, id string) int {
	for _, b := range run.Benchmarks {
		if b.ID == id {
			return len(b.Rounds)
		}
	}
	return 0
}

func TestTheDocumentsAloneGiveTheSameComparison(t *testing.T) {
	for _, c := range []struct {
		name   string
		seed   uint64
		change func(*duel)
		policy Policy
	}{
		{name: "some end at 6 rounds, some at 24, and some are repeated", seed: 3},
		{name: "another seed", seed: 11},
		{name: "nothing stands out", seed: 4, change: func(d *duel) { d.truth["api/fast"], d.truth["api/slow"] = 1, 1 }},
		{name: "what stands out is not confirmed", seed: 2, change: func(d *duel) { d.truth["api/slow"] = 1.1; d.wobble["api/slow"] = 0.05 }, policy: Policy{ScreenAlpha: 0.2}},
		{name: "one cannot be measured to the end", seed: 3, change: func(d *duel) { d.stop["api/noisy"] = 9; d.stop["api/fast"] = 4 }},
		{name: "one round only", seed: 3, change: func(d *duel) { d.stop["api/slow"] = 1 }},
		{name: "other looks and another threshold", seed: 5, change: func(d *duel) { d.looks = []int{4, 5} }, policy: Policy{Thresholds: []Threshold{{Benchmark: "*", Metric: "*", MaxRegression: 0.05}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDuel(c.seed)
			if c.change != nil {
				c.change(d)
			}
			want := d.run(t, c.policy)
			first, repeat := d.documents(t)
			got, err := Replay(first, repeat, c.policy)
			if err != nil {
				t.Fatal(err)
			}
			if a, b := asJSON(t, want), asJSON(t, got); a != b {
				t.Errorf("the comparison was\n%s\nand again it is\n%s", a, b)
			}
		})
	}
}

func TestWhatStoodOutAtAnEarlyLookIsStillFlagged(t *testing.T) {
	d := newDuel(3)
	d.fades = "api/noisy" // its first scenario: slow for 6 rounds, then as before; the second stays undecided
	c := d.run(t, Policy{})
	if n := roundsOf(d.first.Base, "api/same"); n != 6 {
		t.Fatalf("the quiet benchmark took %d rounds, the test wants an early end", n)
	}
	if n := roundsOf(d.first.Base, "api/noisy"); n != 24 || roundsOf(d.repeat.Base, "api/noisy") == 0 {
		t.Fatalf("the fading one took %d rounds and was not repeated, the test wants that", n)
	}
	first, repeat := d.documents(t)
	got, err := Replay(first, repeat, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := asJSON(t, c), asJSON(t, got); a != b {
		t.Errorf("the comparison was\n%s\nand again it is\n%s", a, b)
	}
}

func TestAnotherPolicyJudgesTheSameRounds(t *testing.T) {
	d := newDuel(3)
	d.run(t, Policy{})
	first, repeat := d.documents(t)
	loose := Policy{Thresholds: []Threshold{{Benchmark: "*", Metric: "*", MaxRegression: 0.5}}}
	c, err := Replay(first, repeat, loose)
	if err != nil {
		t.Fatal(err)
	}
	if v := verdictOf(c, "api/slow"); v != Slower {
		t.Errorf("under a threshold of 50%% it is %s", v)
	}
	if c, err = Replay(first, nil, Policy{}); err != nil {
		t.Fatal(err)
	}
	if v := verdictOf(c, "api/slow"); v != Inconclusive {
		t.Errorf("without its repeat it is %s", v)
	}
}

func TestAnInterruptedComparisonIsJudgedWhereItEnded(t *testing.T) {
	d := newDuel(3)
	set := d.set(false)
	for _, id := range duelIDs {
		d.extend(t, set, id, 8)
	}
	set.Base.Interrupted, set.Head.Interrupted = true, true
	want, err := ComparePairs(set.Base, set.Head, Policy{}, Look{Planned: d.looks, Confirm: true})
	if err != nil {
		t.Fatal(err)
	}
	first, _ := d.documents(t)
	got, err := Replay(first, nil, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := asJSON(t, want), asJSON(t, got); a != b {
		t.Errorf("the comparison was\n%s\nand again it is\n%s", a, b)
	}
}

func TestDocumentsThatAreNotOneComparisonAreRefused(t *testing.T) {
	whole := newDuel(3)
	whole.run(t, Policy{})
	set := func(run *result.Run, name, value string) {
		for i := range run.Plan.Settings {
			if run.Plan.Settings[i].Name == name {
				run.Plan.Settings[i].Value = value
			}
		}
	}
	for _, c := range []struct {
		name, want string
		change     func(first, repeat *Pair)
	}{
		{"no mark", "not from an interleaved comparison", func(f, _ *Pair) { f.Base.Plan.Settings = nil }},
		{"no head", "a base run and a head run", func(f, _ *Pair) { f.Head = nil }},
		{"half a repeat", "a base run and a head run", func(_, r *Pair) { r.Head = nil }},
		{"sides swapped", "another part", func(f, _ *Pair) { f.Base, f.Head = f.Head, f.Base }},
		{"the first set as its own repeat", "another part", func(f, r *Pair) { *r = *f }},
		{"relabelled as the repeat", "same run as base", func(f, r *Pair) {
			r.Base = written(t, f.Base)
			set(r.Base, settingSet, "repeat")
		}},
		{"of another comparison", "another comparison", func(_, r *Pair) { set(r.Base, settingComparison, "x") }},
		{"other looks", "another comparison", func(f, _ *Pair) { set(f.Head, settingLooks, "6,12") }},
		{"looks that fall", "growing numbers", func(f, _ *Pair) { set(f.Base, settingLooks, "12,6") }},
		{"very many looks", "growing numbers", func(f, _ *Pair) { set(f.Base, settingLooks, strings.Repeat("6,", 1<<16)) }},
		{"a look of one round", "growing numbers", func(f, _ *Pair) { set(f.Base, settingLooks, "1") }},
		{"a mark twice", "twice", func(f, _ *Pair) { f.Base.Plan.Settings = append(f.Base.Plan.Settings, f.Base.Plan.Settings...) }},
		{"more rounds than looks", "the last look was at", func(f, r *Pair) {
			for _, run := range []*result.Run{f.Base, f.Head, r.Base, r.Head} {
				set(run, settingLooks, "2,3")
			}
		}},
		{"rounds one after the other", "not taken in turn", func(f, _ *Pair) {
			for i := range f.Base.Benchmarks {
				for k := range f.Base.Benchmarks[i].Rounds {
					f.Base.Benchmarks[i].Rounds[k].Position += 1000
				}
			}
		}},
		{"one position twice", "at the same time", func(f, _ *Pair) { f.Head.Benchmarks[0].Rounds[1].Position = f.Base.Benchmarks[0].Rounds[1].Position }},
		{"the repeat not in turn", "the repeat: ", func(_, r *Pair) { r.Head.Benchmarks[0].Rounds[0].Position = 999 }},
		{"a value that is not that of the rounds", "does not follow from its rounds", func(f, _ *Pair) { *f.Head.Benchmarks[0].Metrics[0].Value *= 0.9 }},
		{"a value of none", "does not follow from its rounds", func(f, _ *Pair) { f.Head.Benchmarks[0].Metrics[0].Value = nil }},
		{"values for other rounds", "values for", func(f, _ *Pair) {
			m := &f.Head.Benchmarks[0].Metrics[0]
			m.PerRound = m.PerRound[:1]
		}},
	} {
		first, repeat := whole.documents(t)
		c.change(&first, repeat)
		got, err := Replay(first, repeat, Policy{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v (%v), want an error with %q", c.name, got, err, c.want)
		}
	}
}

func TestAMarkIsReadAsItWasWritten(t *testing.T) {
	run := runOf()
	want := Interleaving{Comparison: "20260102T150405Z-4f3a2b1c", Side: "head", Repeat: true, Looks: []int{6, 12, 24}}
	want.Mark(run)
	got, err := InterleavingOf(written(t, run))
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
}

func FuzzReplay(f *testing.F) {
	d := newDuel(3)
	for _, id := range duelIDs[:1] {
		d.extend(&testing.T{}, d.set(false), id, 3)
	}
	base, err := json.Marshal(d.first.Base)
	if err != nil {
		f.Fatal(err)
	}
	head, err := json.Marshal(d.first.Head)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(base), string(head))
	f.Add(string(base), strings.Replace(string(head), `"rounds":[`, `"rounds":[{},`, 1))
	f.Fuzz(func(t *testing.T, base, head string) {
		var b, h result.Run
		if json.Unmarshal([]byte(base), &b) != nil || json.Unmarshal([]byte(head), &h) != nil {
			return
		}
		c, err := Replay(Pair{&b, &h}, nil, Policy{})
		if err != nil {
			return
		}
		for _, r := range c.Rows {
			if r.Verdict == Regressed || r.Verdict == Improved {
				t.Errorf("%s is %s without a repeat", r.ID(), r.Verdict)
			}
			if r.Change != nil && math.IsNaN(*r.Change) {
				t.Errorf("%s changed by NaN", r.ID())
			}
		}
	})
}
