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
	waitedShare   = 0.5  // of them finding no idle worker makes a backlog at the end a rate that was not sustained
	lagShare      = 0.1  // of the response may be the generator's lag, at each quantile
)

// lagFloors are lags that any machine has and that make a round a caution
// only: against ops of microseconds a tenth of the response is less than a
// timer can do. On two cores at 1,000 and 5,000 empty ops/s (BenchmarkOpenLag)
// the lag was 0.1–0.2 µs at p50, 3–25 µs at p95 and 40–270 µs at p99 with
// priority over what else ran, and 0.2 µs, 0.2–0.8 ms and 1–4 ms beside five
// busy processes without: such a machine is found out at p95 and p99.
var lagFloors = []struct {
	q     float64
	floor time.Duration
}{
	{0.5, 20 * time.Microsecond},
	{0.95, 100 * time.Microsecond},
	{0.99, 300 * time.Microsecond},
}

// frozenLimit is how late the supervisor's timer, of 50 ms at most, may be. A
// crowded machine makes it late by tens of milliseconds.
const frozenLimit = time.Second

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
	if r.plan.Model != Closed {
		r.judgeRate(res)
		judgeLag(res)
		r.judgeArrivals(res)
	}
	if r.frozen > frozenLimit {
		res.add(caution("frozen", "the plugin's process did not run for %.1f s: it was stopped or starved of CPU, and the ops of that time show it", r.frozen.Seconds()))
	}
	judgeCollections(res, r.gc)
	if res.Overflow > 0 {
		res.add(caution("overflow", "%d latencies were above %s and are counted at that", res.Overflow, Limit))
	}
}

func (res *Result) add(f Finding) { res.Validity = append(res.Validity, f) }

// judgeRate finds out whether the ops of an open loop were sent at their rate.
// An op sent after the schedule was over did not come at the rate either: a
// target at a third of the offered rate answers everything in three times the
// time, and then the latencies tell how long the round was. A short stall at
// the end leaves a backlog too; there most ops found an idle worker.
func (r *run) judgeRate(res *Result) {
	c := res.Counts
	sent := c.Scheduled - min(c.Scheduled, c.Skipped)
	var waited, backlog uint64
	for _, s := range r.shards {
		waited += s.waited
		backlog += s.backlog
	}
	inTime := sent - min(sent, backlog)
	few := func(n uint64) bool { return float64(n) < achievedShare*float64(c.Scheduled) }
	switch {
	case few(sent):
		res.add(invalid("under_achieved", "%d of %d scheduled ops were sent (%.1f%%), want %g%%: lower the rate or allow more in flight",
			sent, c.Scheduled, 100*float64(sent)/float64(c.Scheduled), 100*achievedShare))
	case few(inTime) && float64(waited) >= waitedShare*float64(c.Scheduled):
		res.add(invalid("under_achieved", "%d of %d scheduled ops were sent before the schedule was over (%.1f%%), want %g%%: "+
			"the rate is more than was sustained; lower it or allow more in flight",
			inTime, c.Scheduled, 100*float64(inTime)/float64(c.Scheduled), 100*achievedShare))
	case few(inTime):
		res.add(caution("backlog", "%d of %d ops were still waiting when the schedule was over: the target was slow at the end of the round",
			backlog, c.Scheduled))
	}
}

// judgeLag compares lag and response at each quantile. The worst finding
// counts: the first that is invalid, else the first caution.
func judgeLag(res *Result) {
	var found *Finding
	for _, f := range lagFloors {
		lag, ok := Quantile(res.Clocks.Lag, f.q)
		response, _ := Quantile(res.Clocks.Response, f.q)
		if !ok || float64(lag) <= lagShare*float64(response) {
			continue
		}
		level := Caution
		if lag > f.floor {
			level = Invalid
		}
		if found == nil || found.Level == Caution && level == Invalid {
			found = &Finding{Level: level, Code: "lag", Message: fmt.Sprintf(
				"at p%g the generator's lag is %s and the response %s, want at most %g%% of it: lower the rate or free the machine",
				100*f.q, lag, response, 100*lagShare)}
		}
	}
	if found != nil {
		res.add(*found)
	}
}
