package verdict

import (
	"fmt"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

// BenchmarkCompare judges 10,000 metrics of 20 rounds a side. The goal is one
// second. In the noisy case every metric is inconclusive and asks how many
// rounds it would take.
func BenchmarkCompare(b *testing.B) {
	for _, c := range []struct {
		name string
		sd   float64
	}{{"quiet", 0.02}, {"noisy", 0.25}} {
		base, head := newNoise(1).pair(5000, 20, c.sd, 1)
		for _, run := range []*result.Run{base, head} {
			for i := range run.Benchmarks {
				bench := &run.Benchmarks[i]
				bench.Metrics = append(bench.Metrics, metricFrom("throughput", values(bench.Metrics[0].PerRound)))
			}
		}
		for name, compare := range map[string]func() (*Comparison, error){
			"stored":      func() (*Comparison, error) { return Compare([]*result.Run{base}, head, withoutRunFloor(Policy{})) },
			"interleaved": func() (*Comparison, error) { return ComparePairs(base, head, Policy{}, Look{}) },
		} {
			b.Run(fmt.Sprintf("%s/%s", c.name, name), func(b *testing.B) {
				for b.Loop() {
					got, err := compare()
					if err != nil || len(got.Rows) != 10_000 {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
