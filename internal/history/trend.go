package history

import (
	"context"
	"math"

	"github.com/benchharness/harness/internal/stats"
)

// maxTrend is how many points of a trend are looked at for changes, the newest
// ones: the search costs more than in proportion.
const maxTrend = 300

// Trend is a series as one machine saw it, doing one kind of work, in one unit:
// the newest point's. Only such points can be compared.
type Trend struct {
	Series
	Machine string
	Points  []Point // oldest first, without invalid ones
	Changes []Change
	// Others are points left out: of other machines, of other work or in
	// another unit; and invalid ones.
	Others, Invalid int
}

// Change is a place where the values began to be different.
type Change struct {
	Index         int     // in Points, of the first one after it
	Before, After float64 // medians of the values between changes
	P             float64 // of a permutation test
}

// Trends returns the trends of a benchmark's metrics that want says yes to.
func (h *History) Trends(ctx context.Context, benchmark string, want func(Series) bool) ([]Trend, error) {
	all, err := h.List(ctx, benchmark)
	if err != nil {
		return nil, err
	}
	// The series of a metric make one trend, which is named by the newest.
	var order []string
	newest := map[string]Series{}
	for _, s := range all {
		key := s.Benchmark + canonical(s.Params) + s.Metric
		have, ok := newest[key]
		if !ok {
			order = append(order, key)
		}
		if !ok || s.newest >= have.newest {
			newest[key] = s
		}
	}
	var out []Trend
	for _, key := range order {
		s := newest[key]
		if !want(s) {
			continue
		}
		points, err := h.Series(ctx, s.Benchmark, s.Params, s.Metric)
		if err != nil {
			return nil, err
		}
		t, err := NewTrend(s, points)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// NewTrend picks the points that can be compared with the newest valid one
// and finds the changes in them, on the logarithm for metrics of scale ratio.
func NewTrend(s Series, points []Point) (Trend, error) {
	t := Trend{Series: s}
	last := len(points) - 1
	for last >= 0 && points[last].Invalid {
		last--
	}
	if last < 0 {
		t.Invalid = len(points)
		return t, nil
	}
	now := points[last]
	t.Machine, t.Workload, t.Unit, t.Better, t.Scale, t.Gate = now.Machine, now.Workload, now.Unit, now.Better, now.Scale, now.Gate
	for _, p := range points {
		switch {
		case p.Machine != t.Machine || p.Workload != t.Workload || p.Unit != t.Unit || p.Better != t.Better || p.Scale != t.Scale:
			t.Others++
		case p.Invalid:
			t.Invalid++
		default:
			t.Points = append(t.Points, p)
		}
	}
	t.Series.Points = len(t.Points)
	err := t.findChanges()
	return t, err
}

func (t *Trend) findChanges() error {
	first := max(0, len(t.Points)-maxTrend)
	values := make([]float64, 0, maxTrend)
	logs := t.Scale != "absolute"
	for _, p := range t.Points[first:] {
		logs = logs && p.Value > 0
		values = append(values, p.Value)
	}
	if logs {
		for i, v := range values {
			values[i] = math.Log(v)
		}
	}
	changes, err := stats.EDivisive(values, stats.ChangeOptions{})
	if err != nil {
		return err
	}
	for _, c := range changes {
		if logs {
			c.Before, c.After = math.Exp(c.Before), math.Exp(c.After)
		}
		t.Changes = append(t.Changes, Change{Index: first + c.Index, Before: c.Before, After: c.After, P: c.P})
	}
	return nil
}
