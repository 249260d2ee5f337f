package runner

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// brokenError is a process's failure, with its last lines.
type brokenError struct{}

func (brokenError) Error() string { return "plugin x crashed\n  its last lines: a\n  | b" }
func (brokenError) Broken() bool  { return true }

func TestWhatOneCauseDidIsOneFailure(t *testing.T) {
	down := func() error { return sdk.TargetDown("main", errors.New("connection\n\trefused"), "start it") }
	for name, c := range map[string]struct {
		fail func(*run)
		want string
	}{
		"one benchmark":            {func(r *run) { r.failed("api/a", down()) }, "api/a: target main: connection refused; start it"},
		"two scenarios of one":     {func(r *run) { r.failed("api/a", down()); r.failed("api/a", down()) }, "api/a: target main: connection refused; start it"},
		"two benchmarks":           {func(r *run) { r.failed("api/a", down()); r.failed("api/b", down()) }, "api/a, api/b: target main: connection refused; start it"},
		"more than can be named":   {func(r *run) { failAll(r, down(), "a", "b", "c", "d", "e") }, "a and 4 more: target main: connection refused; start it"},
		"two causes":               {func(r *run) { r.failed("a", errors.New("x")); r.failed("b", errors.New("y")) }, "a: x|b: y"},
		"a process and its log":    {func(r *run) { r.failed("a", brokenError{}) }, "a: plugin x crashed\n  its last lines: a\n  | b"},
		"what only Go people read": {func(r *run) { r.failed("a", errors.New("rpc error: code = Unknown desc = EOF")) }, "a: Unknown: the connection was closed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &run{}
			c.fail(r)
			var got []string
			for _, f := range r.failures {
				got = append(got, f.Error())
			}
			if s := strings.Join(got, "|"); s != c.want {
				t.Errorf("got  %q\nwant %q", s, c.want)
			}
		})
	}
}

func failAll(r *run, err error, ids ...string) {
	for _, id := range ids {
		r.failed(id, err)
	}
}

func TestTheReasonInTheDocumentIsOneLine(t *testing.T) {
	if got, want := reason(brokenError{}), "plugin x crashed; its last lines: a | b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARoundWithoutSuccessIsToldWithItsErrors(t *testing.T) {
	round := result.Round{
		Counts: loop.Counts{Scheduled: 10, Failed: 6, TimedOut: 3, Skipped: 1},
		Errors: map[string]uint64{"http_503": 2, "http_500": 4}, Samples: []string{"http_500: out of cheese"},
	}
	got := noSuccess(result.Target{Name: "main", URL: "http://127.0.0.1:1"}, round).Error()
	want := "target main (http://127.0.0.1:1): none of 10 ops succeeded, 1 of them were never sent, 3 timed out " +
		"(4 http_500, 2 http_503), such as: http_500: out of cheese; see what the target logs, or whether the benchmark asks it the right thing"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := noSuccess(result.Target{}, result.Round{}).Error(); got != "none of 0 ops succeeded" {
		t.Errorf("without a target: %s", got)
	}
}
