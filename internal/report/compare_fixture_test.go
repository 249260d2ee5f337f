package report

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// judgedRow is a row whose rounds wander around its values, with an interval
// as wide as half, and a threshold of 10%.
func judgedRow(benchmark, users, metric, unit string, base, change, half float64, v verdict.Verdict) verdict.Row {
	head := base * (1 + change)
	worse, better, scale, threshold := change, "lower", "ratio", 0.10
	switch metric {
	case "throughput":
		worse, better = -change, "higher"
	case "recall", "success_ratio":
		head, scale, better, worse, threshold = base+change, "absolute", "higher", -change, 0.005
	}
	low, high := change-half, change+half
	p := 0.4
	if low > 0 || high < 0 {
		p = 0.00021
	}
	adjusted := math.Min(p*6, 1)
	r := verdict.Row{
		Benchmark: benchmark, Params: map[string]string{}, Plugin: "api", Metric: metric, Unit: unit, Better: better, Scale: scale,
		Gate: metric == "latency_p95" || metric == "throughput" || scale == "absolute",
		Base: &base, Head: &head, Change: &change, Low: &low, High: &high, Worse: &worse, P: &p, PAdj: &adjusted,
		Threshold: threshold, Floor: threshold / 5, Verdict: v,
	}
	if users != "" {
		r.Params["concurrent_users"] = users
	}
	for i := range 12 {
		wander := 1 + half/2*float64(i*7%12-6)/6
		b, h := base*wander, head*(2-wander)
		r.BasePerRound, r.HeadPerRound = append(r.BasePerRound, &b), append(r.HeadPerRound, &h)
	}
	return r
}

func oneSided(r verdict.Row, v verdict.Verdict, reason string) verdict.Row {
	r.Verdict, r.Reason = v, reason
	r.Change, r.Low, r.High, r.Worse, r.P, r.PAdj = nil, nil, nil, nil, nil, nil
	switch v {
	case verdict.New:
		r.Base, r.BasePerRound = nil, nil
	case verdict.Missing:
		r.Head, r.HeadPerRound = nil, nil
	}
	return r
}

func changed(r verdict.Row, change func(*verdict.Row)) verdict.Row { change(&r); return r }

// comparisonFixture has every verdict, names that mean harm, and budgets.
func comparisonFixture() *verdict.Comparison {
	until := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	acknowledge := func(expired bool) func(*verdict.Row) {
		return func(r *verdict.Row) {
			r.Acknowledged = &verdict.Acknowledgement{Benchmark: "api/*", Metric: "*", Reason: "checks the <b>token</b> on every request",
				Until: until, UpTo: 0.25, Expired: expired}
		}
	}
	const digest = "the plugin's digest differs: sha256:abc, then sha256:def"
	c := &verdict.Comparison{
		Schema: verdict.ComparisonSchema, Created: start.Add(time.Hour),
		Sentence: "Regressed: api/search latency_p95 is 18.4% worse (2.00 ms → 2.37 ms), and 3 other gating metrics and a budget failed.",
		Method:   verdict.Method{Design: verdict.Interleaved, Rounds: 12, Looks: []int{6, 12}, Alpha: 0.01, Correction: "Holm over the flagged metrics", Confirmed: true},
		Base:     verdict.Side{Label: "main", RunIDs: []string{"20260102T150405Z-4f3a2b1c"}, Started: start, Harness: "0.1.0", Commit: "f003606", MachineID: "m-1"},
		Head:     verdict.Side{Label: "HEAD <script>alert(2)</script>", RunIDs: []string{"20260102T151405Z-aa10b2c3"}, Started: start.Add(10 * time.Minute), Harness: "0.1.0", Commit: "9be1d20", MachineID: "m-1"},
		Budgets:  slices.Clone(fixture().Budgets),
		Validity: []result.Finding{{Level: "caution", Code: "steal", Message: "steal was 4% of CPU time while the head ran \x1b[31m| <i>noisy</i>"}},
		Counts:   map[verdict.Verdict]int{},
		Rows: []verdict.Row{
			judgedRow("api/search", "8", "latency_mean", "s", 0.00201, 0.121, 0.03, verdict.Regressed),
			judgedRow("api/search", "8", "latency_p95", "s", 0.002, 0.184, 0.031, verdict.Regressed),
			judgedRow("api/search", "8", "throughput", "1/s", 3950, -0.151, 0.02, verdict.Regressed),
			judgedRow("api/search", "1", "latency_p95", "s", 0.0011, 0.008, 0.04, verdict.Unchanged),
			judgedRow(hostile, "8", "latency_p95", "s", 0.003, 4.2, 0.9, verdict.Regressed),
			changed(judgedRow("api/login", "", "latency_p95", "s", 0.012, 0.162, 0.02, verdict.Regressed), acknowledge(false)),
			changed(judgedRow("api/logout", "", "latency_p95", "s", 0.004, 0.2, 0.03, verdict.Regressed), acknowledge(true)),
			changed(judgedRow("vector/mixtral_embeddings", "8", "latency_p95", "s", 0.0009, -0.3, 0.02, verdict.Invalid),
				func(r *verdict.Row) { r.Reason = "head, round 2 of 12: lag at p99 is 41% of the response" }),
			judgedRow("embedding/minilm", "2", "latency_p95", "s", 0.0172, -0.224, 0.02, verdict.Improved),
			judgedRow("embedding/minilm", "2", "throughput", "1/s", 118, 0.281, 0.03, verdict.Improved),
			judgedRow("embedding/minilm", "1", "latency_p95", "s", 0.0141, -0.046, 0.02, verdict.Faster),
			judgedRow("embedding/minilm", "1", "latency_p50", "s", 0.0138, -0.051, 0.02, verdict.Faster),
			judgedRow("vector/minilm_general", "8", "throughput", "1/s", 24100, -0.043, 0.021, verdict.Slower),
			judgedRow("vector/minilm_general", "8", "recall", "ratio", 0.98125, -0.004, 0.001, verdict.Slower),
			changed(judgedRow("db/select", "16", "latency_p95", "s", 0.0031, 0.071, 0.12, verdict.Inconclusive), func(r *verdict.Row) { r.RoundsNeeded = 31 }),
			changed(judgedRow("db/tpcb", "16", "throughput", "1/s", 812, -0.02, 0.35, verdict.Inconclusive),
				func(r *verdict.Row) { r.Cautions = []string{"only 6 of 12 rounds of the base could be used"} }),
			judgedRow("db/tpcb", "16", "success_ratio", "ratio", 1, 0, 0, verdict.Unchanged),
			judgedRow("system/cpu_single", "", "latency_mean", "s", 0.25, 0.002, 0.011, verdict.Unchanged),
			judgedRow("vector/minilm_general", "8", "latency_p95", "s", 0.00031, -0.013, 0.03, verdict.Unchanged),
			oneSided(judgedRow("api/orders", "", "latency_p95", "s", 0.0042, 0, 0, ""), verdict.New, ""),
			oneSided(judgedRow("api/orders", "", "throughput", "1/s", 1904, 0, 0, ""), verdict.New, ""),
			oneSided(judgedRow("embedding/bge_base", "1", "latency_p95", "s", 0.081, 0, 0, ""), verdict.Missing, "failed: plugin crashed: signal: killed"),
		},
	}
	for i := range c.Budgets {
		c.Budgets[i].Gate = true
	}
	for i := range c.Rows[:12] {
		c.Rows[i].Cautions = append(c.Rows[i].Cautions, digest)
	}
	for _, metric := range []string{"latency_p95", "latency_p99", "latency_max", "throughput"} {
		unit, base := "s", 0.01
		if metric == "throughput" {
			unit, base = "1/s", 790
		}
		c.Rows = append(c.Rows, oneSided(judgedRow("api/graphql", "8", metric, unit, base, 0.4, 0.1, ""), verdict.Incomparable,
			"success fell from 100% to 92.1%, so its other numbers are of other work"))
	}
	c.Rows = append(c.Rows, changed(judgedRow("db/select", "64", "latency_p95", "s", 0.0102, 0.55, 0.04, verdict.Incomparable),
		func(r *verdict.Row) { r.Reason = "the workload differs: 10,000 rows, then 100,000" }))
	for _, r := range c.Rows {
		c.Counts[r.Verdict]++
	}
	return c
}

// comparedRuns are the two runs of the fixture: the head's api/search is
// slower, and its machine busier.
func comparedRuns() (base, head *result.Run) {
	base, head = fixture(), fixture()
	head.Benchmarks = slices.Clone(head.Benchmarks)
	head.Benchmarks[7] = bench("api/search", 8, rounds(3000, 1, 2370*time.Microsecond, nil, false))
	head.Resources = slices.Clone(head.Resources)
	for i, r := range head.Resources {
		if r.Average == nil {
			continue
		}
		average := *r.Average * 0.8
		head.Resources[i].Average, head.Resources[i].Series = &average, slices.Clone(r.Series)
		slices.Reverse(head.Resources[i].Series)
	}
	return base, head
}

func pastFixture() []History {
	h := History{Benchmark: "api/search", Params: map[string]string{"concurrent_users": "8"}, Metric: "latency_p95", Changes: []int{17, 33}}
	for i := range 40 {
		x := 0.0021 + 0.00002*float64(i*7%11)
		if i >= 17 {
			x -= 0.0003
		}
		if i >= 33 {
			x += 0.0005
		}
		h.Values = append(h.Values, x)
	}
	h.Values[5] = math.NaN()
	return []History{h}
}

// manyBenchmarks is a comparison of n benchmarks with seven metrics each, two
// of which gate.
func manyBenchmarks(n int) *verdict.Comparison {
	c := comparisonFixture()
	c.Rows = nil
	verdicts := []verdict.Verdict{verdict.Unchanged, verdict.Unchanged, verdict.Unchanged, verdict.Regressed, verdict.Inconclusive, verdict.Improved, verdict.Slower}
	for i := range n {
		for m, metric := range []string{"latency_mean", "latency_p50", "latency_p95", "latency_p99", "latency_max", "throughput", "plugin.cpu"} {
			change := float64((i*31+m*17)%41-20) / 100
			c.Rows = append(c.Rows, judgedRow(fmt.Sprintf("api/endpoint_number_%04d", i), "8", metric, "s", 0.001*float64(i%9+1), change, 0.03,
				verdicts[(i+m)%len(verdicts)]))
		}
	}
	return c
}

// manyRuns are the two runs of manyBenchmarks, with 12 rounds each.
func manyRuns(n int) (base, head *result.Run) {
	one := func(median time.Duration) *result.Run {
		run := &result.Run{Resources: machineResources()}
		five := rounds(3000, 0, median, nil, false)
		b := bench("api/x", 8, slices.Concat(five, five, five)[:12])
		for i := range n {
			b.ID = fmt.Sprintf("api/endpoint_number_%04d", i)
			run.Benchmarks = append(run.Benchmarks, b)
		}
		return run
	}
	return one(2 * time.Millisecond), one(2200 * time.Microsecond)
}
