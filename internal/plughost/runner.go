package plughost

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/benchharness/harness/internal/proc"
	"github.com/benchharness/harness/sdk/journal"
)

// childRunner lets go-plugin drive a child that package proc owns, in place
// of its own runner, which hands on the harness's stdin and environment.
type childRunner struct {
	ctx    context.Context // of Start
	plugin *Plugin
	env    []string // go-plugin's part of the environment
}

func (r *childRunner) Start(context.Context) error {
	o := r.plugin.opts
	env := append(r.env, o.Env...)
	if o.JournalPath != "" {
		env = append(env, journal.EnvPath+"="+o.JournalPath)
	}
	child, err := proc.Start(proc.Spec{
		Name: "plugin " + o.Name, Path: o.Path, Args: o.Args, Env: env,
		Stderr: r.plugin.tail, Journal: o.Journal, Deaf: o.Deaf, CPUs: o.CPUs,
	})
	if err != nil {
		return err
	}
	r.plugin.child.Store(child)
	if o.Guard != nil {
		r.plugin.guard(o.Guard)
	}
	if r.ctx.Err() != nil { // it ended when there was nothing to kill yet
		child.Kill()
	}
	return nil
}

func (r *childRunner) Diagnose(context.Context) string { return "" }
func (r *childRunner) Name() string                    { return r.plugin.opts.Path }

// ID is empty while there is no process, which go-plugin takes for nothing to
// be killed.
func (r *childRunner) ID() string {
	if child := r.plugin.child.Load(); child != nil {
		return strconv.Itoa(child.PID())
	}
	return ""
}

func (r *childRunner) Stdout() io.ReadCloser {
	out := r.plugin.child.Load().Stdout()
	return readCloser{io.TeeReader(out, r.plugin.head), out}
}

// Stderr is empty: the child's goes to the tail.
func (r *childRunner) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

func (r *childRunner) Wait(context.Context) error { return r.plugin.child.Load().Wait() }

func (r *childRunner) Kill(context.Context) error {
	r.plugin.kill()
	return nil
}

func (r *childRunner) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

func (r *childRunner) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// firstLine keeps the first line written to it, cut to a length that fits an
// error message.
type firstLine struct {
	mu   sync.Mutex
	line strings.Builder
	done bool
}

func (f *firstLine) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range b {
		if c == '\n' || f.line.Len() >= 200 {
			f.done = f.done || f.line.Len() > 0
		}
		if f.done {
			break
		}
		if c != '\n' {
			f.line.WriteByte(c)
		}
	}
	return len(b), nil
}

func (f *firstLine) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.line.String()
}
