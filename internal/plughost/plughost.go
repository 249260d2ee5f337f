// Package plughost starts, talks to and stops one plugin process. It is the
// only importer of go-plugin's client.
//
// Every call has a deadline, every failure is told by name: a plugin that
// prints to stdout before the handshake, speaks another protocol version,
// crashes or stops reporting progress gives an [*Error] that says so, with the
// plugin's last log lines. The package knows nothing of suites, documents or
// where plugins come from.
package plughost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/benchharness/harness/internal/proc"
	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Options say which process to start.
type Options struct {
	Name        string   // the plugin's, for errors
	Path        string   // of the program
	Args        []string // without the program's name
	Journal     sdk.Journal
	JournalPath string            // handed to the plugin, which journals its own objects
	Log         func(line string) // gets every line of the plugin's stderr; may be nil
	// StartTimeout bounds the time to the handshake; default 15 s.
	StartTimeout time.Duration
	// Silence is how long a round may go without a progress message before
	// the plugin counts as hung; default 30 s.
	Silence time.Duration
}

// Plugin is a running plugin process. Its methods may be called from several
// goroutines.
type Plugin struct {
	opts   Options
	child  *proc.Child
	tail   *proc.Tail
	client *plugin.Client
	rpc    pluginv1.PluginServiceClient
	socket string // folder of the unix socket
}

// stopGrace is how long a plugin has to end by itself.
const stopGrace = 3 * time.Second

// Start starts a plugin and shakes hands.
func Start(ctx context.Context, opts Options) (*Plugin, error) {
	if opts.StartTimeout == 0 {
		opts.StartTimeout = 15 * time.Second
	}
	if opts.Silence == 0 {
		opts.Silence = 30 * time.Second
	}
	dir, err := socketDir()
	if err != nil {
		return nil, fmt.Errorf("start plugin %s: %w", opts.Name, err)
	}
	p := &Plugin{opts: opts, tail: proc.NewTail(opts.Log), socket: dir}
	head := &firstLine{}
	p.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: wire.ProtocolVersion, MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{wire.ProtocolVersion: {wire.ServiceName: dialer{}}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		StartTimeout:     opts.StartTimeout,
		SkipHostEnv:      true,
		Logger:           hclog.NewNullLogger(),
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: dir},
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage)),
		},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			return &childRunner{plugin: p, env: cmd.Env, head: head}, nil
		},
	})
	stop := context.AfterFunc(ctx, func() { p.kill() })
	defer stop()
	if err := p.connect(); err != nil {
		err = p.startError(ctx, err, head.String())
		p.Stop()
		return nil, err
	}
	return p, nil
}

func (p *Plugin) connect() error {
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	raw, err := protocol.Dispense(wire.ServiceName)
	if err != nil {
		return err
	}
	p.rpc = raw.(pluginv1.PluginServiceClient)
	return nil
}

// socketDir makes a folder with a short path: a unix socket's path may have
// about 100 bytes, and a deep TMPDIR alone can be longer.
func socketDir() (string, error) {
	dir, err := os.MkdirTemp("", "harness-")
	if err == nil && len(dir) > 50 {
		os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "harness-")
	}
	if err != nil {
		return "", fmt.Errorf("make a folder for the plugin's socket: %w", err)
	}
	return dir, nil
}

// PID is the plugin's process id.
func (p *Plugin) PID() int { return p.child.PID() }

// Stop ends the process and returns when it is gone.
func (p *Plugin) Stop() {
	p.client.Kill()
	if p.child != nil {
		// It was asked to end over gRPC; what is left gets the signals.
		_ = p.child.Stop(context.Background(), stopGrace)
	}
	os.RemoveAll(p.socket)
}

func (p *Plugin) kill() {
	if p.child != nil {
		p.child.Kill()
	}
}

// dialer is go-plugin's view of the client side.
type dialer struct{ plugin.NetRPCUnsupportedPlugin }

func (dialer) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("the harness serves no plugin")
}

func (dialer) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return pluginv1.NewPluginServiceClient(c), nil
}

// Error is what a plugin process did wrong, as opposed to what a benchmark
// reported.
type Error struct {
	Plugin  string
	Problem string   // "crashed with exit status 2 while running a round"
	Remedy  string   // may be empty
	Log     []string // its last lines on stderr
}

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

func (p *Plugin) fail(remedy, format string, args ...any) error {
	return &Error{Plugin: p.opts.Name, Problem: fmt.Sprintf(format, args...), Remedy: remedy, Log: p.tail.Lines()}
}

// startError says why a handshake failed, which go-plugin says in words meant
// for other readers.
func (p *Plugin) startError(ctx context.Context, err error, head string) error {
	if ctx.Err() != nil {
		return fmt.Errorf("start plugin %s: %w", p.opts.Name, context.Cause(ctx))
	}
	if p.child == nil {
		return fmt.Errorf("start plugin %s: %w", p.opts.Name, err)
	}
	parts := strings.Split(head, "|")
	switch {
	case head != "" && len(parts) < 4:
		return p.fail("a plugin's stdout carries the handshake: print to stderr instead",
			"printed %q to stdout before the handshake", head)
	case len(parts) >= 4 && strings.Contains(err.Error(), "ncompatible"):
		return p.fail("build it with the sdk of this harness, or use the harness it was made for",
			"speaks plugin protocol version %s, this harness speaks %d", parts[1], wire.ProtocolVersion)
	case len(parts) >= 4:
		return p.fail("", "shook hands and could not be reached: %v", err)
	}
	select {
	case <-p.child.Done():
		return p.fail("is it a harness plugin, and for this system?", "ended before the handshake: %s", ended(p.child.Wait()))
	default:
		return p.fail("is it a harness plugin?", "gave no handshake within %v", p.opts.StartTimeout)
	}
}

func ended(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
