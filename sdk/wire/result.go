package wire

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// ResultFromProto decodes a round that foreign code made. Whatever could not
// be written down, or would make a nonsensical number, is an error: histograms
// that do not decode, values that are not finite, times that are absent or
// negative, and counts that do not fit the histograms or the errors. Counts
// that do not add up come back as they are, with the finding that says so.
func ResultFromProto(r *pluginv1.RoundResult) (loop.Result, error) {
	c := r.GetCounts()
	out := loop.Result{
		Started: r.GetStarted().AsTime(), Elapsed: r.GetElapsed().AsDuration(),
		Counts: loop.Counts{
			Scheduled: c.GetScheduled(), OK: c.GetOk(), Failed: c.GetFailed(),
			TimedOut: c.GetTimedOut(), Skipped: c.GetSkipped(),
		},
		Errors: r.GetErrors(), Samples: r.GetSamples(), Batch: max(r.GetBatch(), 1), Overflow: r.GetOverflow(),
		Values: map[string]loop.Value{},
	}
	if err := r.GetStarted().CheckValid(); err != nil {
		return out, fmt.Errorf("round result: its start: %w", err)
	}
	if out.Elapsed < 0 || out.Elapsed == 0 && out.Counts.OK > 0 {
		return out, fmt.Errorf("round result: %d ops in %v", out.Counts.OK, out.Elapsed)
	}
	for name, v := range r.GetValues() {
		if v.GetCount() == 0 {
			continue
		}
		if !finite(v.GetSum(), v.GetMin(), v.GetMax()) {
			return out, fmt.Errorf("round result: metric %q is not finite", name)
		}
		out.Values[name] = loop.Value{Count: v.GetCount(), Sum: v.GetSum(), Min: v.GetMin(), Max: v.GetMax()}
	}
	for _, f := range r.GetValidity() {
		found := loop.Finding{Level: loop.Level(f.GetLevel()), Code: f.GetCode(), Message: f.GetMessage()}
		if found.Level != loop.Invalid && found.Level != loop.Caution {
			return out, fmt.Errorf("round result: finding %q has level %q, want %s or %s", found.Code, found.Level, loop.Invalid, loop.Caution)
		}
		out.Validity = append(out.Validity, found)
	}
	for _, c := range clocks(&out.Clocks, r.GetClocks()) {
		if c.encoded == nil || len(*c.encoded) == 0 {
			*c.histogram = loop.NewHistogram()
			continue
		}
		h, err := loop.DecodeV2(*c.encoded)
		if err != nil {
			return out, fmt.Errorf("round result: the %s clock: %w", c.name, err)
		}
		*c.histogram = h
	}
	return out, checkCounts(&out)
}

// checkCounts compares what a plugin says it did with what it recorded.
func checkCounts(r *loop.Result) error {
	c := r.Counts
	sent, overflow := sum(c.OK, c.TimedOut)
	timed, more := sum(sent, c.Skipped)
	all, most := sum(timed, c.Failed)
	if overflow || more || most || all > math.MaxInt64 {
		return fmt.Errorf("round result: impossible counts: %d ok, %d failed, %d timed out, %d skipped", c.OK, c.Failed, c.TimedOut, c.Skipped)
	}
	if n := total(r.Clocks.Response); n < sent || n > timed {
		return fmt.Errorf("round result: %d response times for %d ok, %d timed-out and %d skipped ops: the plugin's counts and histograms disagree",
			n, c.OK, c.TimedOut, c.Skipped)
	}
	if n := total(r.Clocks.Service); n > sent {
		return fmt.Errorf("round result: %d service times for %d ok and %d timed-out ops: the plugin's counts and histograms disagree", n, c.OK, c.TimedOut)
	}
	classified := uint64(0)
	for _, n := range r.Errors {
		if classified, overflow = sum(classified, n); overflow || classified > c.Failed {
			return fmt.Errorf("round result: more errors by class than the %d failed ops", c.Failed)
		}
	}
	if all != c.Scheduled {
		r.Validity = identity(r.Validity, c)
	}
	return nil
}

// identity makes sure that counts which do not add up are found to be invalid.
func identity(found []loop.Finding, c loop.Counts) []loop.Finding {
	for _, f := range found {
		if f.Code == "identity" && f.Level == loop.Invalid {
			return found
		}
	}
	return append(found, loop.Finding{Level: loop.Invalid, Code: "identity", Message: fmt.Sprintf(
		"%d ops scheduled, but %d ok + %d failed + %d timed out + %d skipped", c.Scheduled, c.OK, c.Failed, c.TimedOut, c.Skipped)})
}

func total(h *hdrhistogram.Histogram) uint64 { return uint64(max(h.TotalCount(), 0)) }

func sum(a, b uint64) (s uint64, overflow bool) {
	s, carry := bits.Add64(a, b, 0)
	return s, carry != 0
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}
