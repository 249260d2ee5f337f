//go:build !wasip1

package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// server answers the harness's calls for one plugin.
type server struct {
	pluginv1.UnimplementedPluginServiceServer
	plugin  sdk.Plugin
	journal *journal.File
	log     *slog.Logger

	mu       sync.Mutex
	sessions map[string]*prepared
}

// prepared is one scenario that was set up. Its lock keeps rounds and the
// tear down apart.
type prepared struct {
	mu      sync.Mutex
	session sdk.Session
	driver  *loop.Driver
	closed  bool
}

func newServer(p sdk.Plugin, j *journal.File, log *slog.Logger) *server {
	return &server{plugin: p, journal: j, log: log, sessions: map[string]*prepared{}}
}

func (s *server) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	d, err := wire.DescribeToProto(s.plugin)
	return d, wire.ErrorToStatus(err)
}

func (s *server) Prepare(ctx context.Context, r *pluginv1.PrepareRequest) (*pluginv1.PrepareResponse, error) {
	b, ok := s.plugin.Benchmark(r.GetBenchmark())
	if !ok {
		return nil, status.Errorf(codes.NotFound, "plugin %s has no benchmark %q", s.plugin.Name, r.GetBenchmark())
	}
	req, err := wire.PrepareFromProto(r)
	if err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	if req.Params, err = sdk.CheckParams(b.Params, req.Params); err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	req.Journal, req.Log = s.journal.For(s.plugin.Name, req.Target.Name), s.log.With("benchmark", req.ID)
	session, err := setup(ctx, b, req)
	if err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	if err := s.keep(r.GetSession(), &prepared{session: session, driver: loop.New(session, b.Metrics)}); err != nil {
		return nil, errors.Join(err, session.Close(ctx))
	}
	info := sdk.SessionInfo{}
	if d, ok := session.(sdk.Describer); ok {
		info = d.Describe()
	}
	if info.WorkloadDigest == "" {
		info.WorkloadDigest = digest(s.plugin.Name, b.Name, req)
	}
	return wire.InfoToProto(info), nil
}

// setup calls the benchmark's code, which may panic.
func setup(ctx context.Context, b sdk.Benchmark, req sdk.SetupRequest) (s sdk.Session, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("set up %s: panic: %v\n%s", req.ID, p, debug.Stack())
		}
	}()
	s, err = b.Setup(ctx, req)
	if err == nil && s == nil {
		err = fmt.Errorf("set up %s: the benchmark returned no session", req.ID)
	}
	return s, err
}

// digest identifies the work of a benchmark that does not say it itself.
func digest(plugin, benchmark string, r sdk.SetupRequest) string {
	b, _ := json.Marshal([]any{plugin, benchmark, r.Params, r.Seed}) // cannot fail: the parameters came as JSON
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (s *server) keep(name string, p *prepared) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, dup := s.sessions[name]; dup || name == "" {
		return status.Errorf(codes.AlreadyExists, "session %q is empty or exists", name)
	}
	s.sessions[name] = p
	return nil
}

func (s *server) RunRound(r *pluginv1.RunRoundRequest, stream pluginv1.PluginService_RunRoundServer) error {
	s.mu.Lock()
	p := s.sessions[r.GetSession()]
	s.mu.Unlock()
	if p == nil {
		return status.Errorf(codes.NotFound, "no session %q", r.GetSession())
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return status.Errorf(codes.NotFound, "session %q is torn down", r.GetSession())
	}
	progress := func(pr loop.Progress) {
		// A harness that stopped listening shows as a cancelled context.
		_ = stream.Send(&pluginv1.RunRoundResponse{Event: &pluginv1.RunRoundResponse_Progress{Progress: wire.ProgressToProto(pr)}})
	}
	result, err := p.driver.Round(stream.Context(), wire.PlanFromProto(r.GetPlan()), progress)
	if err != nil {
		return wire.ErrorToStatus(err)
	}
	m, err := wire.ResultToProto(result)
	if err != nil {
		return wire.ErrorToStatus(err)
	}
	return stream.Send(&pluginv1.RunRoundResponse{Event: &pluginv1.RunRoundResponse_Result{Result: m}})
}

func (s *server) Teardown(ctx context.Context, r *pluginv1.TeardownRequest) (*pluginv1.TeardownResponse, error) {
	s.mu.Lock()
	p := s.sessions[r.GetSession()]
	delete(s.sessions, r.GetSession())
	s.mu.Unlock()
	if p == nil {
		return &pluginv1.TeardownResponse{}, nil
	}
	return &pluginv1.TeardownResponse{}, wire.ErrorToStatus(p.close(ctx))
}

// close ends the workers, then the session. It waits for a running round.
func (p *prepared) close(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	return errors.Join(p.driver.Close(), p.session.Close(ctx))
}

func (s *server) Clean(ctx context.Context, r *pluginv1.CleanRequest) (*pluginv1.CleanResponse, error) {
	if s.plugin.Clean == nil {
		return &pluginv1.CleanResponse{}, nil
	}
	err := s.plugin.Clean(ctx, sdk.CleanRequest{Target: wire.TargetFromProto(r.GetTarget()), Objects: wire.ObjectsFromProto(r.GetObjects())})
	return &pluginv1.CleanResponse{}, wire.ErrorToStatus(err)
}

// closeAll tears down what the harness left prepared.
func (s *server) closeAll(ctx context.Context) error {
	s.mu.Lock()
	left := make([]*prepared, 0, len(s.sessions))
	for name, p := range s.sessions {
		left = append(left, p)
		delete(s.sessions, name)
	}
	s.mu.Unlock()
	var errs []error
	for _, p := range left {
		errs = append(errs, p.close(ctx))
	}
	return errors.Join(errs...)
}
