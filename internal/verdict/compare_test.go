package verdict

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
)

func storedRun(name string, centre float64) *result.Run {
	r := runOf(p95(spread(centre, 0.004, 6)))
	r.ID = name
	return r
}

func TestOneBaseRunWidensTheThresholdByTheFloorBetweenRuns(t *testing.T) {
	base := []*result.Run{storedRun("b", 0.010)}
	id := MetricID("api/a", nil, "latency_p95")
	for _, c := range []struct {
		name      string
		head      float64
		floors    map[string]Floor
		want      Verdict
		threshold float64
	}{
		{"a sixth slower is not enough without a measured floor", 0.0117, nil, Unchanged, 0.32},
		{"a third slower and more is", 0.0135, nil, Regressed, 0.32},
		{"a quiet machine that was measured sees a fifth", 0.012, map[string]Floor{id: {Runs: 0.03}}, Regressed, 0.133},
		{"and does not call a difference what it has itself", 0.01025, map[string]Floor{id: {Runs: 0.03}}, Unchanged, 0.133},
		{"what is between them is slower", 0.0108, map[string]Floor{id: {Runs: 0.03}}, Slower, 0.133},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Compare(base, storedRun("h", c.head), Policy{Floors: c.floors})
			if err != nil {
				t.Fatal(err)
			}
			r := got.Rows[0]
			if r.Verdict != c.want || math.Abs(r.Threshold-c.threshold) > 0.001 || got.Method.Design != StoredOne {
				t.Errorf("%s at %.3f by %s", r.Verdict, r.Threshold, got.Method.Design)
			}
			how := "assumed: measure it with harness aa"
			if c.floors != nil {
				how = "as measured by harness aa"
			}
			if len(r.Cautions) != 1 || !strings.Contains(r.Cautions[0], how) {
				t.Errorf("cautions: %q", r.Cautions)
			}
		})
	}
}

func TestFiveBaseRunsPredictTheNext(t *testing.T) {
	var base []*result.Run
	for i, centre := range []float64{0.0099, 0.0101, 0.0100, 0.00995, 0.01005} {
		base = append(base, storedRun(fmt.Sprint("b", i), centre))
	}
	for head, want := range map[float64]Verdict{0.0100: Unchanged, 0.0112: Regressed, 0.0106: Slower, 0.0085: Improved} {
		got, err := Compare(base, storedRun("h", head), Policy{})
		if err != nil {
			t.Fatal(err)
		}
		r := got.Rows[0]
		if r.Verdict != want || got.Method.Design != StoredMany || len(r.BasePerRound) != 5 || len(r.Cautions) != 0 || len(got.Base.RunIDs) != 5 {
			t.Errorf("%v is %s by %s: %+v", head, r.Verdict, got.Method.Design, r)
		}
	}
	wild := []*result.Run{storedRun("a", 0.005), storedRun("b", 0.02), storedRun("c", 0.01), storedRun("d", 0.04), storedRun("e", 0.03)}
	got, _ := Compare(wild, storedRun("h", 0.02), Policy{})
	if r := got.Rows[0]; r.Verdict != Inconclusive || !strings.Contains(r.Reason, "differ too much") {
		t.Errorf("base runs all over the place: %s (%s)", r.Verdict, r.Reason)
	}
}

func TestTwoToFourBaseRunsStandTogether(t *testing.T) {
	got, _ := Compare([]*result.Run{storedRun("a", 0.010), storedRun("b", 0.0101), storedRun("c", 0.0099)}, storedRun("h", 0.015), Policy{})
	r := got.Rows[0]
	if r.Verdict != Regressed || got.Method.Design != StoredOne || len(r.BasePerRound) != 18 || math.Abs(*r.Base-0.01) > 1e-5 ||
		!strings.HasPrefix(r.Cautions[0], "3 base runs do not show") {
		t.Errorf("%s by %s: %v %v", r.Verdict, got.Method.Design, *r.Base, r.Cautions)
	}
}

func TestBaseRunsThatCannotBeComparedAreLeftOut(t *testing.T) {
	var base []*result.Run
	for i := range 7 {
		base = append(base, storedRun(fmt.Sprint("b", i), 0.01*(1+0.001*float64(i))))
	}
	base[0].MachineID = "m2"
	base[6].Benchmarks[0].WorkloadDigest = "w2"
	got, _ := Compare(base, storedRun("h", 0.010), Policy{})
	r := got.Rows[0]
	if r.Verdict != Unchanged || got.Method.Design != StoredMany || len(r.BasePerRound) != 5 {
		t.Errorf("%s by %s of %d", r.Verdict, got.Method.Design, len(r.BasePerRound))
	}
	if len(r.Cautions) != 1 || r.Cautions[0] != "2 of 7 base runs are left out: workload: w2 in base, w1 in head" {
		t.Errorf("cautions: %q", r.Cautions)
	}
}

func TestThresholdsApplyInOrderAndTheLastMatchWins(t *testing.T) {
	p := Policy{
		Thresholds: []Threshold{{"*", "*", 0.05, 0}, {"api/a", "latency_p95", 0.30, 0}, {"api/b", "latency_p95", 0.05, 1}},
	}
	for _, c := range []struct {
		bench string
		want  Verdict
	}{{"api/a", Slower}, {"api/b", Slower}, {"api/c", Regressed}} {
		base, head := benchOf(c.bench, metricFrom("latency_p95", steady)), benchOf(c.bench, metricFrom("latency_p95", twenty))
		got, _ := ComparePairs(runOf(base), runOf(head), p, Look{})
		if got.Rows[0].Verdict != c.want {
			t.Errorf("%s is %s at %v, want %s", c.bench, got.Rows[0].Verdict, got.Rows[0].Threshold, c.want)
		}
	}
}

func TestTheLeastAbsoluteDifferenceIsExact(t *testing.T) {
	for diff, want := range map[float64]Verdict{0.0011: Regressed, 0.0009: Slower} {
		for _, swap := range []bool{false, true} {
			b, h := []float64{0.002, 0.002, 0.002}, []float64{0.002 + diff, 0.002 + diff, 0.002 + diff}
			if swap {
				b, h = h, b
			}
			got, _ := ComparePairs(runOf(p95(b)), runOf(p95(h)), Policy{Thresholds: []Threshold{{"*", "*", 0.1, 0.001}}}, Look{})
			v := got.Rows[0].Verdict
			if swap {
				v = mirror(v)
			}
			if v != want {
				t.Errorf("a difference of %v is %s, want %s", diff, got.Rows[0].Verdict, want)
			}
		}
	}
}

func TestTheFloorOfAMetricInPointsIsInPointsToo(t *testing.T) {
	recall := func(x float64) *result.Run {
		m := metricFrom("recall", []float64{x, x, x, x, x, x})
		m.Gate = true
		return runOf(benchOf("vector/a", m))
	}
	base := recall(0.95)
	var runs []*result.Run
	for range 4 {
		runs = append(runs, recall(0.95))
	}
	measured := Policy{Floors: RunFloors(runs, Policy{})}
	for _, c := range []struct {
		name   string
		head   float64
		policy Policy
		want   Verdict
	}{
		{"nothing is known: a fall of 13 points", 0.82, Policy{}, Regressed},
		{"nothing is known: a fall of 11 points", 0.84, Policy{}, Slower},
		{"runs never differed: a fall of 11 points", 0.84, measured, Regressed},
	} {
		got, _ := Compare([]*result.Run{base}, recall(c.head), c.policy)
		if r := got.Rows[0]; r.Verdict != c.want {
			t.Errorf("%s: %s, want %s; the threshold is %v: %q", c.name, r.Verdict, c.want, r.Threshold, r.Cautions)
		}
	}
}

func TestAMeasuredFloorRaisesTheThreshold(t *testing.T) {
	id := MetricID("api/a", nil, "latency_p95")
	got, _ := ComparePairs(runOf(p95(steady)), runOf(p95(twenty)), Policy{Floors: map[string]Floor{id: {Rounds: 0.25}}}, Look{})
	if r := got.Rows[0]; r.Verdict != Unchanged || math.Abs(r.Threshold-0.25) > 1e-9 || len(r.Cautions) != 1 {
		t.Errorf("%s at %v: %v", r.Verdict, r.Threshold, r.Cautions)
	}
}

func TestAFloorOfOtherWorkIsNotUsed(t *testing.T) {
	id := MetricID("api/a", nil, "latency_p95")
	for workload, used := range map[string]bool{"w1": true, "": true, "w2": false} {
		floors := map[string]Floor{id: {Rounds: 0.25, Runs: 0.05, Workload: workload}}
		paired, _ := ComparePairs(runOf(p95(steady)), runOf(p95(twenty)), Policy{Floors: floors}, Look{})
		stored, _ := Compare([]*result.Run{storedRun("b", 0.010)}, storedRun("h", 0.0117), Policy{Floors: floors})
		for _, c := range []struct {
			got  *Comparison
			with float64 // the threshold with the floor
		}{{paired, 0.25}, {stored, 0.3125}} {
			r := c.got.Rows[0]
			said := strings.Contains(strings.Join(r.Cautions, "; "), "another workload")
			if (math.Abs(r.Threshold-c.with) < 1e-9) != used || said == used {
				t.Errorf("a floor of work %q, %s: threshold %v, %q", workload, c.got.Method.Design, r.Threshold, r.Cautions)
			}
		}
	}
	if f := RoundFloors(runOf(p95(steady)), runOf(p95(steady)), Policy{})[id]; f.Workload != "w1" {
		t.Errorf("the floor is of work %q", f.Workload)
	}
}

func TestFloorsAreWhatAMachineDiffersFromItselfBy(t *testing.T) {
	r := newNoise(3)
	id := MetricID("api/b0", nil, "latency_p95")
	b, h := r.pair(1, 12, 0.03, 1)
	if f := RoundFloors(b, h, Policy{})[id]; f.Rounds < 0.005 || f.Rounds > 0.08 || f.Runs != 0 {
		t.Errorf("between rounds: %+v", f)
	}
	var runs []*result.Run
	for _, c := range []float64{0.010, 0.0105, 0.0098, 0.0101} {
		one, _ := r.pair(1, 6, 0.001, 1)
		for _, x := range one.Benchmarks[0].Metrics[0].PerRound {
			*x *= c / 0.01
		}
		one.Benchmarks[0].Metrics[0] = metricFrom("latency_p95", values(one.Benchmarks[0].Metrics[0].PerRound))
		runs = append(runs, one)
	}
	if f := RunFloors(runs, Policy{})[id]; f.Runs < 0.09 || f.Runs > 0.2 {
		t.Errorf("between runs: %+v", f)
	}
	if f := RunFloors(runs[:2], Policy{}); len(f) != 0 {
		t.Errorf("two runs are enough for %v", f)
	}
}

func TestAcknowledgedRegressionsPassUntilTheyExpireOrGrow(t *testing.T) {
	until := day.Add(24 * time.Hour)
	for _, c := range []struct {
		name    string
		ack     Acknowledgement
		now     time.Time
		exit    int
		caution string
	}{
		{"accepted", Acknowledgement{Benchmark: "api/a", Metric: "*", Until: until}, day, 0, ""},
		{"about another benchmark", Acknowledgement{Benchmark: "api/b", Metric: "*", Until: until}, day, 1, ""},
		{"expired", Acknowledgement{Benchmark: "api/a", Metric: "*", Until: until}, until.Add(time.Second), 1, "the acknowledgement expired on 2026-03-02"},
		{"within its size", Acknowledgement{Benchmark: "api/a", Metric: "*", Until: until, UpTo: 0.25}, day, 0, ""},
		{"beyond its size", Acknowledgement{Benchmark: "api/a", Metric: "*", Until: until, UpTo: 0.15}, day, 1, "acknowledged up to 15%, but it is 20%"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Policy{Acknowledgements: []Acknowledgement{c.ack}, Now: c.now}
			got, _ := ComparePairs(runOf(p95(steady)), runOf(p95(twenty)), p, Look{})
			r := got.Rows[0]
			if r.Verdict != Regressed || got.Exit(p) != c.exit {
				t.Errorf("%s, exit %d: %s", r.Verdict, got.Exit(p), got.Sentence)
			}
			if joined := strings.Join(r.Cautions, "; "); joined != c.caution {
				t.Errorf("cautions: %s", joined)
			}
			if c.exit == 0 && got.Sentence != "No regression in 1 metric, 1 acknowledged" {
				t.Errorf("sentence: %s", got.Sentence)
			}
		})
	}
}

func TestTheSentenceIsTheVerdict(t *testing.T) {
	named := func(id string, xs []float64) result.Benchmark { return benchOf(id, metricFrom("latency_p95", xs)) }
	for _, c := range []struct {
		base, head *result.Run
		want       string
	}{
		{runOf(p95(steady)), runOf(p95(twenty)), "1 regression: api/a latency_p95 +20.0% [+19.9, +20.1]"},
		{runOf(named("a", steady), named("b", steady), named("c", steady), named("d", steady), named("e", steady)),
			runOf(named("a", twenty), named("b", twenty), named("c", twenty), named("d", twenty), named("e", steady)),
			"4 regressions: a latency_p95 +20.0% [+19.9, +20.1]; b latency_p95 +20.0% [+19.9, +20.1]; c latency_p95 +20.0% [+19.9, +20.1] and 1 more"},
		{runOf(p95(steady)), runOf(p95(steady)), "No regression in 1 metric"},
		{runOf(named("a", steady), named("b", steady)), runOf(named("a", steady), named("b", noisy)), "No regression in 1 of 2 metrics, 1 undecided"},
		{runOf(), runOf(p95(steady)), "Nothing to compare with, 1 new"},
		{runOf(), runOf(), "Nothing to compare: no metric"},
		{runOf(p95(steady)), runOf(), "1 gating metric missing: api/a latency_p95; no verdict on any of 1 metric"},
		{runOf(named("a", steady), named("b", steady), benchOf("c", informational(metricFrom("latency_p95", steady)))), runOf(named("a", steady)),
			"1 gating metric missing: b latency_p95; no regression in 1 of 3 metrics, 1 missing"},
		{runOf(named("a", steady), named("b", steady)), runOf(named("a", twenty)), "1 regression: a latency_p95 +20.0% [+19.9, +20.1], 1 gating metric missing: b latency_p95"},
		{runOf(benchOf("a", informational(metricFrom("latency_p95", steady)))), runOf(benchOf("a", informational(metricFrom("latency_p95", twenty)))),
			"No gating regression in 1 metric, 1 informational worse"},
		{runOf(benchOf("v", metricFrom("recall", []float64{0.9, 0.9}))), runOf(benchOf("v", gating(metricFrom("recall", []float64{0.7, 0.7})))),
			"1 regression: v recall -20.0 points [-20.0, -20.0]"},
	} {
		got, err := ComparePairs(c.base, c.head, Policy{}, Look{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Sentence != c.want {
			t.Errorf("%q, want %q", got.Sentence, c.want)
		}
	}
}

func TestARunComparedWithItselfIsRemarked(t *testing.T) {
	for name, c := range map[string]struct {
		base, head string
		want       int
	}{"the same document": {"sha256:a", "sha256:a", 1}, "two documents": {"sha256:a", "sha256:b", 0}, "runs that were never written": {"", "", 0}} {
		base, head := runOf(p95(steady)), runOf(p95(steady))
		base.Checksum, head.Checksum = c.base, c.head
		got, err := Compare([]*result.Run{base}, head, Policy{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Validity) != c.want || c.want == 1 && !strings.Contains(got.Validity[0].Message, "the same run") {
			t.Errorf("%s: %+v", name, got.Validity)
		}
	}
}

func TestEqualValuesAreUnchangedAtAnyThreshold(t *testing.T) {
	for name, xs := range map[string][]float64{"rounds that vary": {1, 2, 3, 4}, "rounds that do not": {2, 2, 2}, "zeros": {0, 0, 0}} {
		m := metricFrom("recall", xs)
		for _, p := range []Policy{{}, {Thresholds: []Threshold{{"*", "*", 0, 0}}}} {
			p.RunFloor = 1e-9
			stored, err := Compare([]*result.Run{runOf(benchOf("a", m))}, runOf(benchOf("a", m)), p)
			if err != nil {
				t.Fatal(err)
			}
			paired, err := ComparePairs(runOf(benchOf("a", m)), runOf(benchOf("a", m)), p, Look{})
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []*Comparison{stored, paired} {
				if r := got.Rows[0]; r.Verdict != Unchanged {
					t.Errorf("%s, %s, threshold %v: %s", name, got.Method.Design, r.Threshold, r.Verdict)
				}
			}
		}
	}
}

func gating(m result.Metric) result.Metric { m.Gate = true; return m }

func TestTheSentenceStaysALineWhateverTheNumbers(t *testing.T) {
	for change, want := range map[float64]string{0.142: "+14.2", -0.5: "-50.0", 72.5: "+7250.0", 4e9: "+4e+11", math.MaxFloat64: "+1.8e+308"} {
		if got := hundredths(change); got != want {
			t.Errorf("%v is %s, want %s", change, got, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	fail := Policy{Inconclusive: FailIt, Uncompared: FailIt}
	row := func(v Verdict, gate bool) Row { return Row{Verdict: v, Gate: gate} }
	for _, c := range []struct {
		name         string
		c            Comparison
		pass, strict int
	}{
		{"nothing", Comparison{}, 0, 0},
		{"a gating regression", Comparison{Rows: []Row{row(Invalid, true), row(Regressed, true)}}, 1, 1},
		{"an informational one", Comparison{Rows: []Row{row(Regressed, false)}}, 0, 0},
		{"a missed budget", Comparison{Budgets: []result.Budget{{Verdict: Missed, Gate: true}}}, 1, 1},
		{"a missed budget that does not gate", Comparison{Budgets: []result.Budget{{Verdict: Missed}}}, 0, 0},
		{"an invalid gating metric", Comparison{Rows: []Row{row(Invalid, true)}}, 4, 4},
		{"an invalid informational one", Comparison{Rows: []Row{row(Invalid, false)}}, 0, 0},
		{"an undecided one", Comparison{Rows: []Row{row(Inconclusive, true)}}, 0, 4},
		{"a new one", Comparison{Rows: []Row{row(New, true)}}, 0, 4},
		{"a missing one", Comparison{Rows: []Row{row(Missing, true)}}, 0, 4},
		{"an incomparable one", Comparison{Rows: []Row{row(Incomparable, true)}}, 0, 4},
		{"slower, under the threshold", Comparison{Rows: []Row{row(Slower, true)}}, 0, 0},
	} {
		if got := c.c.Exit(Policy{}); got != c.pass {
			t.Errorf("%s: exit %d, want %d", c.name, got, c.pass)
		}
		if got := c.c.Exit(fail); got != c.strict {
			t.Errorf("%s: exit %d by a strict policy, want %d", c.name, got, c.strict)
		}
	}
}

func TestHeadsBudgetsAndFindingsAreCarried(t *testing.T) {
	head := runOf(p95(steady))
	head.Budgets = []result.Budget{{ID: "B", Benchmark: "api/a", Metric: "latency_p95", Verdict: Missed, Value: ptr(1), Gate: true}}
	head.Validity = []result.Finding{{Level: "caution", Code: "steal", Message: "steal is high"}}
	got, _ := ComparePairs(runOf(p95(steady)), head, Policy{}, Look{})
	if len(got.Budgets) != 1 || got.Exit(Policy{}) != 1 || got.Sentence != "1 budget missed: no regression in 1 metric" {
		t.Errorf("%s, exit %d", got.Sentence, got.Exit(Policy{}))
	}
	head.Budgets[0].Gate = false
	got, _ = ComparePairs(runOf(p95(steady)), head, Policy{}, Look{})
	if got.Exit(Policy{}) != 0 || got.Sentence != "No regression in 1 metric, 1 budget missed" {
		t.Errorf("%s, exit %d", got.Sentence, got.Exit(Policy{}))
	}
	if len(got.Validity) != 1 || got.Validity[0].Message != "head: steal is high" {
		t.Errorf("validity: %+v", got.Validity)
	}
}

func TestTheArgumentsOfAComparisonAreChecked(t *testing.T) {
	if _, err := Compare(nil, runOf(), Policy{}); err == nil {
		t.Error("no base is accepted")
	}
	if _, err := Compare([]*result.Run{nil}, runOf(), Policy{}); err == nil {
		t.Error("a nil base is accepted")
	}
	if _, err := ComparePairs(runOf(), nil, Policy{}, Look{}); err == nil {
		t.Error("no head is accepted")
	}
	if _, err := ComparePairs(runOf(), runOf(), Policy{}, Look{Repeat: &Pair{}}); err == nil {
		t.Error("an empty repeat is accepted")
	}
	if _, err := ComparePairs(runOf(), runOf(), Policy{}, Look{Planned: []int{12, 6}}); err == nil {
		t.Error("looks that go backwards are accepted")
	}
}
