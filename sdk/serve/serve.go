//go:build !wasip1

package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
	"github.com/benchharness/harness/sdk/lifeline"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// teardownGrace is how long prepared sessions have to close when the process
// must end.
const teardownGrace = 10 * time.Second

// Main serves the plugin that this binary registered and does not return. A
// binary with several registered plugins calls [Serve] with a name.
func Main() {
	plugins := sdk.Registered()
	if len(plugins) != 1 {
		fmt.Fprintf(os.Stderr, "serve.Main: %d plugins are registered, want exactly one\n", len(plugins))
		os.Exit(2)
	}
	os.Exit(Serve(plugins[0]))
}

// Serve serves p until the harness is done with it or gone, and returns the
// exit code for the process.
func Serve(p sdk.Plugin) int { return Loading(p.Name, ready(p)) }

// Loading is Serve for a plugin that takes time to be known, or cannot be: load
// is called for the first call of the harness that needs it, which fails with
// its error. It may be called again, by several goroutines.
func Loading(name string, load func(context.Context) (sdk.Plugin, error)) int {
	if os.Getenv(wire.CookieKey) != wire.CookieValue {
		fmt.Fprintf(os.Stderr, "%s is a plugin of harness and does nothing on its own.\nRun it with: harness run --plugin %s\n", name, os.Args[0])
		return 2
	}
	if dir := os.Getenv(EnvProfile); dir != "" {
		defer Profile(dir, name)()
	}
	defer runtime.KeepAlive(moreRoom())
	ctx, cancel, err := lifeline.Context(context.Background(), teardownGrace+time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	j, err := journal.Open(os.Getenv(journal.EnvPath), name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer j.Close()
	s := newServer(ctx, name, load, j, slog.New(slog.NewTextHandler(os.Stderr, nil)))

	served := make(chan struct{})
	go func() {
		defer close(served)
		serveGRPC(s)
	}()
	select {
	case <-served:
	case <-ctx.Done():
	}
	code := 0
	teardown, done := context.WithTimeout(context.Background(), teardownGrace)
	defer done()
	if err := s.closeAll(teardown); err != nil {
		s.log.Error("tear down at exit", "error", err)
		code = 1
	}
	if errors.Is(context.Cause(ctx), lifeline.ErrParentGone) {
		removeSocket(os.Getenv(plugin.EnvUnixSocketDir))
		endGroup()
		code = 1
	}
	return code
}

// endGroup ends what this process started, and itself, if it leads a group:
// the harness, which would see to it, is gone.
func endGroup() {
	if pid := os.Getpid(); syscall.Getpgrp() == pid {
		_ = lifeline.KillGroup(pid, syscall.SIGKILL)
	}
}

// removeSocket removes the folder of the socket, which is the harness's, in
// place of a harness that is gone.
func removeSocket(dir string) {
	if dir == "" {
		return
	}
	os.RemoveAll(dir)
	if parent := filepath.Dir(dir); strings.HasPrefix(filepath.Base(parent), "harness-") {
		os.Remove(parent) // fails if anything else is in it
	}
}

// serveGRPC returns when the harness asks for shutdown.
func serveGRPC(s *server) {
	// go-plugin takes stdout and stderr away and sends what is written there
	// over the connection, where the last words of a crash are lost. What a
	// plugin prints belongs to its log, the real stderr.
	stderr, given := os.Stderr, sync.Once{}
	giveBack := func() { given.Do(func() { os.Stdout, os.Stderr = stderr, stderr }) }
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: wire.ProtocolVersion, MagicCookieKey: wire.CookieKey, MagicCookieValue: wire.CookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{
			wire.ProtocolVersion: {wire.ServiceName: &grpcPlugin{server: s}},
		},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, s.options(giveBack)...)...)
		},
		Logger: hclog.New(&hclog.LoggerOptions{Output: io.Discard, Level: hclog.Off}),
	})
}

// grpcPlugin is go-plugin's view of the server.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	server *server
}

func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	pluginv1.RegisterPluginServiceServer(s, p.server)
	return nil
}

func (p *grpcPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, fmt.Errorf("plugin %s: a plugin process is a server only", p.server.name)
}
