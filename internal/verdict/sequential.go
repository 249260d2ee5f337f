package verdict

import (
	"errors"
	"fmt"
	"slices"

	"github.com/benchharness/harness/internal/result"
)

// DefaultLooks are the numbers of interleaved rounds at which a comparison is
// looked at.
func DefaultLooks() []int { return []int{6, 12, 24} }

// Sequential decides how many interleaved rounds a comparison takes. It
// measures nothing: whoever drives it asks [Sequential.Next] what to measure,
// does that, and hands the runs to [Sequential.Add].
//
// It screens first, until every gating metric stands out or is settled, or the
// last look is over. What stands out is then measured again from the beginning,
// and only that independent repeat can make it regressed or improved.
type Sequential struct {
	policy  Policy
	looks   []int
	spent   spending
	look    int // the next one
	first   Pair
	repeat  *Pair
	rounds  int // that the repeat takes
	flagged map[string]bool
	asked   []string // benchmarks of the next step
	phase   phase
}

type phase int

const (
	screening phase = iota
	repeating
	over
)

// Step is what to measure next.
type Step struct {
	// Rounds is how many pairs of rounds the set is to have in all. Those of
	// earlier steps of the same set count.
	Rounds int
	// Repeat says that it is another set, whose rounds begin from none.
	Repeat bool
	// Benchmarks are the ids of those that need the rounds; nil means all.
	Benchmarks []string
}

// NewSequential plans a comparison. No looks means [DefaultLooks].
func NewSequential(p Policy, looks ...int) (*Sequential, error) {
	if len(looks) == 0 {
		looks = DefaultLooks()
	}
	if looks[0] < 2 {
		return nil, fmt.Errorf("plan interleaved rounds: a look at %d sees no spread between rounds, it takes two", looks[0])
	}
	p = p.withDefaults()
	spent, err := newSpending(looks, p)
	if err != nil {
		return nil, fmt.Errorf("plan interleaved rounds: %w", err)
	}
	return &Sequential{policy: p, looks: slices.Clone(looks), spent: spent, flagged: map[string]bool{}}, nil
}

// Next says what to measure. done means that nothing more is needed.
func (q *Sequential) Next() (step Step, done bool) {
	switch q.phase {
	case screening:
		return Step{Rounds: q.looks[q.look], Benchmarks: slices.Clone(q.asked)}, false
	case repeating:
		return Step{Rounds: q.rounds, Repeat: true, Benchmarks: slices.Clone(q.asked)}, false
	}
	return Step{}, true
}

// Add takes the runs of the present set, with all rounds so far. A benchmark
// that has fewer rounds than were asked for is judged by what it has.
func (q *Sequential) Add(base, head *result.Run) error {
	p := Pair{base, head}
	if !p.complete() {
		return errors.New("add interleaved rounds: it takes a base run and a head run")
	}
	switch q.phase {
	case screening:
		q.first = p
		q.screen()
	case repeating:
		q.repeat = &p
		q.phase = over
	default:
		return errors.New("add interleaved rounds: nothing more was asked for")
	}
	return nil
}

// screen looks at the rounds so far and decides what comes next.
func (q *Sequential) screen() {
	s := newSet([]*result.Run{q.first.Base}, q.first.Head, q.policy, Interleaved)
	before := len(q.flagged)
	for id := range s.flag(q.spent, nil) {
		q.flagged[id] = true
	}
	if len(q.flagged) > before {
		q.rounds = q.looks[max(q.look, min(1, len(q.looks)-1))]
	}
	q.look++
	if open := s.benchmarks(func(c *candidate) bool { return !c.settledBy(q.flagged) }); len(open) > 0 && q.look < len(q.looks) {
		q.asked = open
		return
	}
	q.phase = over
	if len(q.flagged) > 0 {
		q.phase = repeating
		q.asked = s.benchmarks(func(c *candidate) bool { return q.flagged[c.id] })
	}
}

// benchmarks are the ids of those that have such a metric, in order.
func (s *set) benchmarks(with func(*candidate) bool) []string {
	var ids []string
	for _, c := range s.metrics {
		if with(c) && (len(ids) == 0 || !slices.Contains(ids, c.row.Benchmark)) {
			ids = append(ids, c.row.Benchmark)
		}
	}
	return ids
}

// Comparison judges what has been added so far. Before Next is done, what
// stands out but has not been repeated is inconclusive.
func (q *Sequential) Comparison() (*Comparison, error) {
	if !q.first.complete() {
		return nil, errors.New("compare interleaved rounds: none were added")
	}
	flagged := make([]string, 0, len(q.flagged))
	for id := range q.flagged {
		flagged = append(flagged, id)
	}
	look := Look{Planned: q.looks, Confirm: true, Flagged: flagged, Repeat: q.repeat}
	return comparePairs(q.first, q.policy, look, q.spent), nil
}
