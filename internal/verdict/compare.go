package verdict

import (
	"errors"
	"fmt"

	"github.com/benchharness/harness/internal/result"
)

// Compare judges head against base runs that were made at other times.
//
// One base run is a [StoredOne] comparison, five or more a [StoredMany]. Two
// to four are too few to know how runs differ from each other, but each of
// them says more about the base: their rounds stand together as the base side
// of a [StoredOne] comparison.
//
// The last of base is the one whose identity the document carries. The error
// is about the arguments: whatever the documents hold, it shows in the rows.
func Compare(base []*result.Run, head *result.Run, p Policy) (*Comparison, error) {
	if head == nil || len(base) == 0 {
		return nil, errors.New("compare: it takes a base run and a head run")
	}
	for _, b := range base {
		if b == nil {
			return nil, errors.New("compare: a base run is missing")
		}
	}
	p = p.withDefaults()
	s := newSet(base, head, p, storedDesign(base, head, p))
	s.decide(decision{level: always(p.Alpha)})
	c := document(s)
	c.Method.Correction = storedCorrection
	c.finish(s)
	return c, nil
}

// storedDesign is decided by the base runs of head's machine.
func storedDesign(base []*result.Run, head *result.Run, p Policy) Design {
	n := 0
	for _, b := range base {
		if p.AllowOtherMachine || b.MachineID == head.MachineID {
			n++
		}
	}
	if n >= minBaseRuns {
		return StoredMany
	}
	return StoredOne
}

// Look says at which point of an interleaved comparison it is judged. The zero
// value is all rounds, planned from the start and without a repeat: one set,
// with Holm's correction over all gating metrics.
type Look struct {
	// Planned are the numbers of rounds at which a benchmark was going to be
	// looked at; the present look is the first that is no less than the rounds
	// it has.
	Planned []int
	// Confirm says that the rounds only screen: what stands out is judged by a
	// repeat, and without one it is inconclusive.
	Confirm bool
	// Flagged are the metrics, by [MetricID], that an earlier look flagged.
	Flagged []string
	// Repeat is the independent second set of rounds, of the flagged metrics.
	Repeat *Pair
}

// Pair is two runs whose rounds were interleaved: the first of base with the
// first of head, and so on.
type Pair struct{ Base, Head *result.Run }

func (p *Pair) complete() bool { return p != nil && p.Base != nil && p.Head != nil }

// ComparePairs judges head against a base that was measured in turn with it.
//
// With a repeat, flagged metrics are judged by the repeat alone: the first set
// was chosen for looking bad, so its numbers exaggerate.
func ComparePairs(base, head *result.Run, p Policy, look Look) (*Comparison, error) {
	first := Pair{base, head}
	if !first.complete() || look.Repeat != nil && !look.Repeat.complete() {
		return nil, errors.New("compare interleaved rounds: it takes a base run and a head run")
	}
	p = p.withDefaults()
	at, err := newSpending(look.Planned, p)
	if err != nil {
		return nil, fmt.Errorf("compare interleaved rounds: %w", err)
	}
	return comparePairs(first, p, look, at), nil
}

func comparePairs(first Pair, p Policy, look Look, at spending) *Comparison {
	s := newSet([]*result.Run{first.Base}, first.Head, p, Interleaved)
	c := document(s)
	if look.Confirm {
		s.confirm(at, look)
		c.Method.Correction = "screen, then Holm over the flagged metrics in an independent repeat; " + informationalCorrection
		c.Method.Confirmed = true
	} else {
		s.decide(decision{level: at.family})
		c.Method.Correction = storedCorrection
	}
	c.Method.Looks = look.Planned
	c.finish(s)
	return c
}

const (
	informationalCorrection = "Benjamini-Hochberg over the informational ones"
	storedCorrection        = "Holm over gating metrics; " + informationalCorrection
)
