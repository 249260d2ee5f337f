package verdict

import (
	"errors"
	"fmt"
	"math"

	"github.com/benchharness/harness/internal/result"
)

// Replay judges the documents of an interleaved comparison again, as if their
// rounds were measured now: at every look it sees the rounds that there were
// at that look. With the policy of then the rows are those of then. repeat is
// nil when nothing was measured again.
//
// Another policy may ask for rounds that nobody measured. A benchmark is then
// judged by those it has, and what stands out without having been repeated is
// inconclusive.
//
// The documents may come from anywhere: the error says in what they are not
// two sides of one comparison whose rounds pair up.
func Replay(first Pair, repeat *Pair, p Policy) (*Comparison, error) {
	looks, err := together(first, repeat)
	if err != nil {
		return nil, fmt.Errorf("judge interleaved rounds again: %w", err)
	}
	if first.Base.Interrupted || first.Head.Interrupted {
		// The rounds were judged where they ended, which no look had planned.
		return ComparePairs(first.Base, first.Head, p, Look{Planned: looks, Confirm: true})
	}
	q, err := NewSequential(p, looks...)
	if err != nil {
		return nil, err
	}
	upTo := map[string]int{}
	for {
		step, done := q.Next()
		if done || step.Repeat && repeat == nil {
			return q.Comparison()
		}
		if step.Repeat {
			if err := q.Add(repeat.Base, repeat.Head); err != nil {
				return nil, err
			}
			continue
		}
		advance(upTo, step, first)
		if err := q.Add(prefix(first.Base, upTo), prefix(first.Head, upTo)); err != nil {
			return nil, err
		}
	}
}

// advance notes that the benchmarks of a step have its number of rounds now.
func advance(upTo map[string]int, step Step, first Pair) {
	ids := step.Benchmarks
	if ids == nil {
		for _, run := range []*result.Run{first.Base, first.Head} {
			for i := range run.Benchmarks {
				ids = append(ids, run.Benchmarks[i].ID)
			}
		}
	}
	for _, id := range ids {
		upTo[id] = step.Rounds
	}
}

// prefix is the run as it was when its benchmarks had so many rounds.
func prefix(run *result.Run, upTo map[string]int) *result.Run {
	out := *run
	out.Benchmarks = make([]result.Benchmark, len(run.Benchmarks))
	for i, b := range run.Benchmarks {
		if n := upTo[b.ID]; n < len(b.Rounds) {
			b = b.Part(0, n)
		}
		out.Benchmarks[i] = b
	}
	return &out
}

// together checks that the documents are those of one comparison, and returns
// its looks.
func together(first Pair, repeat *Pair) ([]int, error) {
	if !first.complete() || repeat != nil && !repeat.complete() {
		return nil, errors.New("it takes a base run and a head run of each set")
	}
	base, err := InterleavingOf(first.Base)
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	type part struct {
		name, side string
		repeat     bool
		run        *result.Run
	}
	parts := []part{{"base", "base", false, first.Base}, {"head", "head", false, first.Head}}
	if repeat != nil {
		parts = append(parts, part{"base of the repeat", "base", true, repeat.Base}, part{"head of the repeat", "head", true, repeat.Head})
	}
	ids := map[string]string{}
	for _, d := range parts {
		i, err := InterleavingOf(d.run)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", d.name, err)
		case i.Side != d.side || i.Repeat != d.repeat:
			return nil, fmt.Errorf("%s: the document says that it is another part of the comparison", d.name)
		case !i.sameComparison(base):
			return nil, fmt.Errorf("%s: the document is of another comparison than base", d.name)
		case ids[d.run.ID] != "":
			return nil, fmt.Errorf("%s: the document is the same run as %s", d.name, ids[d.run.ID])
		}
		ids[d.run.ID] = d.name
	}
	last := base.Looks[len(base.Looks)-1]
	if err := first.pairUp(last); err != nil {
		return nil, err
	}
	if repeat != nil {
		if err := repeat.pairUp(last); err != nil {
			return nil, fmt.Errorf("the repeat: %w", err)
		}
	}
	return base.Looks, nil
}

// pairUp checks that the rounds of the two runs were taken in turns, at most
// limit of each benchmark, and that their metrics follow from them.
func (p Pair) pairUp(limit int) error {
	taken := map[int]bool{}
	for _, s := range []struct {
		name string
		run  *result.Run
	}{{"base", p.Base}, {"head", p.Head}} {
		for i := range s.run.Benchmarks {
			if err := consistent(&s.run.Benchmarks[i], limit, taken); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for _, pr := range pairings([]*result.Run{p.Base}, p.Head) {
		if pr.head.bench == nil || len(pr.base) == 0 {
			continue
		}
		b, h := pr.base[0].bench, pr.head.bench
		last := -1
		for k := range min(len(b.Rounds), len(h.Rounds)) {
			if min(b.Rounds[k].Position, h.Rounds[k].Position) <= last {
				return fmt.Errorf("%s: round %d of base and head were not taken in turn", result.Printable(scenarioID(h.ID, h.Params), 120), k+1)
			}
			last = max(b.Rounds[k].Position, h.Rounds[k].Position)
		}
	}
	return nil
}

// consistent checks a benchmark's rounds and metrics. taken are the positions
// of rounds so far; no two rounds have the same.
func consistent(b *result.Benchmark, limit int, taken map[int]bool) error {
	id := result.Printable(scenarioID(b.ID, b.Params), 120)
	if len(b.Rounds) > limit {
		return fmt.Errorf("%s has %d rounds, and the last look was at %d", id, len(b.Rounds), limit)
	}
	for k := range b.Rounds {
		at := b.Rounds[k].Position
		if taken[at] {
			return fmt.Errorf("%s: round %d was taken at the same time as another", id, k+1)
		}
		taken[at] = true
	}
	for _, m := range b.Metrics {
		if len(m.PerRound) != len(b.Rounds) {
			return fmt.Errorf("%s: %s has %d values for %d rounds", id, result.Printable(m.Name, 80), len(m.PerRound), len(b.Rounds))
		}
	}
	for i, m := range b.Part(0, len(b.Rounds)).Metrics {
		if said := b.Metrics[i].Value; !sameNumber(said, m.Value) {
			return fmt.Errorf("%s: the value of %s does not follow from its rounds", id, result.Printable(m.Name, 80))
		}
	}
	return nil
}

// sameNumber allows for the rounding of another processor.
func sameNumber(a, b *float64) bool {
	if a == nil || b == nil {
		return a == b
	}
	return math.Abs(*a-*b) <= tolerance*max(math.Abs(*a), math.Abs(*b))
}
