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

	"google.golang.org/grpc"
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
	name    string
	load    func(context.Context) (sdk.Plugin, error)
	journal *journal.File
	log     *slog.Logger
	ending  context.Context // ends before closeAll is called: calls end with it

	mu        sync.Mutex
	closed    bool // no session is kept any more
	sessions  map[string]*prepared
	preparing sync.WaitGroup // added to under mu, while not closed
}

// prepared is one scenario that was set up. Its lock keeps rounds and the
// tear down apart.
type prepared struct {
	mu      sync.Mutex
	session sdk.Session
	driver  *loop.Driver
	closed  bool
}

// NewServer returns a gRPC server that answers for p, and a function that tears
// down what is still prepared when the server has been stopped. It is for
// tests that drive a plugin in their own process; a plugin's main calls [Main].
// The end of ctx ends the calls that are running.
func NewServer(ctx context.Context, p sdk.Plugin, j *journal.File, log *slog.Logger) (*grpc.Server, func(context.Context) error) {
	s := newServer(ctx, p.Name, ready(p), j, log)
	g := grpc.NewServer(s.options(func() {})...)
	pluginv1.RegisterPluginServiceServer(g, s)
	return g, s.closeAll
}

func newServer(ending context.Context, name string, load func(context.Context) (sdk.Plugin, error), j *journal.File, log *slog.Logger) *server {
	return &server{name: name, load: load, journal: j, log: log, ending: ending, sessions: map[string]*prepared{}}
}

// ready is the load function of a plugin that is there.
func ready(p sdk.Plugin) func(context.Context) (sdk.Plugin, error) {
	return func(context.Context) (sdk.Plugin, error) { return p, nil }
}

// options are those of a gRPC server for s. first is called before every call.
func (s *server) options(first func()) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(wire.MaxMessage), grpc.MaxSendMsgSize(wire.MaxMessage),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, h grpc.UnaryHandler) (resp any, err error) {
			first()
			defer func() {
				if perr := s.panicked(info.FullMethod, recover()); perr != nil {
					err = wire.ErrorToStatus(perr)
				}
			}()
			return h(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, h grpc.StreamHandler) (err error) {
			first()
			defer func() {
				if perr := s.panicked(info.FullMethod, recover()); perr != nil {
					err = wire.ErrorToStatus(perr)
				}
			}()
			return h(srv, stream)
		}),
	}
}

// panicked turns what a panic of the benchmark's code was called with into an
// error of one line, and puts the stack into the log.
func (s *server) panicked(doing string, with any) error {
	if with == nil {
		return nil
	}
	s.log.Error("panic", "in", doing, "panic", with, "stack", string(debug.Stack()))
	return fmt.Errorf("panic: %v (the stack is in the plugin's log)", with)
}

// until returns ctx, ended when the process is to end.
func (s *server) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ending, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

func (s *server) Describe(ctx context.Context, _ *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	p, err := s.load(ctx)
	if err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	d, err := wire.DescribeToProto(p)
	return d, wire.ErrorToStatus(err)
}

func (s *server) Prepare(ctx context.Context, r *pluginv1.PrepareRequest) (*pluginv1.PrepareResponse, error) {
	p, err := s.load(ctx)
	if err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	b, ok := p.Benchmark(r.GetBenchmark())
	if !ok {
		return nil, status.Errorf(codes.NotFound, "plugin %s has no benchmark %q", s.name, r.GetBenchmark())
	}
	req, err := wire.PrepareFromProto(r)
	if err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	if req.Params, err = sdk.CheckParams(b.Params, req.Params); err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	req.Journal, req.Log = s.journal.For(s.name, req.Target.Name), s.log.With("benchmark", req.ID)
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.preparing.Done()
	ctx, cancel := s.until(ctx)
	defer cancel()
	session, err := s.setup(ctx, b, req)
	if err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	made := &prepared{session: session, driver: loop.New(session, b.Metrics)}
	info, err := s.info(b, req, session)
	if err == nil {
		err = s.keep(r.GetSession(), made)
	}
	if err != nil {
		if cerr := made.close(context.WithoutCancel(ctx)); cerr != nil {
			s.log.Error("close a session that is not wanted", "error", cerr)
		}
		return nil, err
	}
	return wire.InfoToProto(info), nil
}

// info is what the session says of itself, or what is known without.
func (s *server) info(b sdk.Benchmark, req sdk.SetupRequest, session sdk.Session) (info sdk.SessionInfo, err error) {
	defer func() {
		if perr := s.panicked("describe a session", recover()); perr != nil {
			err = wire.ErrorToStatus(fmt.Errorf("set up %s: %w", req.ID, perr))
		}
	}()
	if d, ok := session.(sdk.Describer); ok {
		info = d.Describe()
	}
	if info.WorkloadDigest == "" {
		info.WorkloadDigest = digest(s.name, b.Name, req)
	}
	return info, nil
}

// begin notes that a session is being set up.
func (s *server) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errEnding
	}
	s.preparing.Add(1)
	return nil
}

var errEnding = status.Error(codes.Unavailable, "the plugin is ending")

// setup calls the benchmark's code.
func (s *server) setup(ctx context.Context, b sdk.Benchmark, req sdk.SetupRequest) (session sdk.Session, err error) {
	defer func() {
		if perr := s.panicked("set up", recover()); perr != nil {
			err = perr
		}
		if err != nil {
			err = fmt.Errorf("set up %s: %w", req.ID, err)
		}
	}()
	session, err = b.Setup(ctx, req)
	if err == nil && session == nil {
		err = errors.New("the benchmark returned no session")
	}
	return session, err
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
	if s.closed {
		return errEnding
	}
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
	ctx, cancel := s.until(stream.Context())
	defer cancel()
	result, err := p.driver.Round(ctx, wire.PlanFromProto(r.GetPlan()), progress)
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
	p, err := s.load(ctx)
	if err != nil {
		return nil, wire.ErrorToStatus(err)
	}
	if p.Clean == nil {
		return &pluginv1.CleanResponse{}, nil
	}
	ctx, cancel := s.until(ctx)
	defer cancel()
	err = p.Clean(ctx, sdk.CleanRequest{Target: wire.TargetFromProto(r.GetTarget()), Objects: wire.ObjectsFromProto(r.GetObjects())})
	return &pluginv1.CleanResponse{}, wire.ErrorToStatus(err)
}

// closeAll tears down what the harness left prepared, after waiting for what
// is being set up.
func (s *server) closeAll(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	quiet := make(chan struct{})
	go func() {
		s.preparing.Wait()
		close(quiet)
	}()
	select {
	case <-quiet:
	case <-ctx.Done():
		return errors.New("a benchmark is still being set up")
	}
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
