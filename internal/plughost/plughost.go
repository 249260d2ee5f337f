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
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/benchharness/harness/internal/cpus"
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
	Env         []string // "NAME=value", beside the scrubbed environment
	Journal     sdk.Journal
	JournalPath string            // handed to the plugin, which journals its own objects
	Log         func(line string) // gets every line of the plugin's stderr; may be nil
	CPUs        cpus.Set          // that it may use; none: any
	// Dir is the folder to make the socket's folder in; its path has at most
	// [MaxDir] bytes. Empty: a temporary folder, which only Stop and the
	// plugin itself remove.
	Dir string
	// StartTimeout bounds the time to the handshake; default 15 s.
	StartTimeout time.Duration
	// DescribeTime bounds the answer to what it is; default 15 s.
	DescribeTime time.Duration
	// Silence is how long a round may go without a progress message before
	// the plugin counts as hung; default 30 s.
	Silence time.Duration
	// Overtime is how much longer than its plan a round may take, with workers
	// to make before it and ops to wait for after it, however much progress the
	// plugin reports; default 10 min.
	Overtime time.Duration
	// Deaf says that the process may be in no state to notice the end of the
	// harness, and starts nothing itself: then it is killed.
	Deaf bool
	// Guard, if not nil, watches the process from outside while it runs.
	Guard Guard
	// StopGrace is how long the plugin has to end by itself; default 5 s.
	StopGrace time.Duration
}

// Guard knows better than silence when a process has to end.
type Guard interface {
	// Watch returns when ctx ends, or before with what the process did wrong:
	// then it is killed, and the calls that are under way fail with it. The
	// error continues a sentence that begins with the plugin's name.
	Watch(ctx context.Context) error
	// RoundBegins is called before every round.
	RoundBegins()
}

// Plugin is a running plugin process. Its methods may be called from several
// goroutines.
type Plugin struct {
	opts   Options
	child  atomic.Pointer[proc.Child] // nil until it is started
	tail   *proc.Tail
	head   *firstLine // what it printed to stdout first
	client *plugin.Client
	rpc    pluginv1.PluginServiceClient
	socket string // folder of the unix socket

	guilty  atomic.Pointer[error] // what the guard found
	relieve func()                // ends the guard, and waits for it
}

// Start starts a plugin and shakes hands. The end of ctx matters to Start
// alone.
func Start(ctx context.Context, opts Options) (*Plugin, error) {
	opts.StartTimeout = cmp.Or(opts.StartTimeout, 15*time.Second)
	opts.DescribeTime = cmp.Or(opts.DescribeTime, 15*time.Second)
	opts.Silence = cmp.Or(opts.Silence, 30*time.Second)
	opts.Overtime = cmp.Or(opts.Overtime, 10*time.Minute)
	opts.StopGrace = cmp.Or(opts.StopGrace, 5*time.Second)
	dir, err := socketDir(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("start plugin %s: %w", opts.Name, err)
	}
	p := &Plugin{opts: opts, tail: proc.NewTail(opts.Log), head: &firstLine{}, socket: dir, relieve: func() {}}
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
		// What a plugin prints after the handshake is part of its log.
		SyncStdout: p.tail, SyncStderr: p.tail,
		GRPCDialOptions: []grpc.DialOption{
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage)),
		},
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, _ string) (runner.Runner, error) {
			return &childRunner{ctx: ctx, plugin: p, env: cmd.Env}, nil
		},
	})
	stop := context.AfterFunc(ctx, p.kill)
	defer stop()
	if err := p.connect(); err != nil {
		err = p.startError(ctx, err)
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

// MaxDir is the longest path that [Options.Dir] may have, in bytes: a unix
// socket's path may have 103, and three names of up to 50 come below it.
const MaxDir = 53

// socketDir makes a folder in dir, or in a temporary folder with a short path.
func socketDir(dir string) (string, error) {
	if len(dir) > MaxDir {
		return "", fmt.Errorf("make a folder for the plugin's socket: the path %s is longer than %d bytes", dir, MaxDir)
	}
	pattern := "p"
	if dir == "" {
		// serve.Main removes a folder of such a name when it is left alone.
		pattern = "harness-"
		if dir = os.TempDir(); len(dir) > MaxDir-len(pattern) {
			dir = "/tmp"
		}
	}
	dir, err := os.MkdirTemp(dir, pattern)
	if err != nil {
		return "", fmt.Errorf("make a folder for the plugin's socket: %w", err)
	}
	return dir, nil
}

// PID is the plugin's process id.
func (p *Plugin) PID() int { return p.child.Load().PID() }

// Stop ends the process, and what it started, and returns when they are gone.
func (p *Plugin) Stop() {
	// The signal comes before go-plugin's own request to end, which has no
	// deadline: a plugin that hangs would not answer it.
	if child := p.child.Load(); child != nil {
		_ = child.Stop(context.Background(), p.opts.StopGrace) // what could not be stopped stays journalled
	}
	p.client.Kill()
	p.relieve()
	os.RemoveAll(p.socket)
}

// guard has the guard watch over the process, which has just been started.
func (p *Plugin) guard(g Guard) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := g.Watch(ctx); err != nil {
			p.guilty.Store(&err)
			p.kill()
		}
	}()
	p.relieve = func() {
		cancel()
		<-done
	}
}

func (p *Plugin) kill() {
	if child := p.child.Load(); child != nil {
		child.Kill()
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
