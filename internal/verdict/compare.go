package verdict

import (
	"errors"

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
	s.decide(nil, p.Alpha)
	c := document(s)
	c.Method.Correction = "Holm over gating metrics, Benjamini-Hochberg over the others"
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
// value is all rounds, planned from the start, and no repeat.
type Look struct {
	// Planned are the numbers of rounds at which it was going to be looked at;
	// the present one is the first that is no less than the rounds there are.
	Planned []int
	// Flagged are the metrics, by [MetricID], that an earlier look flagged.
	Flagged []string
	// Repeat is the independent second set of rounds for the flagged metrics.
	// Without one the first set stands alone, with Holm's correction over all
	// gating metrics.
	Repeat *Pair
}

// Pair is two runs whose rounds were interleaved: the first of base with the
// first of head, and so on.
type Pair struct{ Base, Head *result.Run }

// ComparePairs judges head against a base that was measured in turn with it.
//
// With a repeat, flagged metrics are judged by the repeat alone: the first set
// was chosen for looking bad, so its numbers exaggerate.
func ComparePairs(base, head *result.Run, p Policy, look Look) (*Comparison, error) {
	if base == nil || head == nil || look.Repeat != nil && (look.Repeat.Base == nil || look.Repeat.Head == nil) {
		return nil, errors.New("compare interleaved rounds: it takes a base run and a head run")
	}
	p = p.withDefaults()
	first := newSet([]*result.Run{base}, head, p, Interleaved)
	levels, err := look.levels(first.rounds(), p)
	if err != nil {
		return nil, err
	}
	c := document(first)
	c.Method.Looks = look.Planned
	if look.Repeat == nil {
		first.decide(nil, levels.family)
		c.Method.Correction = "Holm over gating metrics, Benjamini-Hochberg over the others"
	} else {
		flagged := first.screen(levels.screen, look.Flagged)
		first.decide(flagged, p.Alpha)
		second := newSet([]*result.Run{look.Repeat.Base}, look.Repeat.Head, p, Interleaved)
		second.keep(flagged)
		second.decide(nil, p.Alpha)
		first.replace(flagged, second)
		c.Method.Correction = "screened, then Holm over the flagged metrics in an independent repeat; Benjamini-Hochberg over the others"
		c.Method.Confirmed = true
	}
	c.finish(first)
	return c, nil
}
