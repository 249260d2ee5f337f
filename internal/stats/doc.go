// Package stats holds the statistics behind the verdicts: summaries, intervals,
// comparisons of two runs, corrections for many comparisons, looks at growing
// data, and change points in a history.
//
// Every function is pure. There is no I/O, no clock and no hidden randomness:
// what resamples takes a seed, and the same seed gives the same answer. Each
// formula names its source and what it assumes.
//
// It is not policy. Thresholds, floors, which metric gates and what a verdict is
// called are package verdict's business. It knows no metric, unit or document:
// it takes numbers, one for each round or each run, because the round is the
// unit. Whoever pools the samples of several rounds into one slice breaks the
// independence that every function here but [BlockBootstrap] assumes.
//
// # Signs
//
// Differences are head minus base. Of logarithms, log(head/base): positive means
// that head is larger, not that it is better. [Effect.Negate] turns it round for
// a metric where higher is better.
//
// # Odd input
//
// A NaN or an infinity in the input of a comparison is a [*NotFiniteError], too
// few values are a [*TooFewError], an argument outside of its domain is a
// [*RangeError], and values whose variance is beyond float64 are [ErrOverflow].
// The summaries ([Mean] and its like) have no error to return and answer NaN.
// Nothing panics.
package stats
