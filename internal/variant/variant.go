// Package variant builds and serves the variants of a system under test that
// harness ab measures in turns, by the commands of the config file, and checks
// them out of a git repository where a side is a ref.
//
// What a command starts belongs to the round it serves: it is journalled,
// leads a process group of its own, ends with the harness however that ends,
// and is gone when [Running.Down] returns. The package measures nothing and
// knows nothing of what is served but when it is ready.
package variant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/internal/proc"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
)

// Variant is a variant in a folder.
type Variant struct {
	Spec    suite.Variant
	Dir     string            // in which the commands run; absolute
	Journal sdk.Journal       // of processes; nil: not journalled
	Log     func(line string) // of what the commands print; may be nil
	CPUs    cpus.Set          // that what it serves may use; none: any
}

// Error says which command of a variant failed, and the last that it printed.
type Error struct {
	Variant string
	Step    string // "build", "start", "ready" or "stop"
	Err     error
	Said    []string
}

// saidLines is how many lines of a command's output an error shows.
const saidLines = 8

// Error is one line, and one more for each that the command printed last.
func (e *Error) Error() string {
	s := fmt.Sprintf("variant %s: %s: %v", e.Variant, e.Step, e.Err)
	if n := len(e.Said); n > 0 {
		s += "\n  its last lines: " + strings.Join(e.Said[max(0, n-saidLines):], "\n  | ")
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

func (v *Variant) fail(step string, said []string, format string, args ...any) error {
	return &Error{Variant: v.Spec.Name, Step: step, Err: fmt.Errorf(format, args...), Said: said}
}

const (
	grace     = 10 * time.Second // between SIGTERM and SIGKILL
	stopLimit = 30 * time.Second // of the stop command
)

// Build runs the build command, if there is one. The error is an [*Error], or
// the cause of ctx.
func (v *Variant) Build(ctx context.Context) error {
	if v.Spec.Build == "" {
		return nil
	}
	return v.do(ctx, "build", v.Spec.Build)
}

// do runs a command to its end.
func (v *Variant) do(ctx context.Context, step, command string) error {
	c, err := v.begin(step, command)
	if err != nil {
		return err
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
	}
	inTime := c.EndsWithin(0)
	how, err := c.end(grace)
	switch {
	case !inTime && errors.Is(context.Cause(ctx), errSlow):
		return v.fail(step, c.tail.Lines(), "%w", errSlow)
	case !inTime:
		return context.Cause(ctx)
	case how != nil:
		return v.fail(step, c.tail.Lines(), "%w", how)
	}
	return err
}

// errSlow ends the context of a command that has a limit.
var errSlow = errors.New("did not end in time")

// command is a command that was started.
type command struct {
	*proc.Child
	tail    *proc.Tail
	drained chan struct{}
}

func (v *Variant) begin(step, shell string) (*command, error) {
	if info, err := os.Stat(v.Dir); err != nil || !info.IsDir() {
		return nil, v.fail(step, nil, "there is no folder %s to run it in", v.Dir)
	}
	c := &command{tail: proc.NewTail(v.Log), drained: make(chan struct{})}
	var on cpus.Set // a build may use all there are
	if step == "start" {
		on = v.CPUs
	}
	var err error
	c.Child, err = proc.Start(proc.Spec{
		Name: step + " of variant " + v.Spec.Name, Path: "/bin/sh", Args: []string{"-c", shell}, Dir: v.Dir,
		// The commands are the user's own and may need whatever is set.
		Env: append(os.Environ(), v.Spec.Env...), Stderr: c.tail, Journal: v.Journal, Foreign: true, CPUs: on,
	})
	if err != nil {
		return nil, v.fail(step, nil, "%w", err)
	}
	go func() {
		defer close(c.drained)
		_, _ = io.Copy(c.tail, c.Stdout()) // it ends when Stop closes it, at the latest
	}()
	return c, nil
}

// drain is how long what a command that has ended left in its pipe may take to
// be read.
const drain = 500 * time.Millisecond

// end ends the command and what it started, and says how it ended.
func (c *command) end(grace time.Duration) (how, err error) {
	if c.EndsWithin(0) {
		c.lastWords()
	}
	err = c.Stop(context.Background(), grace)
	<-c.drained
	return c.Wait(), err
}

// lastWords waits for what a command that has ended left in its pipes.
func (c *command) lastWords() {
	timer := time.NewTimer(drain)
	defer timer.Stop()
	select {
	case <-c.drained:
	case <-timer.C: // a process that it left behind holds the pipe
	}
}

// Running is a variant that serves.
type Running struct {
	variant *Variant
	command *command
}

// Up starts the variant and returns when it is ready. The error is an [*Error],
// or the cause of ctx; nothing runs then.
func (v *Variant) Up(ctx context.Context) (*Running, error) {
	if err := v.silent(ctx); err != nil {
		return nil, err
	}
	c, err := v.begin("start", v.Spec.Start)
	if err != nil {
		return nil, err
	}
	r := &Running{variant: v, command: c}
	if err := v.await(ctx, c); err != nil {
		return nil, errors.Join(err, r.Down())
	}
	return r, nil
}

// PID is the process id of the start command: of the server, if that is all
// that the command starts.
func (r *Running) PID() int { return r.command.PID() }

// Down stops the variant and returns when all that its start command started is
// gone.
func (r *Running) Down() error {
	var failed error
	if stop := r.variant.Spec.Stop; stop != "" {
		// Even after an interrupt: it is what ends what start left to others.
		ctx, cancel := context.WithTimeoutCause(context.Background(), stopLimit, errSlow)
		failed = r.variant.do(ctx, "stop", stop)
		cancel()
	}
	_, err := r.command.end(grace)
	return errors.Join(failed, err)
}
