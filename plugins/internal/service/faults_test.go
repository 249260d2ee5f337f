package service

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestParseFaultsRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"an unknown kind", "slow=20ms", `unknown kind "slow"`},
		{"a missing value", "fixed", `duration ""`},
		{"a number without a unit", "fixed=20", `duration "20"`},
		{"a negative duration", "fixed=-1ms", "above 0"},
		{"an absurd duration", "fixed=2000h", "at most 1h"},
		{"a share above one", "share=1.5:10ms", "ratio P above 0"},
		{"a share of zero", "share=0:10ms", "ratio P above 0"},
		{"a share that is not a number", "share=NaN:10ms", "ratio P above 0"},
		{"a share without a duration", "share=0.5", "share=P:DURATION"},
		{"a stall without a period", "stall=200ms", "stall=DURATION/PERIOD"},
		{"a stall as long as its period", "stall=2s/2s", "never ends"},
		{"a prefix without a delay", "/search", "names no delay"},
		{"an empty part", "fixed=1ms,", "unknown kind"},
		{"the wrong part of several", "fixed=1ms,stall=x/2s", `fault "stall=x/2s"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseFaults(c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("ParseFaults(%q) = %v, want an error with %q", c.in, err, c.want)
			}
		})
	}
}

// took is how long Wait holds a request, on the bubble's clock.
func took(t *testing.T, f *Faults, path string) time.Duration {
	t.Helper()
	start := time.Now()
	if err := f.Wait(t.Context(), path); err != nil {
		t.Fatalf("wait: %v", err)
	}
	return time.Since(start)
}

func mustFaults(t *testing.T, s string) *Faults {
	t.Helper()
	f, err := ParseFaults(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFixedDelayHoldsEveryMatchingRequestThatLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mustFaults(t, " fixed=20ms , /search:fixed=5ms, /harness.retrieval.v1.Retrieval/Search:fixed=7ms")
		for path, want := range map[string]time.Duration{
			"/embed": 20 * time.Millisecond, "/search": 25 * time.Millisecond,
			"/harness.retrieval.v1.Retrieval/Search": 27 * time.Millisecond,
		} {
			if got := took(t, f, path); got != want {
				t.Errorf("%s took %v, want %v", path, got, want)
			}
		}
	})
}

func TestAShareDelaysThatShareOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, again := mustFaults(t, "share=0.05:100ms"), mustFaults(t, "share=0.05:100ms")
		const n = 20000
		slow := 0
		for range n {
			d := took(t, f, "/embed")
			if d != 0 && d != 100*time.Millisecond {
				t.Fatalf("a request took %v, want 0 or 100ms", d)
			}
			if d != took(t, again, "/embed") {
				t.Fatal("the same requests are not slow the second time")
			}
			if d > 0 {
				slow++
			}
		}
		if got := float64(slow) / n; math.Abs(got-0.05) > 0.005 {
			t.Errorf("%.4f of the requests were slow, want 0.05", got)
		}
	})
}

func TestAStallFreezesTheEndOfEveryPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := mustFaults(t, "stall=200ms/2s")
		start := time.Now()
		for _, c := range []struct{ at, want time.Duration }{
			{0, 0},
			{1799 * time.Millisecond, 0},
			{1800 * time.Millisecond, 200 * time.Millisecond},
			{2000 * time.Millisecond, 0},
			{3950 * time.Millisecond, 50 * time.Millisecond},
			{7999 * time.Millisecond, time.Millisecond},
		} {
			time.Sleep(c.at - time.Since(start))
			if got := took(t, f, "/x"); got != c.want {
				t.Errorf("a request at %v took %v, want %v", c.at, got, c.want)
			}
		}
	})
}

func TestNoFaultHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, f := range []*Faults{nil, {}, mustFaults(t, "")} {
			if d := took(t, f, "/search"); d != 0 {
				t.Errorf("took %v, want nothing", d)
			}
		}
	})
}

func TestADelayEndsWhenTheRequestIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := mustFaults(t, "fixed=1h").Wait(ctx, "/")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("wait ended after %v with %v, want 1s and the deadline's error", time.Since(start), err)
		}
	})
}

func FuzzParseFaults(f *testing.F) {
	for _, s := range []string{"fixed=20ms", "share=0.05:100ms", "stall=200ms/2s", "/a:fixed=1s,fixed=2s", "/:", ",", "share=:/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		faults, err := ParseFaults(s)
		if err != nil {
			return
		}
		if d := faults.delay("/search"); d < 0 {
			t.Errorf("%q delays by %v", s, d)
		}
		if _, err := ParseFaults(faults.String()); err != nil {
			t.Errorf("%q does not read back: %v", s, err)
		}
	})
}
