package body

import (
	"maps"
	"slices"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// namer names the scenarios of a comparison by their benchmark and the
// parameters that tell them from their siblings.
type namer map[string]*siblings

type siblings struct {
	first map[string]string
	keys  map[string]bool
}

func newNamer(c *verdict.Comparison) namer {
	n := namer{}
	if c == nil {
		return n
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		s := n[r.Benchmark]
		if s == nil {
			n[r.Benchmark] = &siblings{first: r.Params}
			continue
		}
		s.see(r.Params)
	}
	return n
}

// see notes by which parameters a scenario differs from the first.
func (s *siblings) see(params map[string]string) {
	if maps.Equal(s.first, params) {
		return
	}
	for _, side := range []map[string]string{s.first, params} {
		for k := range side {
			if a, ok := s.first[k]; ok && a == params[k] {
				continue
			}
			if s.keys == nil {
				s.keys = map[string]bool{}
			}
			s.keys[k] = true
		}
	}
}

func (n namer) keys(benchmark string) []string {
	if s := n[benchmark]; s != nil {
		return slices.Sorted(maps.Keys(s.keys))
	}
	return nil
}

// row is the scenario of a row, as plain text.
func (n namer) row(r *verdict.Row) string {
	return plain(report.ScenarioName(r.Benchmark, r.Params, n.keys(r.Benchmark)))
}

// budget is the scenario of a budget. How many users there were is always
// said: budgets are set for them.
func (n namer) budget(b *result.Budget) string {
	keys := n.keys(b.Benchmark)
	const users = "concurrent_users"
	if _, ok := b.Params[users]; ok && !slices.Contains(keys, users) {
		keys = append(keys, users)
	}
	return plain(report.ScenarioName(b.Benchmark, b.Params, keys))
}

// bench is the scenario of a benchmark of the head.
func (n namer) bench(b *result.Benchmark) string {
	return plain(report.ScenarioName(b.ID, b.Params, n.keys(b.ID)))
}
