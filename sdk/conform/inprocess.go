package conform

import (
	"bytes"
	"context"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/serve"
	"github.com/benchharness/harness/sdk/wire"
)

// InProcess runs the suite against a plugin in this process, behind the server
// that the sdk gives every plugin.
func InProcess(t T, plugin sdk.Plugin, opts ...Option) {
	t.Helper()
	if err := plugin.Validate(); err != nil {
		t.Fatal(err)
	}
	path, j := newJournal(t)
	server, closeAll := serve.NewServer(t.Context(), plugin, j, slog.New(slog.NewTextHandler(lines{t}, nil)))
	l := bufconn.Listen(wire.MaxMessage)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	conn, err := grpc.NewClient("passthrough:///in-process",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }),
		grpc.WithTransportCredentials(insecure.NewCredentials()), callOptions)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := closeAll(context.Background()); err != nil {
			t.Error(err)
		}
	})
	s := &suite{config: newConfig(opts), rpc: pluginv1.NewPluginServiceClient(conn)}
	if s.describe(t) {
		s.protocol(t)
		checkJournal(t, path)
	}
}

// lines is the log of a check.
type lines struct{ t T }

func (l lines) Write(b []byte) (int, error) {
	l.t.Logf("%s", bytes.TrimRight(b, "\n"))
	return len(b), nil
}

var callOptions = grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(wire.MaxMessage), grpc.MaxCallSendMsgSize(wire.MaxMessage))
