package report

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

// conditioned is a run under conditions of its own.
func conditioned() *result.Run {
	half := 0.0461
	scenario := func(id, cpus string, u *result.Until) result.Benchmark {
		b := result.Benchmark{ID: id, Status: result.Measured, Rounds: make([]result.Round, 12), Until: u, Metrics: []result.Metric{
			{Name: "latency_p95", Unit: "s", Scale: "ratio"}, {Name: "recall", Unit: "ratio", Scale: "absolute"},
		}}
		if cpus != "" {
			b.Isolation = &result.Isolation{Generator: cpus}
		}
		return b
	}
	return &result.Run{
		WaitQuiet: &result.WaitQuiet{Most: 60, Waited: 4.5},
		Benchmarks: []result.Benchmark{
			scenario("api/search", "0", &result.Until{Metric: "latency_p95", Within: 0.05, MaxRounds: 30, Ended: result.UntilReached, HalfWidth: &half}),
			scenario("vector/docs", "0", &result.Until{Metric: "recall", Within: 0.01, MaxRounds: 12, Ended: result.UntilBound, HalfWidth: &half}),
			scenario("db/balance", "0", &result.Until{Metric: "latency_p99", Within: 0.01, MaxRounds: 30, Ended: result.UntilAbsent}),
		},
	}
}

func TestConditionsOfARunAreInEveryReport(t *testing.T) {
	for name, write := range map[string]func(io.Writer, *result.Run) error{
		"text": func(w io.Writer, r *result.Run) error { return Text(w, r, TextOptions{Width: 200}) }, "markdown": Markdown, "HTML": HTML,
	} {
		var b bytes.Buffer
		if err := write(&b, conditioned()); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"CPUs of plugins", "Wait for a quiet machine", "4.50 s of 60 s at most, not quiet in the end",
			"Rounds added until a metric was known", "±5%", "±4.61%", "12 of up to 30", "±1 points", "±4.61 points", "no more rounds were allowed", "n/a", "it has no value",
		} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		if strings.Contains(b.String(), "CPUs of targets") {
			t.Errorf("%s names CPUs that nobody asked for", name)
		}
	}
}

func TestCPUsThatDifferAreToldWithTheirBenchmarks(t *testing.T) {
	run := conditioned()
	run.Benchmarks[1].Isolation = &result.Isolation{Generator: "1-2"}
	run.Benchmarks[2].Isolation = nil
	got := cpusText(run, func(i *result.Isolation) string { return i.Generator })
	if want := "0 (api/search); 1-2 (vector/docs); any (db/balance)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := cpusText(&result.Run{}, func(i *result.Isolation) string { return i.Generator }); got != "" {
		t.Errorf("without benchmarks: %s", got)
	}
}
