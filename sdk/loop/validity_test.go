package loop

import (
	"testing"
	"time"
)

func TestValidityOfARound(t *testing.T) {
	counts := func(scheduled, ok, failed, skipped uint64) Counts {
		return Counts{Scheduled: scheduled, OK: ok, Failed: failed, Skipped: skipped}
	}
	for _, c := range []struct {
		name          string
		model         Model
		counts        Counts
		lag, response time.Duration
		level         Level
		code          string // "" for none
	}{
		{"a good closed loop", Closed, counts(1000, 999, 1, 0), 0, time.Millisecond, "", ""},
		{"a good open loop", Constant, counts(1000, 990, 10, 0), 50 * time.Microsecond, time.Millisecond, "", ""},
		{"an op that was lost", Closed, counts(1000, 999, 0, 0), 0, time.Millisecond, Invalid, "identity"},
		{"an op that came twice", Closed, counts(1000, 1001, 0, 0), 0, time.Millisecond, Invalid, "identity"},
		{"nothing but failures", Closed, counts(1000, 0, 1000, 0), 0, 0, Invalid, "no_success"},
		{"no op at all", Closed, counts(0, 0, 0, 0), 0, 0, Invalid, "no_success"},
		{"1.1% not sent", Constant, counts(1000, 989, 0, 11), 0, time.Millisecond, Invalid, "under_achieved"},
		{"1% not sent", Constant, counts(1000, 990, 0, 10), 0, time.Millisecond, "", ""},
		{"a lag of a tenth", Constant, counts(1000, 1000, 0, 0), time.Millisecond, 11 * time.Millisecond, "", ""},
		{"a lag of a fifth", Constant, counts(1000, 1000, 0, 0), time.Millisecond, 5 * time.Millisecond, Invalid, "lag"},
		{"a lag of half, as any machine has", Constant, counts(1000, 1000, 0, 0), 5 * time.Microsecond, 10 * time.Microsecond, Caution, "lag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRun(Plan{Model: c.model, Rate: 1, Duration: time.Second}, false)
			res := emptyResult()
			res.Counts = c.counts
			_ = res.Clocks.Lag.RecordValues(int64(c.lag), 1000)
			_ = res.Clocks.Response.RecordValues(int64(c.response), 1000)
			r.judge(&res)
			switch {
			case c.code == "" && len(res.Validity) > 0:
				t.Errorf("found %v, want nothing", res.Validity)
			case c.code != "" && (len(res.Validity) != 1 || !has(res, c.level, c.code)):
				t.Errorf("found %v, want %s %s", res.Validity, c.level, c.code)
			}
		})
	}
}
func TestAProcessThatDidNotRunIsACaution(t *testing.T) {
	for frozen, want := range map[time.Duration]bool{100 * time.Millisecond: false, 3 * time.Second: true} {
		r := newRun(Plan{Model: Closed, Duration: time.Second}, false)
		r.frozen = frozen
		res := emptyResult()
		res.Counts = Counts{Scheduled: 10, OK: 10}
		r.judge(&res)
		if has(res, Caution, "frozen") != want {
			t.Errorf("frozen for %v: found %v", frozen, res.Validity)
		}
	}
}
