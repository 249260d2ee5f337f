package result

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/sdk/loop"
)

// NewHistogram encodes a histogram of nanoseconds and takes its main
// statistics; a quantile that too few samples support is null, see
// [loop.SamplesFor]. batch is how many ops were timed together and are in the
// histogram with their common mean: they count as one sample. A nil or empty
// histogram gives the empty one.
func NewHistogram(h *hdrhistogram.Histogram, batch uint64) Histogram {
	if h == nil || h.TotalCount() == 0 {
		return Histogram{}
	}
	v2, err := loop.EncodeV2(h)
	if err != nil {
		panic(err) // it is not nil, and nothing else can fail
	}
	mean, max := h.Mean()/float64(time.Second), time.Duration(h.Max()).Seconds()
	out := Histogram{V2: v2, Count: uint64(h.TotalCount()), Mean: &mean, Max: &max}
	out.P50, out.P95, out.P99 = Quantile(h, 0.50, batch), Quantile(h, 0.95, batch), Quantile(h, 0.99, batch)
	return out
}

// Quantile is a quantile of a histogram of nanoseconds, in seconds; nil when too
// few samples support it, see [loop.SamplesFor]. Of ops that were timed batch at
// a time, each batch is one sample.
func Quantile(h *hdrhistogram.Histogram, q float64, batch uint64) *float64 {
	d, ok := loop.Quantile(h, q)
	if !ok || uint64(h.TotalCount())/max(batch, 1) < uint64(loop.SamplesFor(q)) {
		return nil
	}
	seconds := d.Seconds()
	return &seconds
}

// DecodeHistogram is the inverse of [NewHistogram] and safe for hostile text:
// it accepts only the range and precision of [loop.NewHistogram], the ones
// that merge without loss. The empty string is the empty histogram.
func DecodeHistogram(v2 string) (*hdrhistogram.Histogram, error) {
	if v2 == "" {
		return loop.NewHistogram(), nil
	}
	return loop.DecodeV2(v2)
}

// Open decodes the histogram and checks that it holds as many samples as it
// says.
func (h *Histogram) Open() (*hdrhistogram.Histogram, error) {
	opened, err := DecodeHistogram(h.V2)
	if err != nil {
		return nil, err
	}
	if n := opened.TotalCount(); uint64(n) != h.Count {
		return nil, &countError{h.Count, n}
	}
	return opened, nil
}

// countError says that a histogram does not hold what it says.
type countError struct {
	says  uint64
	holds int64
}

func (e *countError) Error() string {
	return fmt.Sprintf("is %d, but the histogram holds %d", e.says, e.holds)
}

// Clock picks one clock of a round.
type Clock func(*Clocks) *Histogram

// The four clocks.
func Response(c *Clocks) *Histogram { return &c.Response }
func Service(c *Clocks) *Histogram  { return &c.Service }
func Lag(c *Clocks) *Histogram      { return &c.Lag }
func Wait(c *Clocks) *Histogram     { return &c.Wait }

// Pool merges one clock of several rounds, without loss. What is read from a
// pooled histogram has to be labelled pooled, and no verdict may use it: the
// round is the unit of statistics.
func Pool(rounds []Round, clock Clock) (*hdrhistogram.Histogram, error) {
	return counting(func(c *counts) (*hdrhistogram.Histogram, error) {
		for i := range rounds {
			if err := clock(&rounds[i].Clocks).countInto(c); err != nil {
				return nil, fmt.Errorf("pool round %d: %w", i+1, err)
			}
		}
		return c.histogram(), nil
	})
}

// countInto adds the histogram to counts, and checks that it holds as many
// samples as it says.
func (h *Histogram) countInto(c *counts) error {
	n, err := c.add(h.V2)
	if err == nil && uint64(n) != h.Count {
		err = &countError{h.Count, n}
	}
	return err
}

// Pooled is [Pool] as the document's form. Its quantiles are null where the
// rounds together have too few samples.
func Pooled(rounds []Round, clock Clock) (Histogram, error) {
	h, err := Pool(rounds, clock)
	if err != nil {
		return Histogram{}, err
	}
	var batch uint64
	for _, r := range rounds {
		batch = max(batch, r.Batch)
	}
	return NewHistogram(h, batch), nil
}
