// Package stack starts the reference stack as a child of the harness and
// learns where it listens.
//
// The child is `harness reference up --announce`: it prints one JSON line, a
// [Ready], when its components serve, and ends with the harness. The package
// does not know what the components are made of.
package stack

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/internal/proc"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
)

// Ready is what the child announces.
type Ready struct {
	Components map[string]Component `json:"components"` // by kind of target
	// NotMeasured says why a component cannot be had on this machine.
	NotMeasured *sdk.NotMeasuredError `json:"not_measured,omitempty"`
	Error       string                `json:"error,omitempty"`
}

// Component is one running part of the stack.
type Component struct {
	Target     sdk.Target        `json:"target"`
	Provenance map[string]string `json:"provenance"`
}

// Announce prints r as the one line that [Start] reads.
func Announce(w io.Writer, r Ready) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("announce the reference stack: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("announce the reference stack: %w", err)
	}
	return nil
}

// Options say what to start.
type Options struct {
	Exe         string   // this program
	Args        []string // `reference up …`
	Kind        string   // the component that is wanted
	Journal     sdk.Journal
	JournalPath string
	Log         func(line string)
	CPUs        cpus.Set      // that it and what it starts may use; none: any
	Timeout     time.Duration // default 3 min: a first start may fetch binaries
}

// Stack is a running child with one component.
type Stack struct {
	child     *proc.Child
	component Component
	kind      string
	tail      *proc.Tail
	drained   chan struct{} // closed when nothing reads the child's stdout any more
}

const (
	defaultTimeout = 3 * time.Minute
	stopGrace      = 15 * time.Second // a database shuts down in that time
	maxLine        = 1 << 20
)

// Start starts the child and waits for its announcement. What this machine
// cannot give comes back as a [sdk.NotMeasuredError].
func Start(ctx context.Context, o Options) (*Stack, error) {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	tail := proc.NewTail(o.Log)
	env := []string{journal.EnvPath + "=" + o.JournalPath}
	child, err := proc.Start(proc.Spec{Name: "reference " + o.Kind, Path: o.Exe, Args: o.Args, Env: env, Stderr: tail, Journal: o.Journal, CPUs: o.CPUs})
	if err != nil {
		return nil, err
	}
	s := &Stack{child: child, kind: o.Kind, tail: tail, drained: make(chan struct{})}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	ready, err := s.await(ctx)
	if err == nil {
		var ok bool
		if s.component, ok = ready.Components[o.Kind]; !ok {
			err = fmt.Errorf("it has no component %q", o.Kind)
		}
	}
	if err != nil {
		s.Stop()
		var absent *sdk.NotMeasuredError
		if errors.As(err, &absent) {
			return nil, absent
		}
		return nil, fmt.Errorf("start the reference stack's %s: %w", o.Kind, s.withTail(err))
	}
	return s, nil
}

// await reads the announcement. A goroutine goes on to drain stdout until the
// child ends.
func (s *Stack) await(ctx context.Context) (Ready, error) {
	type line struct {
		ready Ready
		err   error
	}
	got := make(chan line, 1)
	go func() {
		defer close(s.drained)
		r := bufio.NewReaderSize(io.LimitReader(s.child.Stdout(), maxLine), 64<<10)
		text, err := r.ReadBytes('\n')
		var l line
		if err != nil {
			l.err = errors.New("it ended before it was ready")
		} else if err := json.Unmarshal(text, &l.ready); err != nil {
			l.err = fmt.Errorf("its announcement %.80q is malformed: %w", text, err)
		}
		got <- l
		_, _ = io.Copy(io.Discard, s.child.Stdout())
	}()
	select {
	case <-ctx.Done():
		return Ready{}, fmt.Errorf("it was not ready in time: %w", context.Cause(ctx))
	case l := <-got:
		switch {
		case l.err != nil:
			return Ready{}, l.err
		case l.ready.NotMeasured != nil:
			return Ready{}, l.ready.NotMeasured
		case l.ready.Error != "":
			return Ready{}, errors.New(l.ready.Error)
		}
		return l.ready, nil
	}
}

// Spec says where the component listens.
func (s *Stack) Spec() sdk.Target { return s.component.Target }

// Provenance says what the component is.
func (s *Stack) Provenance() map[string]string { return s.component.Provenance }

// PID is the child's process id.
func (s *Stack) PID() int { return s.child.PID() }

// Ended says how the child ended by itself, or nil while it runs. It waits for
// patience, because its connections break a moment before its end is known.
func (s *Stack) Ended(patience time.Duration) error {
	if !s.child.EndsWithin(patience) {
		return nil
	}
	how := "exit status 0"
	if err := s.child.Wait(); err != nil {
		how = err.Error()
	}
	return s.withTail(fmt.Errorf("the reference stack's %s ended by itself (%s)", s.kind, how))
}

// withTail adds the last that the child logged.
func (s *Stack) withTail(err error) error {
	if lines := s.tail.Lines(); len(lines) > 0 {
		err = fmt.Errorf("%w\n  its last lines: %s", err, strings.Join(lines, "\n  | "))
	}
	return err
}

// Stop ends the child and what it started.
func (s *Stack) Stop() {
	_ = s.child.Stop(context.Background(), stopGrace)
	<-s.drained
}
