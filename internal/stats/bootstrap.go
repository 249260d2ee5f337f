package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// MinBlocks is the number of blocks below which a block bootstrap has too little
// to draw from.
const MinBlocks = 5

// maxResamples keeps a slip of the pen from asking for all memory.
const maxResamples = 1_000_000

// BootstrapOptions are the settings of [BlockBootstrap]. Zero values mean the
// defaults.
type BootstrapOptions struct {
	Level     float64 // of the interval; 0 means 0.95
	Block     int     // length of a block; 0 means [BlockLength]
	Resamples int     // 0 means 1999
	Seed      uint64
}

// Bootstrapped is a mean with the interval that [BlockBootstrap] found.
type Bootstrapped struct {
	Estimate float64 // the mean
	SE       float64 // its standard error, with the autocorrelation inside the blocks counted
	Interval Interval
	Block    int  // length of a block
	Exact    bool // all values were equal: the interval is one point
}

// BlockLength is the default length of a block for n values, n^(1/3) rounded up:
// the rate that is best for the variance of a mean (Hall, Horowitz & Jing, "On
// blocking rules for the bootstrap with dependent data", Biometrika 82, 1995).
// Correlation that reaches further than a few such blocks needs longer ones.
func BlockLength(n int) int {
	if n < 1 {
		return 1
	}
	return int(math.Ceil(math.Cbrt(float64(n)) - 1e-9)) // a cube root of 1000 is 10, not 11
}

// BlockBootstrap is an interval for the mean of a stationary series whose
// neighbours resemble each other, such as consecutive seconds of one round or
// points of a history.
//
// Blocks of neighbours are drawn with replacement and overlap (Künsch, "The
// jackknife and the bootstrap for general stationary observations", Annals of
// Statistics 17, 1989). Each resample's mean is taken from the mean of all
// blocks and divided by its own standard error, and the quantiles of that t make
// the interval (Götze & Künsch, "Second-order correctness of the blockwise
// bootstrap for stationary observations", Annals of Statistics 24, 1996): the
// plain percentile interval is too narrow with few blocks.
//
// It needs [MinBlocks] blocks. It assumes a stationary series whose correlation
// dies out within about a block; with strong correlation it still covers less
// than its level (the tests state by how much). It is not for a handful of
// rounds: those are independent, and [PairedT] is better.
func BlockBootstrap(x []float64, o BootstrapOptions) (Bootstrapped, error) {
	const op = "block bootstrap"
	o = o.withDefaults(len(x))
	if err := checkFraction(op, "level", o.Level); err != nil {
		return Bootstrapped{}, err
	}
	if o.Block < 1 {
		return Bootstrapped{}, &RangeError{Op: op, Name: "block", Value: float64(o.Block), Want: "positive"}
	}
	if o.Resamples < 1 || o.Resamples > maxResamples {
		return Bootstrapped{}, &RangeError{Op: op, Name: "resamples", Value: float64(o.Resamples), Want: "from 1 to a million"}
	}
	tail := int(float64(o.Resamples+1) * (1 - o.Level) / 2 * (1 + 1e-12)) // 0.025·2000 is 50, not 49
	if tail < 1 {
		return Bootstrapped{}, &RangeError{Op: op, Name: "resamples", Value: float64(o.Resamples), Want: "at least 2/(1−level) − 1, or the level is beyond them"}
	}
	need := MinBlocks * min(o.Block, math.MaxInt/MinBlocks)
	if err := checkSample(op, x, need); err != nil {
		return Bootstrapped{}, err
	}
	out := Bootstrapped{Estimate: centre(x), Block: o.Block, Exact: allEqual(x)}
	out.Interval = Interval{Lo: out.Estimate, Hi: out.Estimate, Level: o.Level}
	if out.Exact {
		return out, nil
	}
	means := blockMeans(x, o.Block)
	if out.SE = standardErrorOfBlocks(means, float64(len(x))/float64(o.Block)); math.IsInf(out.SE, 0) || math.IsNaN(out.SE) {
		return Bootstrapped{}, ErrOverflow
	}
	t := resampleT(means, len(x)/o.Block, o.Resamples, rand.New(rand.NewPCG(o.Seed, 0x626c6f636b)))
	slices.Sort(t)
	// A large t says that the mean came out too high, so it sets the lower bound.
	out.Interval.Lo = out.Estimate - t[o.Resamples-tail]*out.SE
	out.Interval.Hi = out.Estimate - t[tail-1]*out.SE
	return out, nil
}

func (o BootstrapOptions) withDefaults(n int) BootstrapOptions {
	if o.Level == 0 {
		o.Level = 0.95
	}
	if o.Block == 0 {
		o.Block = BlockLength(n)
	}
	if o.Resamples == 0 {
		o.Resamples = 1999
	}
	return o
}

// blockMeans are the means of all n−length+1 overlapping blocks.
func blockMeans(x []float64, length int) []float64 {
	means := make([]float64, len(x)-length+1)
	for i := range means {
		means[i] = Mean(x[i : i+length])
	}
	return means
}

// standardErrorOfBlocks estimates the standard error of a mean of so many blocks
// (not always a whole number). Blocks are compared with their own mean, which
// takes one degree of freedom.
func standardErrorOfBlocks(means []float64, blocks float64) float64 {
	centre := Mean(means)
	var squares float64
	for _, m := range means {
		squares += (m - centre) * (m - centre)
	}
	return math.Sqrt(squares / float64(len(means)) / (blocks - 1))
}

// resampleT draws studentised means of so many blocks each.
func resampleT(means []float64, blocks, resamples int, random *rand.Rand) []float64 {
	truth := Mean(means)
	out := make([]float64, resamples)
	drawn := make([]float64, blocks)
	for r := range out {
		for i := range drawn {
			drawn[i] = means[random.IntN(len(means))]
		}
		mean := centre(drawn)
		se := math.Sqrt(Variance(drawn) / float64(blocks))
		// One block drawn every time has no spread: t is then ±Inf, and the
		// interval too where that is common, as it should be.
		if out[r] = (mean - truth) / se; math.IsNaN(out[r]) {
			out[r] = 0
		}
	}
	return out
}
