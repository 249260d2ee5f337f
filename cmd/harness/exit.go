package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/benchharness/harness/internal/lockfile"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
)

// Exit codes. Where several apply, the first of interrupted, usage, gate,
// notRun, invalid, delivery.
const (
	exitPass        = 0
	exitGate        = 1 // a gate failed: a regression, or a budget that gates was missed
	exitUsage       = 2 // usage or configuration
	exitNotRun      = 3 // a benchmark could not run: target down, plugin crashed
	exitInvalid     = 4 // a gating metric is invalid, or by policy without a verdict
	exitDelivery    = 5 // harness ci could not deliver what it had to say
	exitInterrupted = 130
)

// exitHelp is what `harness --help` says of them.
const exitHelp = `Exit codes: 0 pass · 1 a gate failed (a regression, a missed budget) · 2 usage or
configuration · 3 a benchmark could not run (target down, plugin crashed) ·
4 a gating number is invalid, or has no verdict and policy: says fail ·
130 interrupted.`

// exit is an error with a code. A nil err has been printed already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode prints err, unless that was done, and returns the code for it.
func exitCode(stderr io.Writer, err error) int {
	var e *exit
	switch {
	case err == nil:
		return exitPass
	case errors.As(err, &e):
		if e.err != nil {
			fmt.Fprintln(stderr, printable("harness: "+e.err.Error()))
		}
		return e.code
	}
	fmt.Fprintln(stderr, printable("harness: "+err.Error()))
	return codeOf(err)
}

// codeOf is the exit code of an error of the work.
func codeOf(err error) int {
	var config *suite.ConfigError
	var param *sdk.ParamError
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	var unpinned *lockfile.MismatchError
	if errors.As(err, &config) || errors.As(err, &param) || errors.As(err, &unpinned) {
		return exitUsage
	}
	return exitNotRun
}

// rank orders codes from the one that wins.
var rank = map[int]int{exitInterrupted: 0, exitUsage: 1, exitGate: 2, exitNotRun: 3, exitInvalid: 4, exitDelivery: 5, exitPass: 6}

// first returns the code that wins.
func first(codes ...int) int {
	best := exitPass
	for _, c := range codes {
		if rank[c] < rank[best] {
			best = c
		}
	}
	return best
}
