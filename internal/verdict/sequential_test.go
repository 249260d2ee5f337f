package verdict

import (
	"math"
	"slices"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

// driven is a comparison whose benchmarks have a truth each, and what was
// asked for on the way.
type driven struct {
	noise  noise
	sd     float64
	factor map[string]float64
	base   map[string][]float64
	head   map[string][]float64
	steps  []Step
}

// drive measures what the comparison asks for until it asks for no more.
func (d *driven) drive(t *testing.T, q *Sequential) *Comparison {
	t.Helper()
	repeat := false
	for range 10 {
		step, done := q.Next()
		if done {
			c, err := q.Comparison()
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		d.steps = append(d.steps, step)
		if len(d.steps) == 1 || step.Repeat != repeat {
			repeat = step.Repeat
			d.base, d.head = map[string][]float64{}, map[string][]float64{}
		}
		if err := q.Add(d.measure(step)); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("it never ends")
	return nil
}

func (d *driven) measure(step Step) (base, head *result.Run) {
	base, head = runOf(), runOf()
	for _, id := range []string{"api/fast", "api/noisy", "api/same", "api/slow"} {
		f, ok := d.factor[id]
		if !ok {
			continue
		}
		if step.Benchmarks == nil || slices.Contains(step.Benchmarks, id) {
			sd := d.sd
			if id == "api/noisy" {
				sd = 0.25
			}
			n := step.Rounds - len(d.base[id])
			d.base[id] = append(d.base[id], d.noise.values(0.01, sd, n)...)
			d.head[id] = append(d.head[id], d.noise.values(0.01*f, sd, n)...)
		}
		if len(d.base[id]) > 0 {
			base.Benchmarks = append(base.Benchmarks, benchOf(id, metricFrom("latency_p95", d.base[id])))
			head.Benchmarks = append(head.Benchmarks, benchOf(id, metricFrom("latency_p95", d.head[id])))
		}
	}
	return base, head
}

func verdictOf(c *Comparison, id string) Verdict {
	for _, r := range c.Rows {
		if r.Benchmark == id {
			return r.Verdict
		}
	}
	return ""
}

func TestAnUnchangedQuietProgramIsDoneAtTheFirstLook(t *testing.T) {
	d := &driven{noise: newNoise(1), sd: 0.01, factor: map[string]float64{"api/same": 1}}
	q, err := NewSequential(Policy{})
	if err != nil {
		t.Fatal(err)
	}
	c := d.drive(t, q)
	if len(d.steps) != 1 || d.steps[0].Rounds != 6 || d.steps[0].Repeat || verdictOf(c, "api/same") != Unchanged || !c.Method.Confirmed {
		t.Errorf("%v: %s", d.steps, c.Sentence)
	}
}

func TestOnlyWhatIsOpenGoesOnAndOnlyWhatStandsOutIsRepeated(t *testing.T) {
	d := &driven{noise: newNoise(3), sd: 0.01, factor: map[string]float64{"api/same": 1, "api/noisy": 1, "api/slow": 1.2, "api/fast": 0.8}}
	q, _ := NewSequential(Policy{})
	c := d.drive(t, q)
	want := []Step{
		{Rounds: 6},
		{Rounds: 12, Benchmarks: []string{"api/noisy"}},
		{Rounds: 24, Benchmarks: []string{"api/noisy"}},
		{Rounds: 12, Repeat: true, Benchmarks: []string{"api/fast", "api/slow"}},
	}
	if len(d.steps) != len(want) {
		t.Fatalf("steps are %+v", d.steps)
	}
	for i := range want {
		if got := d.steps[i]; got.Rounds != want[i].Rounds || got.Repeat != want[i].Repeat || !slices.Equal(got.Benchmarks, want[i].Benchmarks) {
			t.Errorf("step %d is %+v, want %+v", i, got, want[i])
		}
	}
	for id, v := range map[string]Verdict{"api/same": Unchanged, "api/noisy": Inconclusive, "api/slow": Regressed, "api/fast": Improved} {
		if got := verdictOf(c, id); got != v {
			t.Errorf("%s is %s, want %s", id, got, v)
		}
	}
	if c.Exit(Policy{}) != 1 || !slices.Equal(c.Method.Looks, DefaultLooks()) {
		t.Errorf("exit %d, looks %v", c.Exit(Policy{}), c.Method.Looks)
	}
	for _, r := range c.Rows {
		if r.Benchmark == "api/slow" && len(r.HeadPerRound) != 12 {
			t.Errorf("the repeat's rounds are not shown: %d", len(r.HeadPerRound))
		}
	}
	if _, done := q.Next(); !done || q.Add(runOf(), runOf()) == nil {
		t.Error("it takes more than it asked for")
	}
}

func TestWhatTheRepeatDoesNotConfirmIsNoRegression(t *testing.T) {
	base, slow := runOf(p95(steady)), runOf(p95(twenty))
	again := runOf(p95(spread(0.01, 0.003, 6)))
	for _, c := range []struct {
		name   string
		repeat *Pair
		want   Verdict
	}{
		{"confirmed", &Pair{base, slow}, Regressed},
		{"refuted", &Pair{base, again}, Unchanged},
		{"not repeated", nil, Inconclusive},
		{"missing in the repeat", &Pair{runOf(), runOf()}, Inconclusive},
		{"invalid in the repeat", &Pair{base, runOf(with(p95(twenty), func(b *result.Benchmark) { b.Validity = brokenClock }))}, Invalid},
	} {
		got, err := ComparePairs(base, slow, Policy{}, Look{Confirm: true, Repeat: c.repeat})
		if err != nil {
			t.Fatal(err)
		}
		if got.Rows[0].Verdict != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, got.Rows[0].Verdict, got.Rows[0].Reason, c.want)
		}
	}
}

func TestWhatWasFlaggedStaysFlagged(t *testing.T) {
	base, slow := runOf(p95(steady)), runOf(p95(twenty))
	same := runOf(p95(spread(0.01, 0.003, 6)))
	got, _ := ComparePairs(base, same, Policy{}, Look{Confirm: true, Flagged: []string{"api/a latency_p95"}, Repeat: &Pair{base, slow}})
	if got.Rows[0].Verdict != Regressed {
		t.Errorf("the repeat of a metric that an earlier look flagged says %s", got.Rows[0].Verdict)
	}
}

func TestADropOfSuccessIsRepeatedToo(t *testing.T) {
	run := func(s float64) *result.Run {
		return runOf(benchOf("api/a", metricFrom("latency_p95", steady), metricFrom("success_ratio", []float64{s, s, s, s, s, s})))
	}
	q, _ := NewSequential(Policy{}, 6)
	if err := q.Add(run(1), run(0.8)); err != nil {
		t.Fatal(err)
	}
	step, done := q.Next()
	if done || !step.Repeat || !slices.Equal(step.Benchmarks, []string{"api/a"}) {
		t.Fatalf("next is %+v, done is %v", step, done)
	}
	if err := q.Add(run(1), run(0.8)); err != nil {
		t.Fatal(err)
	}
	c, _ := q.Comparison()
	if r := rowOf(c, "success_ratio"); r.Verdict != Regressed || c.Exit(Policy{}) != 1 {
		t.Errorf("%s", r.Verdict)
	}
	if r := rowOf(c, "latency_p95"); r.Verdict != Incomparable {
		t.Errorf("latency is %s", r.Verdict)
	}
}

func TestAnAccidentOfSuccessDoesNotHideALatencyFromTheRepeat(t *testing.T) {
	run := func(latency []float64, s float64) *result.Run {
		return runOf(benchOf("api/a", metricFrom("latency_p95", latency), informational(metricFrom("latency_p50", latency)), metricFrom("success_ratio", []float64{s, s, s, s, s, s})))
	}
	for _, c := range []struct {
		name  string
		again float64 // head's success ratio in the repeat; 0 = no repeat
		want  Verdict
	}{
		{"it happened once", 1, Regressed},
		{"it happens again", 0.8, Incomparable},
		{"it was not measured again", 0, Incomparable},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, _ := NewSequential(Policy{}, 6)
			if err := q.Add(run(steady, 1), run(twenty, 0.8)); err != nil {
				t.Fatal(err)
			}
			if c.again > 0 {
				if err := q.Add(run(steady, 1), run(twenty, c.again)); err != nil {
					t.Fatal(err)
				}
			}
			got, _ := q.Comparison()
			if r := rowOf(got, "latency_p95"); r.Verdict != c.want {
				t.Errorf("the latency that gates is %s (%s), want %s", r.Verdict, r.Reason, c.want)
			}
			if r := rowOf(got, "latency_p50"); r.Verdict != Incomparable {
				t.Errorf("the latency that does not gate is %s", r.Verdict)
			}
		})
	}
}

func TestEarlierLooksSpendPartOfTheError(t *testing.T) {
	s, err := newSpending(DefaultLooks(), Policy{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 6, 12, 24, 100} {
		if got := s.screen(n); !(got > 0 && got < DefaultScreenAlpha) {
			t.Errorf("at %d rounds the screen's level is %v", n, got)
		}
		if got := s.family(n); !(got > 0 && got < DefaultAlpha) {
			t.Errorf("at %d rounds the family's level is %v", n, got)
		}
	}
	if s.at(5) != 0 || s.at(6) != 0 || s.at(7) != 1 || s.at(24) != 2 || s.at(99) != 2 {
		t.Error("looks are not those of the rounds")
	}
}

func TestImpossiblePlansAreRefused(t *testing.T) {
	for _, looks := range [][]int{{1}, {0, 6}, {6, 6}, {12, 6}} {
		if _, err := NewSequential(Policy{}, looks...); err == nil {
			t.Errorf("looks at %v are accepted", looks)
		}
	}
	q, _ := NewSequential(Policy{Alpha: math.NaN()})
	if q.Add(nil, runOf()) == nil {
		t.Error("a missing base is accepted")
	}
	if _, err := q.Comparison(); err == nil {
		t.Error("there is a comparison of nothing")
	}
}
