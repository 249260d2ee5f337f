package stats

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// ChangeOptions are the settings of [EDivisive]. Zero values mean the defaults.
type ChangeOptions struct {
	MinSegment   int     // fewest points between two changes, at least 2; 0 means 3
	Permutations int     // 0 means 199
	Alpha        float64 // level of each decision; 0 means 0.05
	MaxChanges   int     // 0 means no limit
	Seed         uint64
}

// ChangePoint is a place where a history begins to behave differently.
type ChangePoint struct {
	Index int     // of the first point after the change
	P     float64 // permutation p value of the decision that found it
	// Before and After are the medians of the two segments that meet here, once
	// all changes are known, in the history's unit.
	Before, After float64
}

// Magnitude is After − Before: of logarithms, the log of the ratio.
func (c ChangePoint) Magnitude() float64 { return c.After - c.Before }

// EDivisive finds the change points of a history, in the order of their index.
//
// Matteson & James, "A nonparametric approach for multiple change point analysis
// of multivariate data", Journal of the American Statistical Association 109,
// 2014, with the energy distance |x−y|: the history is cut where the two sides
// of the cut differ most in distribution, then each piece again, until the best
// cut is no better than in histories whose points are shuffled within the
// pieces. As in MongoDB's and hunter's use on benchmark histories (Daly et al.,
// "The use of change point detection to identify software performance
// regressions in a continuous integration system", ICPE 2020) the right side
// always reaches to the end of the piece. Sums over sorted values make a cut of
// n points cost n·log n, where the paper's cost n².
//
// It assumes that points between changes are exchangeable: drift or correlation
// between consecutive points looks like changes. Fewer than 2·MinSegment points
// have none.
func EDivisive(x []float64, o ChangeOptions) ([]ChangePoint, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := checkSample("change points", x, 0); err != nil {
		return nil, err
	}
	s := search{x: unitScale(x), options: o, random: rand.New(rand.NewPCG(o.Seed, 0x656469766973))}
	cuts := s.run()
	slices.SortFunc(cuts, func(a, b ChangePoint) int { return cmp.Compare(a.Index, b.Index) })
	start := 0
	for i := range cuts {
		end := len(x)
		if i+1 < len(cuts) {
			end = cuts[i+1].Index
		}
		cuts[i].Before, cuts[i].After = Median(x[start:cuts[i].Index]), Median(x[cuts[i].Index:end])
		start = cuts[i].Index
	}
	return cuts, nil
}

func (o ChangeOptions) withDefaults() ChangeOptions {
	if o.MinSegment == 0 {
		o.MinSegment = 3
	}
	if o.Permutations == 0 {
		o.Permutations = 199
	}
	if o.Alpha == 0 {
		o.Alpha = 0.05
	}
	return o
}

func (o ChangeOptions) check() error {
	const op = "change points"
	switch {
	case o.MinSegment < 2:
		return &RangeError{Op: op, Name: "smallest segment", Value: float64(o.MinSegment), Want: "at least 2"}
	case o.Permutations < 1:
		return &RangeError{Op: op, Name: "permutations", Value: float64(o.Permutations), Want: "positive"}
	case o.Alpha > 0 && o.Alpha < 1 && !o.enough(1):
		return &RangeError{Op: op, Name: "permutations", Value: float64(o.Permutations), Want: "at least 1/alpha − 1, or nothing can be found"}
	case o.MaxChanges < 0:
		return &RangeError{Op: op, Name: "most changes", Value: float64(o.MaxChanges), Want: "positive, or 0 for no limit"}
	}
	return checkFraction(op, "alpha", o.Alpha)
}

// enough says whether a cut that so many of all orders reach is significant.
func (o ChangeOptions) enough(reached int) bool {
	return float64(reached) <= o.Alpha*float64(o.Permutations+1)*(1+1e-12)
}

// unitScale maps the values onto 0…1. The distances scale with them, so no
// decision changes, and no sum of distances overflows.
func unitScale(x []float64) []float64 {
	out := make([]float64, len(x))
	if len(x) == 0 {
		return out
	}
	lo, hi := slices.Min(x), slices.Max(x)
	width := hi/2 - lo/2 // halves, because hi−lo may overflow
	if width == 0 {
		return out
	}
	for i, v := range x {
		out[i] = (v/2 - lo/2) / width
	}
	return out
}

// search is one run of the algorithm: the pieces so far, each with its best cut.
type search struct {
	x       []float64
	options ChangeOptions
	random  *rand.Rand
}

// piece is a segment [from, to) with the best cut inside, if there is one.
type piece struct {
	from, to int
	cut      int
	q        float64 // the statistic of the cut; 0 for none
}

func (s *search) run() []ChangePoint {
	var found []ChangePoint
	pieces := []piece{s.piece(0, len(s.x))}
	for s.options.MaxChanges == 0 || len(found) < s.options.MaxChanges {
		best := 0
		for i, p := range pieces {
			if p.q > pieces[best].q {
				best = i
			}
		}
		p := pieces[best]
		if p.q == 0 {
			break
		}
		chance, significant := s.permute(pieces, p.q)
		if !significant {
			break
		}
		found = append(found, ChangePoint{Index: p.cut, P: chance})
		pieces[best] = s.piece(p.from, p.cut)
		pieces = append(pieces, s.piece(p.cut, p.to))
	}
	return found
}

func (s *search) piece(from, to int) piece {
	cut, q := newEnergy(s.x[from:to]).bestCut(s.options.MinSegment)
	return piece{from: from, to: to, cut: from + cut, q: q}
}

// permute is the p value of the best cut: how often shuffling within the pieces
// brings a cut as good. It stops as soon as the answer is no.
func (s *search) permute(pieces []piece, q float64) (p float64, significant bool) {
	energies := make([]*energy, len(pieces))
	for i, p := range pieces {
		energies[i] = newEnergy(s.x[p.from:p.to])
	}
	total := float64(s.options.Permutations + 1)
	reached := 1 // the history itself is one of its orders
	for range s.options.Permutations {
		for _, e := range energies {
			e.shuffle(s.random)
			// Equal but for rounding counts as reached.
			if _, shuffled := e.bestCut(s.options.MinSegment); shuffled >= q*(1-1e-9) {
				reached++
				break
			}
		}
		if !s.options.enough(reached) {
			return 1, false
		}
	}
	return float64(reached) / total, true
}
