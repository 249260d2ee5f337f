package plughost

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Error is what a plugin process did wrong, as opposed to what a benchmark
// reported.
type Error struct {
	Plugin  string
	Problem string   // "crashed with exit status 2 while running a round"
	Remedy  string   // may be empty
	Log     []string // its last lines on stderr
}

// Error is one line, and the plugin's last lines below it.
func (e *Error) Error() string {
	s := fmt.Sprintf("plugin %s %s", e.Plugin, e.Problem)
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	if len(e.Log) > 0 {
		s += "\n  its last lines: " + strings.Join(e.Log, "\n  | ")
	}
	return s
}

// Broken says that the process cannot be used any more.
func (e *Error) Broken() bool { return true }

func (p *Plugin) fail(remedy, format string, args ...any) error {
	return &Error{Plugin: p.opts.Name, Problem: fmt.Sprintf(format, args...), Remedy: remedy, Log: p.tail.Lines()}
}

// settle is how long a process may take to end after its pipes or its
// connection did.
const settle = time.Second

// startError says why a handshake failed, which go-plugin says in words meant
// for other readers. It has killed the process by then.
func (p *Plugin) startError(ctx context.Context, err error) error {
	child := p.child.Load()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("start plugin %s: %w", p.opts.Name, context.Cause(ctx))
	case p.guilty.Load() != nil:
		return p.condemned()
	case child == nil:
		cause := err
		if path := (*fs.PathError)(nil); errors.As(err, &path) {
			cause = path.Err // the rest repeats the path
		}
		return p.fail("is it a program for this system, and is what its first line names there?", "cannot be started from %s: %s", p.opts.Path, cause)
	}
	head := p.head.String()
	if head != "" {
		return p.handshakeError(head, err)
	}
	if strings.Contains(err.Error(), "timeout") || !p.ended(settle) {
		return p.fail("is it a harness plugin?", "gave no handshake within %v", p.opts.StartTimeout)
	}
	how := ended(child.Wait())
	return p.fail("is it a harness plugin, and for this system?", "ended before the handshake (%s)", how)
}

// coreVersion is go-plugin's own, the first part of every handshake.
const coreVersion = 1

// handshakeError says what is wrong with a first line on stdout.
func (p *Plugin) handshakeError(head string, err error) error {
	parts := strings.Split(strings.TrimSpace(head), "|")
	core, notNumber := strconv.Atoi(parts[0])
	switch {
	case len(parts) < 4 || notNumber != nil:
		return p.fail("stdout carries the handshake: print to stderr instead",
			"printed %q to stdout before the handshake", head)
	case core != coreVersion:
		return p.fail("build it with the sdk of this harness, or use the harness it was made for",
			"shakes hands in version %s, this harness in %d", parts[0], coreVersion)
	case parts[1] != strconv.Itoa(wire.ProtocolVersion):
		return p.fail("build it with the sdk of this harness, or use the harness it was made for",
			"speaks plugin protocol version %s, this harness speaks %d", parts[1], wire.ProtocolVersion)
	}
	return p.fail("", "shook hands with %q and could not be reached: %s", head, oneLine(err.Error()))
}

// callError tells apart what the benchmark reported, what the caller wanted
// and what the process did.
func (p *Plugin) callError(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == nil && late(ctx, err) {
		cause = context.DeadlineExceeded
	}
	switch {
	case p.guilty.Load() != nil:
		return p.condemned()
	case errors.Is(cause, errSilent):
		p.kill()
		return p.fail("it was killed", "hung: no sign of life for %v while %s", p.opts.Silence, doing)
	case errors.Is(cause, errEndless):
		p.kill()
		return p.fail("it was killed", "did not end a round that was over at least %v ago", p.opts.Overtime)
	case cause != nil && !p.ended(0):
		if errors.Is(cause, context.DeadlineExceeded) {
			p.kill()
			return p.fail("it was killed", "hung while %s", doing)
		}
		return fmt.Errorf("plugin %s: %s: %w", p.opts.Name, doing, cause)
	}
	if broken(err) {
		if p.ended(settle) {
			how := ended(p.child.Load().Wait())
			return p.fail("", "crashed (%s) while %s", how, doing)
		}
		if !p.answers() {
			p.kill()
			return p.fail("it was killed", "broke the connection while %s: %s", doing, oneLine(status.Convert(err).Message()))
		}
	}
	if known := wire.ErrorFromStatus(err); known != err { //nolint:errorlint // the same value means that nothing was found in it
		return known
	}
	return fmt.Errorf("plugin %s: %s: %s", p.opts.Name, doing, status.Convert(err).Message())
}

// late says whether a call was given up by the other side, which knows its
// deadline too and may be the first to see it.
func late(ctx context.Context, err error) bool {
	end, ok := ctx.Deadline()
	code := status.Code(err)
	return ok && time.Until(end) < settle && (code == codes.Canceled || code == codes.DeadlineExceeded)
}

// condemned is the error of every call once the guard has had the process
// killed.
func (p *Plugin) condemned() error {
	return p.fail("it was killed", "%v", *p.guilty.Load())
}

// answers says whether the process still serves calls.
func (p *Plugin) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), settle)
	defer cancel()
	_, err := p.rpc.Describe(ctx, &pluginv1.DescribeRequest{})
	return status.Code(err) != codes.Unavailable && status.Code(err) != codes.DeadlineExceeded
}

// broken says whether an error may come from the connection and not from the
// plugin's code, which should give this one with a Problem in it.
func broken(err error) bool {
	st := status.Convert(err)
	return st.Code() == codes.Unavailable && len(st.Details()) == 0
}

// ended says whether the process has ended, or does so within patience: the
// connection breaks a moment before the process can be waited for.
func (p *Plugin) ended(patience time.Duration) bool {
	return p.child.Load().EndsWithin(patience)
}

func ended(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}

// oneLine keeps an error of other code from breaking the line it stands in.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
