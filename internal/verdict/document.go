package verdict

import (
	"fmt"
	"slices"
	"time"

	"github.com/benchharness/harness/internal/result"
)

// document begins a Comparison from the runs of a set.
func document(s *set) *Comparison {
	last := s.base[len(s.base)-1]
	c := &Comparison{
		Schema:  ComparisonSchema,
		Method:  Method{Design: s.design, Rounds: s.rounds(), Looks: []int{}, Alpha: s.policy.Alpha},
		Base:    side(last),
		Head:    side(s.head),
		Budgets: s.head.Budgets,
	}
	c.Base.RunIDs = nil
	for _, b := range s.base {
		c.Base.RunIDs = append(c.Base.RunIDs, b.ID)
	}
	c.Validity = append(findings("base", last), findings("head", s.head)...)
	if s.head.Checksum != "" && slices.ContainsFunc(s.base, func(b *result.Run) bool { return b.Checksum == s.head.Checksum }) {
		c.Validity = append(c.Validity, result.Finding{
			Level: "caution", Code: "same_run",
			Message: "base and head are the same run: it does not differ from itself",
		})
	}
	return c
}

func side(r *result.Run) Side {
	return Side{
		Label: r.ID, RunIDs: []string{r.ID}, Started: r.Started,
		Harness: r.Harness.Version, Commit: r.Harness.Commit, MachineID: r.MachineID,
	}
}

// findings are what limits trust in a run, told of which side.
func findings(side string, r *result.Run) []result.Finding {
	var out []result.Finding
	add := func(of string, fs []result.Finding) {
		for _, f := range fs {
			f.Message = of + ": " + f.Message
			out = append(out, f)
		}
	}
	if r.Interrupted || !r.Complete {
		out = append(out, result.Finding{
			Level: "caution", Code: "incomplete",
			Message: side + ": the run did not end by itself: benchmarks or rounds may be missing",
		})
	}
	add(side, r.Validity)
	for _, b := range r.Benchmarks {
		add(fmt.Sprintf("%s %s", side, scenarioID(b.ID, b.Params)), b.Validity)
	}
	return out
}

// finish fills in what follows from the rows.
func (c *Comparison) finish(s *set) {
	p := s.policy
	c.Created = p.Now
	if c.Created.IsZero() {
		c.Created = s.head.Started
	}
	for _, m := range s.metrics {
		c.Rows = append(c.Rows, m.row)
	}
	c.acknowledge(p, c.Created)
	c.Counts = map[Verdict]int{}
	for i := range c.Rows {
		c.Counts[c.Rows[i].Verdict]++
	}
	c.Sentence = c.sentence()
}

// acknowledge marks regressions that somebody has accepted. The last
// acknowledgement that matches wins.
func (c *Comparison) acknowledge(p Policy, now time.Time) {
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Verdict != Regressed {
			continue
		}
		for _, a := range p.Acknowledgements {
			if !p.Match(a.Benchmark, r.Benchmark) || !p.Match(a.Metric, r.Metric) {
				continue
			}
			a.Expired = !a.Until.IsZero() && now.After(a.Until)
			if a.UpTo > 0 && r.Worse != nil && *r.Worse > a.UpTo {
				r.Cautions = append(r.Cautions, fmt.Sprintf("acknowledged up to %.3g%%, but it is %.3g%%", 100*a.UpTo, 100**r.Worse))
				continue
			}
			r.Acknowledged = &a
		}
		if a := r.Acknowledged; a != nil && a.Expired {
			r.Cautions = append(r.Cautions, fmt.Sprintf("the acknowledgement expired on %s", a.Until.Format(time.DateOnly)))
		}
	}
}
