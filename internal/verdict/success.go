package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

const (
	successRatio = "success_ratio"
	latencies    = "latency_" // prefix of those of the response clock
)

// weighSuccess settles the success ratio, which is judged by its own limit, and
// what a change of it beyond that limit makes incomparable: a target that
// fails fast is not a fast one.
func (s *set) weighSuccess(scenario []*candidate) {
	for _, c := range scenario {
		if c.row.Metric != successRatio || !c.absolute || !c.higher {
			continue
		}
		limit := s.policy.successLimit(c.row.Benchmark)
		worse, ok := c.successChange()
		if !ok || !atLeast(math.Abs(worse), limit) {
			return
		}
		v, word := Regressed, "dropped"
		if worse < 0 {
			v, word = Improved, "rose"
		}
		c.threshold, c.floor, c.bySuccess = limit, min(c.floor, limit), true
		c.showLimits()
		c.row.Gate, c.row.RoundsNeeded, c.row.Cautions = true, 0, nil
		c.settle(v, fmt.Sprintf("the success ratio %s by %.3g points, its limit is %.3g", word, 100*math.Abs(worse), 100*limit))
		c.show()
		for _, other := range scenario {
			if strings.HasPrefix(other.row.Metric, latencies) && other.comparable() {
				other.settle(Incomparable, "the success ratio "+word+" beyond its limit: other ops were answered")
				other.row.RoundsNeeded, other.besideSuccess = 0, true
			}
		}
		return
	}
}

// comparable says that nothing stands in the way of a comparison but perhaps a
// lack of rounds.
func (c *candidate) comparable() bool { return c.open || c.row.Verdict == Inconclusive }

// successChange is how far the success ratio fell, and whether that is sure:
// significant by itself, or one side had no failure at all, or, where rounds
// are too few to know their spread, by the numbers of ops. Thousands of them
// stand behind a side without a failure, so that one round of it is enough.
func (c *candidate) successChange() (worse float64, sure bool) {
	if !c.comparable() || c.row.Base == nil || c.row.Head == nil {
		return 0, false
	}
	base, head := &c.shares[0], &c.shares[1]
	low, high, counted := stats.ShareDifference(base.Share, head.Share, c.alpha)
	if !c.open && c.effect.N == 0 {
		worse = *c.row.Base - *c.row.Head
		c.effect = stats.Effect{N: 2, Estimate: worse, Exact: true}
		if counted {
			c.margin = max(worse-low, high-worse)
		}
	}
	worse = c.effect.Estimate
	few := min(len(base.rounds), len(head.rounds)) < usefulRounds
	byCounts := counted && few && (low > 0 && base.above(head) || high < 0 && head.above(base))
	return worse, *c.row.Base == 1 || *c.row.Head == 1 || byCounts || c.open && c.certain(c.alpha)
}

// share is what succeeded of the ops that were sent: in each round, and in as
// many independent ops as all of them are worth.
type share struct {
	stats.Share
	rounds []float64
}

// roundCorrelation is how much ops of one round are taken to have in common,
// as their intraclass correlation: a target that hiccups fails many at once.
// It cannot be seen in one round. At 0.01 a round is worth 100 independent ops
// at most, so that its ratio varies by 2 points about 95%.
const roundCorrelation = 0.01

// newShare weighs ops of one round by the design effect 1+(n−1)ρ: Kish, Survey
// Sampling (1965), 5.4; it is the variance of a beta-binomial, too.
func newShare(rounds []result.Round) share {
	var s share
	for i := range rounds {
		n := rounds[i].Counts
		ok, all := float64(n.OK), float64(n.OK)+float64(n.Failed)+float64(n.TimedOut)
		if all == 0 {
			continue
		}
		weight := 1 / (1 + (all-1)*roundCorrelation)
		s.rounds = append(s.rounds, ok/all)
		s.Successes += ok * weight
		s.Trials += all * weight
	}
	return s
}

// above says that each round of s is above each of o.
func (s *share) above(o *share) bool { return slices.Min(s.rounds) > slices.Max(o.rounds) }

// shares are those of the base runs together and of head.
func shares(base []source, head *result.Benchmark) [2]share {
	var rounds []result.Round
	for _, b := range base {
		rounds = append(rounds, b.bench.Rounds...)
	}
	return [2]share{newShare(rounds), newShare(head.Rounds)}
}
