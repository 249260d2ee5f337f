package verdict

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/benchharness/harness/internal/result"
)

func mirror(v Verdict) Verdict {
	for _, p := range [][2]Verdict{{Regressed, Improved}, {Slower, Faster}, {New, Missing}} {
		if i := slices.Index(p[:], v); i >= 0 {
			return p[1-i]
		}
	}
	return v
}

func TestToSwapTheSidesMirrorsTheVerdicts(t *testing.T) {
	seen := map[Verdict]int{}
	for seed := range uint64(60) {
		r := newNoise(seed)
		base, head := runOf(), runOf()
		for i := range 12 {
			name := []string{"latency_p95", "throughput", "recall", "success_ratio"}[i%4]
			centre, factor := 0.5, math.Exp(0.12*r.NormFloat64())
			b, h := r.values(centre, 0.03, 6), r.values(centre*factor, 0.03, 6)
			id := fmt.Sprintf("b%d", i)
			base.Benchmarks = append(base.Benchmarks, benchOf(id, metricFrom(name, b), metricFrom("latency_p50", b)))
			head.Benchmarks = append(head.Benchmarks, benchOf(id, metricFrom(name, h), metricFrom("latency_p50", h)))
		}
		for name, compare := range map[string]func(a, b *result.Run) (*Comparison, error){
			"interleaved": func(a, b *result.Run) (*Comparison, error) { return ComparePairs(a, b, Policy{}, Look{}) },
			"stored": func(a, b *result.Run) (*Comparison, error) {
				return Compare([]*result.Run{a}, b, withoutRunFloor(Policy{}))
			},
			"confirmed": func(a, b *result.Run) (*Comparison, error) {
				return ComparePairs(a, b, Policy{}, Look{Confirm: true, Repeat: &Pair{a, b}})
			},
		} {
			there, err := compare(base, head)
			if err != nil {
				t.Fatal(err)
			}
			back, err := compare(head, base)
			if err != nil {
				t.Fatal(err)
			}
			for i := range there.Rows {
				a, b := there.Rows[i], back.Rows[i]
				seen[a.Verdict]++
				if mirror(a.Verdict) != b.Verdict || a.RoundsNeeded != b.RoundsNeeded {
					t.Errorf("%s, seed %d, %s: %s, swapped %s", name, seed, a.ID(), a.Verdict, b.Verdict)
				}
			}
		}
	}
	for _, v := range []Verdict{Regressed, Improved, Slower, Faster, Unchanged, Inconclusive, Incomparable} {
		if seen[v] == 0 {
			t.Errorf("no case was %s: %v", v, seen)
		}
	}
}

func TestUnitsChangeNothing(t *testing.T) {
	for seed := range uint64(30) {
		r := newNoise(seed)
		base, head := r.pair(5, 7, 0.03, math.Exp(0.1*r.NormFloat64()))
		want, _ := ComparePairs(base, head, Policy{}, Look{})
		for _, run := range []*result.Run{base, head} {
			for i := range run.Benchmarks {
				m := &run.Benchmarks[i].Metrics[0]
				*m = metricFrom(m.Name, scaled(values(m.PerRound), 1000))
			}
		}
		got, _ := ComparePairs(base, head, Policy{}, Look{})
		for i := range want.Rows {
			if a, b := want.Rows[i], got.Rows[i]; a.Verdict != b.Verdict || math.Abs(*a.Change-*b.Change) > 1e-9 || a.RoundsNeeded != b.RoundsNeeded {
				t.Errorf("seed %d: %s %v in s, %s %v in ms", seed, a.Verdict, *a.Change, b.Verdict, *b.Change)
			}
		}
	}
}

func scaled(xs []float64, by float64) []float64 {
	out := slices.Clone(xs)
	for i := range out {
		out[i] *= by
	}
	return out
}

// Documents are made by hand here: a decoded one has finite values.
func TestOddNumbersNeverPanicAndNeverComeOut(t *testing.T) {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, -1, 5e-324, math.MaxFloat64, -math.MaxFloat64, 1, 1.0000000000000002}
	sets := [][]float64{nil, {1}, {1, 1}, {1, 2}, {math.MaxFloat64, 5e-324}, {5e-324, 5e-324}, {0, 0}, {0, 1}}
	for _, x := range odd {
		sets = append(sets, []float64{x}, []float64{x, x}, []float64{x, 1}, []float64{x, 1, 2})
	}
	for _, name := range []string{"latency_p95", "throughput", "recall", "success_ratio"} {
		for _, b := range sets {
			for _, h := range sets {
				base, head := runOf(benchOf("a", gating(metricFrom(name, b)))), runOf(benchOf("a", gating(metricFrom(name, h))))
				many := []*result.Run{base, base, base, base, base}
				for _, compare := range []func() (*Comparison, error){
					func() (*Comparison, error) { return ComparePairs(base, head, Policy{}, Look{}) },
					func() (*Comparison, error) {
						return ComparePairs(base, head, Policy{}, Look{Confirm: true, Repeat: &Pair{base, head}})
					},
					func() (*Comparison, error) {
						return Compare(many[:1], head, Policy{Thresholds: []Threshold{{"*", "*", 1e308, 1e308}}})
					},
					func() (*Comparison, error) { return Compare(many, head, Policy{}) },
				} {
					c, err := compare()
					if err != nil {
						t.Fatal(err)
					}
					for i := range c.Rows {
						checkRow(t, &c.Rows[i], b, h)
					}
				}
			}
		}
	}
}

func checkRow(t *testing.T, r *Row, b, h []float64) {
	t.Helper()
	if !slices.Contains(verdicts, r.Verdict) {
		t.Errorf("%v against %v has the verdict %q", b, h, r.Verdict)
	}
	for _, x := range []*float64{r.Change, r.Low, r.High, r.Worse, r.P, r.PAdj, &r.Threshold, &r.Floor} {
		if !number(x) {
			t.Errorf("%v against %v: %s holds %v", b, h, r.Verdict, *x)
		}
	}
}
