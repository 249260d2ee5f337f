package conform

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Status is how a check went.
type Status string

// Statuses.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	Skip Status = "skip"
)

// Check is one check of a suite that has run.
type Check struct {
	Name     []string // from the outermost check inwards
	Status   Status
	Messages []string // why it failed or was skipped, and what was logged
	Took     time.Duration
}

// Record runs a suite and returns its checks in the order of their starts:
// those that hold no other ones, and those that do and failed by themselves.
// Cancelling ctx cancels the contexts of the checks.
func Record(ctx context.Context, suite func(T)) []Check {
	r := newRecorder(ctx, nil)
	r.do(suite)
	var out []Check
	r.collect(&out)
	return out
}

// Recorder is a [T] that keeps what it is told.
type Recorder struct {
	name   []string
	ctx    context.Context
	cancel context.CancelFunc
	inner  []*Recorder
	took   time.Duration

	mu       sync.Mutex
	messages []string
	status   Status
	own      bool // the status is its own, not that of an inner check
	cleanups []func()
}

func newRecorder(ctx context.Context, name []string) *Recorder {
	r := &Recorder{name: name, status: Pass}
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// do runs a check to its end, and its cleanups. It has a goroutine of its own,
// because Fatal and Skip end that.
func (r *Recorder) do(check func(T)) {
	done := make(chan struct{})
	go func() {
		start := time.Now()
		defer close(done)
		defer func() { r.took = time.Since(start) }()
		defer r.cleanUp()
		defer r.cancel()
		check(r)
	}()
	<-done
}

// cleanUp calls the cleanups, the last first, also those behind one that ends
// its goroutine.
func (r *Recorder) cleanUp() {
	if len(r.cleanups) == 0 {
		return
	}
	last := len(r.cleanups) - 1
	f := r.cleanups[last]
	r.cleanups = r.cleanups[:last]
	defer r.cleanUp()
	f()
}

func (r *Recorder) collect(out *[]Check) {
	if len(r.name) > 0 && (len(r.inner) == 0 || r.own) {
		*out = append(*out, Check{Name: r.name, Status: r.status, Messages: r.messages, Took: r.took})
	}
	for _, i := range r.inner {
		i.collect(out)
	}
}

// Context is that of the check; it ends before the cleanups.
func (r *Recorder) Context() context.Context { return r.ctx }

// Run runs a check within this one and says whether it passed.
func (r *Recorder) Run(name string, f func(T)) bool {
	inner := newRecorder(r.ctx, append(r.name[:len(r.name):len(r.name)], name))
	r.inner = append(r.inner, inner)
	inner.do(f)
	if inner.Failed() {
		r.mu.Lock()
		r.status = Fail
		r.mu.Unlock()
	}
	return !inner.Failed()
}

// TempDir is a folder that is removed after the check.
func (r *Recorder) TempDir() string {
	dir, err := os.MkdirTemp("", "conform-")
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			r.Error(err)
		}
	})
	return dir
}

// Cleanup calls f after the check.
func (r *Recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// Failed says whether the check or one within it has failed.
func (r *Recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status == Fail
}

// Helper does nothing: a message names no line of the suite's code.
func (r *Recorder) Helper() {}

func (r *Recorder) say(s Status, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = append(r.messages, strings.TrimRight(message, "\n"))
	if s == Fail || s == Skip && r.status != Fail {
		r.status, r.own = s, true
	}
}

// Logf keeps a message with the check.
func (r *Recorder) Logf(format string, args ...any) { r.say(Pass, fmt.Sprintf(format, args...)) }

// Error fails the check.
func (r *Recorder) Error(args ...any) { r.say(Fail, strings.TrimSuffix(fmt.Sprintln(args...), "\n")) }

// Errorf fails the check.
func (r *Recorder) Errorf(format string, args ...any) { r.say(Fail, fmt.Sprintf(format, args...)) }

// Fatal fails the check and ends it.
func (r *Recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

// Fatalf fails the check and ends it.
func (r *Recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// Skip ends the check without a result.
func (r *Recorder) Skip(args ...any) {
	r.say(Skip, strings.TrimSuffix(fmt.Sprintln(args...), "\n"))
	runtime.Goexit()
}

// Skipf ends the check without a result.
func (r *Recorder) Skipf(format string, args ...any) {
	r.say(Skip, fmt.Sprintf(format, args...))
	runtime.Goexit()
}
