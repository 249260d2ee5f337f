// Package proc starts the harness's child processes and ends them.
//
// A child leads a process group of its own, so a Ctrl-C in the terminal
// reaches only the harness, and holds a lifeline, so it ends when the harness
// does, however that happens; beside a foreign program a watcher holds it. It gets a scrubbed environment, /dev/null as
// stdin, and a token in its environment that is journalled before it starts,
// by which [Sweep] finds it after a crash of both.
//
// The package speaks no protocol with its children and does not restart them.
package proc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/lifeline"
)

// EnvToken names the environment variable that marks a child.
const EnvToken = "HARNESS_CHILD"

// Kind is the kind of journalled [sdk.Object] that a child is.
const Kind = "process"

// Spec says what to start.
type Spec struct {
	Name    string   // for errors: "plugin vector"
	Path    string   // of the program
	Args    []string // without the program's name
	Env     []string // added to the scrubbed environment
	Dir     string   // working directory, "" for the harness's own
	Stderr  io.Writer
	Journal sdk.Journal // nil: not journalled
	// Foreign says that the program knows of no lifeline: its group is killed
	// when the harness is gone, and the whole group is asked to end.
	Foreign bool
	// Deaf says that the program knows of lifelines and may be in no state to
	// notice the end of its own: it is killed when the harness is gone.
	Deaf bool
	// CPUs are those that it and what it starts may use; none: any.
	CPUs cpus.Set
}

// supervised says that a watcher beside the program ends it.
func (s Spec) supervised() bool { return s.Foreign || s.Deaf && runtime.GOOS != "linux" }

// drain is how long the output of a child that has ended is read on: what it
// wrote is in the pipe by then, but a process that it left behind may hold the
// other end open for ever.
const drain = 500 * time.Millisecond

// Child is a started process.
type Child struct {
	spec    Spec
	object  sdk.Object
	process *lifeline.Process
	line    *lifeline.Line
	stdout  *os.File
	copied  chan struct{} // closed when stderr has been read to its end
}

// Start starts a child. Its end is noticed by [Child.Done]; the caller calls
// [Child.Stop] in any case.
func Start(spec Spec) (*Child, error) {
	c := &Child{spec: spec, copied: make(chan struct{})}
	token := rand.Text()
	c.object = sdk.Object{Kind: Kind, Name: token, Attrs: map[string]string{"what": spec.Name}}
	if spec.Journal != nil {
		if err := spec.Journal.Record(c.object); err != nil {
			return nil, fmt.Errorf("start %s: %w", spec.Name, err)
		}
	}
	if err := c.start(token); err != nil {
		c.forget()
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return c, nil
}

func (c *Child) start(token string) error {
	cmd := exec.Command(c.spec.Path, c.spec.Args...)
	cmd.Dir = c.spec.Dir
	cmd.Env = append(Environ(os.Environ()), append(c.spec.Env, EnvToken+"="+token)...)
	// The pipes are ours and not exec's: exec closes its own when the child is
	// reaped, and a crashed child's last words would be lost.
	outR, outW, err := os.Pipe()
	if err != nil {
		return err
	}
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		outW.Close()
		return err
	}
	cmd.Stdout, cmd.Stderr = outW, errW
	err = c.run(cmd)
	outW.Close()
	errW.Close()
	if err != nil {
		outR.Close()
		errR.Close()
		if c.line != nil {
			c.line.Close()
		}
		return err
	}
	c.stdout = outR
	go func() {
		defer close(c.copied)
		defer errR.Close()
		w := c.spec.Stderr
		if w == nil {
			w = io.Discard
		}
		// A writer that fails must not block the child on a full pipe.
		if _, err := io.Copy(w, errR); err != nil {
			_, _ = io.Copy(io.Discard, errR)
		}
	}()
	go func() {
		<-c.process.Done()
		timer := time.NewTimer(drain)
		defer timer.Stop()
		select {
		case <-c.copied:
		case <-timer.C:
			errR.Close()
		}
	}()
	return nil
}

// run starts the program so that it ends with the harness.
func (c *Child) run(cmd *exec.Cmd) (err error) {
	if c.spec.supervised() {
		c.process, err = lifeline.SuperviseWith(cmd, lifeline.Options{Signal: syscall.SIGKILL, Thread: c.spec.CPUs.Pin})
		return err
	}
	if c.line, err = lifeline.Attach(cmd); err != nil {
		return err
	}
	// Else no death signal: the child watches its lifeline and lives long enough
	// to take its own group with it.
	var sig syscall.Signal
	if c.spec.Deaf {
		sig = syscall.SIGKILL
	}
	c.process, err = lifeline.StartWith(cmd, lifeline.Options{Signal: sig, Thread: c.spec.CPUs.Pin})
	c.line.Release()
	return err
}

func (c *Child) forget() {
	if c.spec.Journal != nil {
		// A journal that cannot be written keeps an entry too many, which the
		// next sweep finds to be gone.
		_ = c.spec.Journal.Forget(c.object)
	}
}

// PID is the child's process id and the id of its group.
func (c *Child) PID() int { return c.process.PID() }

// Stdout is the child's standard output. The caller reads it to its end.
func (c *Child) Stdout() io.ReadCloser { return c.stdout }

// Done is closed when the child has ended.
func (c *Child) Done() <-chan struct{} { return c.process.Done() }

// EndsWithin says whether the child has ended, or does so within patience.
func (c *Child) EndsWithin(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.Done():
		return true
	case <-timer.C:
	}
	select { // both may have been ready
	case <-c.Done():
		return true
	default:
		return false
	}
}

// Wait waits for the child's end and for the last that it wrote to stderr, and
// returns the error of [exec.Cmd.Wait].
func (c *Child) Wait() error {
	err := c.process.Wait()
	<-c.copied
	return err
}

// Stop asks the child to end, kills it and its group after grace or when ctx
// ends, and returns when it is gone, and with it what it started, even outside
// its group. Stopping a child that has ended is no error.
func (c *Child) Stop(ctx context.Context, grace time.Duration) error {
	if err := c.terminate(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", c.spec.Name, err)
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.Done():
	case <-timer.C:
		c.Kill()
	case <-ctx.Done():
		c.Kill()
	}
	_ = c.Wait() // how it ended does not matter any more
	if c.line != nil {
		c.line.Close()
	}
	c.stdout.Close()
	if _, err := Sweep([]string{c.object.Name}); err != nil {
		return fmt.Errorf("stop what %s started: %w", c.spec.Name, err) // it stays journalled
	}
	c.forget()
	return nil
}

// terminate asks the child to end. A foreign one may be a shell that does not
// pass that on.
func (c *Child) terminate() error {
	if c.spec.supervised() && !c.EndsWithin(0) {
		return lifeline.KillGroup(c.PID(), syscall.SIGTERM)
	}
	return c.process.Signal(syscall.SIGTERM)
}

// Kill kills the child at once; the rest of its group follows. Stop still has
// to be called. Killing a child that has ended reaches nobody.
func (c *Child) Kill() { _ = c.process.Kill() }

// kept are the variables of the harness's environment that children see.
// Everything else, secrets above all, stays behind.
var kept = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GOCOVERDIR",
}

// Environ returns what a child may see of environ.
func Environ(environ []string) []string {
	var out []string
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(kept, name) {
			out = append(out, kv)
		}
	}
	return out
}
