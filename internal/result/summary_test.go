package result

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

func metric(t *testing.T, b *Benchmark, name string) Metric {
	t.Helper()
	for _, m := range b.Metrics {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("there is no metric %s", name)
	return Metric{}
}

func near(x *float64, want float64) bool {
	return x != nil && math.Abs(*x-want) <= 0.002*math.Abs(want)
}

func TestQuantilesNeedSamples(t *testing.T) {
	for _, c := range []struct {
		samples       int
		batch         uint64
		p50, p95, p99 bool
	}{
		{6, 1, false, false, false}, {7, 1, true, false, false},
		{89, 1, true, false, false}, {90, 1, true, true, false},
		{458, 1, true, true, false}, {459, 1, true, true, true},
		{458 * 16, 16, true, true, false}, {459 * 16, 16, true, true, true},
	} {
		h := NewHistogram(histogram(c.samples), c.batch)
		if got := [3]bool{h.P50 != nil, h.P95 != nil, h.P99 != nil}; got != [3]bool{c.p50, c.p95, c.p99} {
			t.Errorf("%d samples in batches of %d: %v", c.samples, c.batch, got)
		}
		if h.Mean == nil || h.Max == nil || h.Count != uint64(c.samples) {
			t.Errorf("%d samples: mean %v, max %v, count %d", c.samples, h.Mean, h.Max, h.Count)
		}
	}
	if h := NewHistogram(nil, 1); h != (Histogram{}) {
		t.Errorf("no histogram gives %+v", h)
	}
}

func TestPooledRoundsKeepEverySample(t *testing.T) {
	rounds := []Round{NewRound(measured(300)), NewRound(measured(300))}
	h, err := Pooled(rounds, Response)
	if err != nil {
		t.Fatal(err)
	}
	if h.Count != 600 || !near(h.P99, 0.297) || !near(h.Max, 0.3) || rounds[0].Clocks.Response.P99 != nil {
		t.Errorf("pooled: %d samples, p99 %v, max %v", h.Count, h.P99, h.Max)
	}
	rounds[1].Clocks.Response.V2 = "junk"
	if _, err := Pooled(rounds, Response); err == nil || !strings.Contains(err.Error(), "pool round 2") {
		t.Errorf("a broken histogram: %v", err)
	}
}

func TestARoundIsMadePrintable(t *testing.T) {
	r := measured(10)
	r.Counts.OK = 7 // does not balance
	r.Errors = map[string]uint64{"http\x1b[31m_503": 2, "": 1}
	r.Samples = []string{"line\nbreak", strings.Repeat("ü", 400), "\xff\u202ex"}
	r.Validity = []loop.Finding{{Level: loop.Caution, Code: "lag", Message: "a\x00b"}, {Level: "novel", Message: "new"}}
	r.Elapsed = -time.Second
	r.Values["bad"] = loop.Value{Count: 1, Sum: math.Inf(1)}
	got := NewRound(r)
	if want := map[string]uint64{"http_503": 2, "error": 1}; !reflect.DeepEqual(got.Errors, want) {
		t.Errorf("errors %v, want %v", got.Errors, want)
	}
	if got.Samples[0] != "line break" || got.Samples[2] != "\uFFFD x" {
		t.Errorf("samples %q", got.Samples)
	}
	if s := got.Samples[1]; len(s) > 300 || !utf8.ValidString(s) || !strings.HasSuffix(s, "…") {
		t.Errorf("long sample has %d bytes", len(s))
	}
	want := []Finding{
		{"caution", "lag", "a b"},
		{"caution", "unnamed", "new"},
		{"invalid", "elapsed", "the round took -1s"},
		{"invalid", "identity", "10 scheduled, but 7 ok + 0 failed + 0 timed out + 0 skipped = 7"},
		{"caution", "not_finite", "the values of bad do not add up to a finite number and were dropped"},
	}
	if !reflect.DeepEqual(got.Validity, want) {
		t.Errorf("validity %v\nwant %v", got.Validity, want)
	}
	if _, there := got.Values["bad"]; there || got.Values["recall"].Count != 10 {
		t.Errorf("values %v", got.Values)
	}
	if got.Elapsed != 0 {
		t.Errorf("elapsed %v s, want 0", got.Elapsed)
	}
}

func TestErrorClassesStayFew(t *testing.T) {
	r := measured(1)
	r.Errors = map[string]uint64{}
	for i := range 1000 {
		r.Errors[fmt.Sprintf("class %d", i)] = 1
	}
	got := NewRound(r).Errors
	var total uint64
	for _, n := range got {
		total += n
	}
	if len(got) != maxClasses || total != 1000 || got["other"] != 1000-maxClasses+1 {
		t.Errorf("%d classes, %d errors, %d others", len(got), total, got["other"])
	}
}

func TestSummarise(t *testing.T) {
	second := measured(1000)
	second.Elapsed = 8 * time.Second
	second.Counts = loop.Counts{Scheduled: 1100, OK: 900, Failed: 50, TimedOut: 50, Skipped: 100}
	second.Values = map[string]loop.Value{"recall": {Count: 900, Sum: 450}, "tokens": {Count: 900, Sum: 1600}, "waste": {Count: 1, Sum: 3}}
	first := measured(1000)
	first.Values["tokens"] = loop.Value{Count: 1000, Sum: 100}
	b := &Benchmark{Rounds: []Round{NewRound(first), NewRound(second)}}
	declared := []sdk.Metric{
		{Name: "recall", Unit: "ratio", Better: sdk.Higher, Scale: sdk.Absolute},
		{Name: "tokens", Unit: "1/s", Better: sdk.Higher, Aggregate: sdk.Rate},
		{Name: "waste", Unit: "B", Aggregate: sdk.Sum},
		{Name: "unused", Unit: "s"},
	}
	Summarise(b, declared)

	for _, c := range []struct {
		name          string
		first, second float64
		value         float64
	}{
		{"latency_mean", 0.5005, 0.5005, 0.5005},
		{"latency_p95", 0.950, 0.950, 0.950},
		{"latency_max", 1, 1, 1},
		{"throughput", 500, 112.5, math.Sqrt(500 * 112.5)},
		{"success_ratio", 1, 0.9, 0.95}, // 900 of the 1000 that were sent
		{"recall", 0.9, 0.5, 0.7},       // arithmetic
		{"tokens", 50, 200, 100},        // geometric
	} {
		m := metric(t, b, c.name)
		if !near(m.PerRound[0], c.first) || !near(m.PerRound[1], c.second) || !near(m.Value, c.value) {
			t.Errorf("%s: %v, %v → %v; want %v, %v → %v", c.name, deref(m.PerRound[0]), deref(m.PerRound[1]), deref(m.Value), c.first, c.second, c.value)
		}
	}
	if m := metric(t, b, "waste"); m.PerRound[0] != nil || !near(m.Value, 3) || m.Better != "lower" || m.Scale != "ratio" {
		t.Errorf("waste: %+v", m)
	}
	if m := metric(t, b, "unused"); m.Value != nil || len(m.PerRound) != 2 {
		t.Errorf("unused: %+v", m)
	}
}

func deref(x *float64) any {
	if x == nil {
		return nil
	}
	return *x
}

func TestARoundWithoutOpsHasNoThroughput(t *testing.T) {
	b := &Benchmark{Rounds: []Round{NewRound(loop.Result{Elapsed: time.Second})}}
	Summarise(b, nil)
	for _, m := range b.Metrics {
		if m.Value != nil {
			t.Errorf("%s is %v", m.Name, *m.Value)
		}
	}
	b.Rounds[0].Counts = loop.Counts{Scheduled: 5, Failed: 5}
	Summarise(b, nil)
	if m := metric(t, b, "throughput"); !near(m.Value, 0) {
		t.Errorf("five failed ops: throughput %v, want 0", deref(m.Value))
	}
	if m := metric(t, b, "success_ratio"); !near(m.Value, 0) {
		t.Errorf("five failed ops: success ratio %v, want 0", deref(m.Value))
	}
}

func TestAtMostTwoMetricsGate(t *testing.T) {
	gate := func(name string) sdk.Metric { return sdk.Metric{Name: name, Gate: true} }
	for _, c := range []struct {
		declared []sdk.Metric
		want     string
	}{
		{nil, "latency_p95 throughput"},
		{[]sdk.Metric{{Name: "a"}}, "latency_p95 throughput"},
		{[]sdk.Metric{gate("a")}, "latency_p95 a"},
		{[]sdk.Metric{gate("a"), {Name: "b"}, gate("c")}, "a c"},
		{[]sdk.Metric{gate("a"), gate("b"), gate("c")}, "a b"},
	} {
		b := &Benchmark{Rounds: []Round{NewRound(measured(10))}}
		Summarise(b, c.declared)
		var got []string
		for _, m := range b.Metrics {
			if m.Gate {
				got = append(got, m.Name)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%d declared: %s gate, want %s", len(c.declared), s, c.want)
		}
	}
}

func TestTheMeanOverRounds(t *testing.T) {
	for _, c := range []struct {
		name   string
		scale  sdk.Scale
		rounds []float64
		want   float64 // below 0: none
	}{
		{"by ratio", sdk.Ratio, []float64{1, 4}, 2},
		{"by ratio, all zero", sdk.Ratio, []float64{0, 0}, 0},
		{"by ratio, one zero, which would be the mean of all", sdk.Ratio, []float64{100, 0, 100}, -1},
		{"by ratio, one negative", sdk.Ratio, []float64{100, -1}, -1},
		{"absolute", sdk.Absolute, []float64{100, 0, 50}, 50},
		{"none", sdk.Ratio, nil, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rounds []Round
			for _, x := range c.rounds {
				r := measured(1)
				r.Values = map[string]loop.Value{"x": {Count: 1, Sum: x}}
				rounds = append(rounds, NewRound(r))
			}
			b := &Benchmark{Rounds: rounds}
			Summarise(b, []sdk.Metric{{Name: "x", Scale: c.scale}})
			got := b.Metrics[len(b.Metrics)-1].Value
			if c.want < 0 && got != nil || c.want >= 0 && (got == nil || !near(got, c.want)) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			told := slices.ContainsFunc(b.Validity, func(f Finding) bool { return f.Code == negativeRatio })
			if told != (c.want < 0 && c.rounds != nil) {
				t.Errorf("findings %v", b.Validity)
			}
		})
	}
}

func TestFindingsOfRoundsAreCarriedOverOnce(t *testing.T) {
	r := measured(10)
	r.Values = map[string]loop.Value{"delta": {Count: 1, Sum: -1}}
	lag := []loop.Finding{{Level: loop.Caution, Code: "gc", Message: "GC took 12%"}, {Level: loop.Invalid, Code: "lag", Message: "p99 lag is 40% of the response"}}
	bad := r
	bad.Validity = lag
	b := &Benchmark{
		Rounds:   []Round{NewRound(r), NewRound(bad), NewRound(bad)},
		Validity: []Finding{{"caution", "own", "all connections were reused: the target's pool is cold"}},
	}
	for range 2 {
		Summarise(b, []sdk.Metric{{Name: "delta"}})
		want := []Finding{
			{"caution", "own", "all connections were reused: the target's pool is cold"},
			{"invalid", "lag", "rounds 2, 3 of 3: p99 lag is 40% of the response"},
			{"caution", "gc", "rounds 2, 3 of 3: GC took 12%"},
			{"caution", "negative_ratio", "delta was zero or negative in some round, so it has no mean by ratio; declare its scale as absolute"},
		}
		if !reflect.DeepEqual(b.Validity, want) {
			t.Errorf("validity\n%v, want\n%v", b.Validity, want)
		}
	}
	if why, ok := b.InvalidReason(); !ok || !strings.HasPrefix(why, "rounds 2, 3 of 3: p99 lag") {
		t.Errorf("invalid reason is %q, %v", why, ok)
	}
	b.Rounds = b.Rounds[:1]
	Summarise(b, nil)
	if _, ok := b.InvalidReason(); ok || len(b.Validity) != 1 {
		t.Errorf("findings of rounds that are gone stay: %v", b.Validity)
	}
}

func TestLookup(t *testing.T) {
	x, y, z := 0.2, 0.4, 0.9
	b := &Benchmark{
		Metrics: []Metric{{Name: "latency_p99", Unit: "s"}, {Name: "throughput", Unit: "1/s", Value: &z}},
		Rounds: []Round{
			{Resources: []Resource{
				{Name: "gpu.util", Unit: "ratio", Average: &x}, {Name: "gpu.0.util", Unit: "ratio", Average: &z},
				{Name: "gpu.0.power", Unit: "W", Average: &x}, {Name: "gpu.1.power", Unit: "W", Average: &y},
				{Name: "host.steal", Unit: "ratio", Unavailable: "not Linux"},
			}},
			{Resources: []Resource{{Name: "gpu.util", Unit: "ratio", Average: &y}, {Name: "gpu.0.power", Unit: "W", Unavailable: "lost"}}},
		},
		Figures: []Figure{{Name: "index_seconds", Unit: "s", Value: 3}},
	}
	for _, c := range []struct {
		name   string
		value  any
		unit   string
		reason string
	}{
		{"throughput", 0.9, "1/s", ""},
		{"latency_p99", nil, "s", "too few samples: a round needs 459 ops"},
		{"gpu.util", 0.3, "ratio", ""},
		{"gpu.power", 0.3, "W", ""},
		{"host.steal", nil, "ratio", "unavailable: not Linux"},
		{"index_seconds", 3.0, "s", ""},
		{"recall", nil, "", "not recorded"},
	} {
		q := b.Lookup(c.name)
		if c.value == nil != (q.Value == nil) || q.Value != nil && !near(q.Value, c.value.(float64)) || q.Unit != c.unit || q.Reason != c.reason {
			t.Errorf("%s: %v %s %q, want %v %s %q", c.name, deref(q.Value), q.Unit, q.Reason, c.value, c.unit, c.reason)
		}
	}
}
