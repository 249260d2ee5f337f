package runner

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk"
)

// Failure is why benchmarks could not run.
type Failure struct {
	IDs []string // of the benchmarks, in the order of the plan
	Err error
}

// mostNamed is how many benchmarks a failure names.
const mostNamed = 3

// Error is one line, and below it the last lines of a plugin whose process
// failed.
func (f *Failure) Error() string {
	who := strings.Join(f.IDs, ", ")
	if len(f.IDs) > mostNamed {
		who = fmt.Sprintf("%s and %d more", f.IDs[0], len(f.IDs)-1)
	}
	first, below := f.Err.Error(), ""
	if b := Broken(nil); errors.As(f.Err, &b) {
		if i := strings.IndexByte(first, '\n'); i >= 0 {
			first, below = first[:i], first[i:]
		}
	}
	return who + ": " + result.Plain(first) + below
}

func (f *Failure) Unwrap() error { return f.Err }

// failed notes that a benchmark could not run. What one cause did to several
// is one failure.
func (r *run) failed(id string, err error) {
	for _, f := range r.failures {
		if f.Err.Error() == err.Error() {
			if !slices.Contains(f.IDs, id) {
				f.IDs = append(f.IDs, id)
			}
			return
		}
	}
	r.failures = append(r.failures, &Failure{IDs: []string{id}, Err: err})
}

// noSuccess says what a round without a single ok op looked like.
func noSuccess(target result.Target, round result.Round) error {
	c := round.Counts
	msg := fmt.Sprintf("none of %d ops succeeded", c.Scheduled)
	if c.Skipped > 0 {
		msg += fmt.Sprintf(", %d of them were never sent", c.Skipped)
	}
	if c.TimedOut > 0 {
		msg += fmt.Sprintf(", %d timed out", c.TimedOut)
	}
	if len(round.Errors) > 0 {
		classes := slices.SortedFunc(maps.Keys(round.Errors), func(a, b string) int {
			return cmp.Or(cmp.Compare(round.Errors[b], round.Errors[a]), cmp.Compare(a, b))
		})
		for i, class := range classes {
			classes[i] = fmt.Sprintf("%d %s", round.Errors[class], class)
		}
		msg += " (" + strings.Join(classes, ", ") + ")"
	}
	if len(round.Samples) > 0 {
		msg += ", such as: " + round.Samples[0]
	}
	err := errors.New(msg)
	if target.Name == "" {
		return err
	}
	where := target.Name
	if target.URL != "" {
		where += " (" + target.URL + ")"
	}
	return sdk.TargetDown(where, err, "see what the target logs, or whether the benchmark asks it the right thing")
}
