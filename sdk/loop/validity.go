package loop

import (
	"fmt"
	"time"
)

func caution(code, format string, args ...any) Finding {
	return Finding{Level: Caution, Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(code, format string, args ...any) Finding {
	return Finding{Level: Invalid, Code: code, Message: fmt.Sprintf(format, args...)}
}

const (
	achievedShare = 0.99 // of the scheduled ops of an open loop have to be sent
	lagShare      = 0.1  // of the response may be the generator's lag, at each quantile
)

// judge adds what limits trust in the result.
func (r *run) judge(res *Result) {
	c := res.Counts
	if !c.Balanced() {
		res.add(invalid("identity", "%d ops scheduled, but %d ok + %d failed + %d timed out + %d skipped",
			c.Scheduled, c.OK, c.Failed, c.TimedOut, c.Skipped))
	}
	if c.OK == 0 {
		why := "no op was scheduled"
		if c.Scheduled > 0 {
			why = fmt.Sprintf("none of %d ops succeeded", c.Scheduled)
		}
		if len(res.Samples) > 0 {
			why += "; " + res.Samples[0]
		}
		res.add(invalid("no_success", "%s", why))
	}
	if sent := c.Scheduled - min(c.Scheduled, c.Skipped); r.plan.Model != Closed && float64(sent) < achievedShare*float64(c.Scheduled) {
		res.add(invalid("under_achieved", "%d of %d scheduled ops were sent (%.1f%%), want %g%%: lower the rate or allow more in flight",
			sent, c.Scheduled, 100*float64(sent)/float64(c.Scheduled), 100*achievedShare))
	}
	if r.plan.Model != Closed {
		judgeLag(res)
	}
	if res.Overflow > 0 {
		res.add(caution("overflow", "%d latencies were above %s and are counted at that", res.Overflow, Limit))
	}
}

func (res *Result) add(f Finding) { res.Validity = append(res.Validity, f) }

func judgeLag(res *Result) {
	for _, q := range []float64{0.5, 0.95, 0.99} {
		lag, ok := Quantile(res.Clocks.Lag, q)
		response, _ := Quantile(res.Clocks.Response, q)
		if !ok || float64(lag) <= lagShare*float64(response) {
			continue
		}
		res.add(invalid("lag", "p%g of the generator's lag is %s, of the response %s: %s",
			100*q, lag.Round(time.Nanosecond), response, "more than a tenth of the response is the generator's own"))
		return
	}
}
