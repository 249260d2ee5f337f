package wasmhost

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

// Plugin asks the guest what it offers, in an instance of its own.
func (m *Module) Plugin(ctx context.Context) (sdk.Plugin, error) {
	p, err := m.describe(ctx)
	if err != nil {
		return sdk.Plugin{}, fmt.Errorf("plugin %s: describe: %w", m.opts.Name, err)
	}
	for i := range p.Benchmarks {
		b := &p.Benchmarks[i]
		b.Setup = func(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
			if m.opts.Describing {
				return nil, fmt.Errorf("plugin %s was started to describe itself only", m.opts.Name)
			}
			return m.setUp(ctx, i, *b, r)
		}
	}
	return p, nil
}

func (m *Module) describe(ctx context.Context) (sdk.Plugin, error) {
	in, err := m.instantiate(ctx, pulse.Describe, nil)
	if err != nil {
		return sdk.Plugin{}, err
	}
	defer in.drop()
	text, err := in.call(ctx, pulse.Describe, abi.Describe)
	if err != nil {
		return sdk.Plugin{}, err
	}
	return abi.Described(text)
}

// session is one scenario. Each of its workers is an instance of the guest in
// which the benchmark was set up.
type session struct {
	m         *Module
	number    int
	benchmark sdk.Benchmark
	request   sdk.SetupRequest
	http      *httpTarget
	info      sdk.SessionInfo

	mu    sync.Mutex
	first *instance // set up with the session, until a worker has it
}

// setUp sets up the benchmark in the instance of worker 0, so that what is
// wrong is known before there are rounds.
func (m *Module) setUp(ctx context.Context, number int, b sdk.Benchmark, r sdk.SetupRequest) (sdk.Session, error) {
	s := &session{m: m, number: number, benchmark: b, request: r}
	if m.granted(abi.HTTP) && r.Target.URL != "" {
		var err error
		if s.http, err = newHTTPTarget(r.Target); err != nil {
			return nil, err
		}
	}
	in, text, err := s.instance(ctx, 0)
	if err == nil {
		s.first = in
		err = s.describe(text)
	}
	if err != nil {
		if cerr := s.Close(ctx); cerr != nil {
			r.Log.Warn("close a session that is not wanted", "error", cerr)
		}
		return nil, err
	}
	return s, nil
}

// instance makes the instance of a worker and sets the benchmark up in it.
func (s *session) instance(ctx context.Context, worker int) (*instance, []byte, error) {
	r := s.request
	in, err := s.m.instantiate(ctx, pulse.SetUp, &abi.Setup{
		ID: r.ID, RunID: r.RunID, Params: r.Params, Seed: r.Seed, Worker: worker, MaxWorkers: r.MaxWorkers,
		Timeout: int64(r.Timeout), KeepData: r.KeepData,
		Target: abi.Target{Name: r.Target.Name, Kind: r.Target.Kind, Reference: r.Target.Reference},
	})
	if err != nil {
		return nil, nil, err
	}
	in.metrics, in.http = s.benchmark.Metrics, s.http
	if s.m.granted(abi.SQL) && r.Target.DSN != "" {
		in.sql, err = connectSQL(ctx, r.Target, s.m.limits.Result)
	}
	var text []byte
	if err == nil {
		text, err = in.call(ctx, pulse.SetUp, abi.SetUp, uint64(s.number))
	}
	if err != nil {
		in.drop()
		return nil, nil, err
	}
	return in, text, nil
}

// describe takes in what the first instance says of the session, and adds what
// is to be known of any guest.
func (s *session) describe(text []byte) error {
	var said abi.Info
	if len(text) > 0 {
		if err := json.Unmarshal(text, &said); err != nil {
			return fmt.Errorf("the guest's reply to set up: %w", err)
		}
	}
	s.info = sdk.SessionInfo{Provenance: said.Provenance, WorkloadDigest: said.WorkloadDigest}
	for _, f := range said.Figures {
		s.info.Figures = append(s.info.Figures, sdk.Figure(f))
	}
	if s.info.Provenance == nil {
		s.info.Provenance = map[string]string{}
	}
	clock := "made"
	if s.m.granted(abi.Clock) {
		clock = "the machine's"
	}
	s.info.Provenance["sandbox"] = fmt.Sprintf("WASM compiled by wazero %s; granted: %s; clock of the guest: %s",
		wazeroVersion(), cmp.Or(strings.Join(slices.Sorted(slices.Values(s.m.opts.Grant.Capabilities)), ", "), "nothing"), clock)
	s.info.Figures = append(s.info.Figures, sdk.Figure{Name: "empty_call_seconds", Unit: "s", Value: s.m.callCost.Seconds()})
	return nil
}

// wazeroVersion is that of the compiler, which a result depends on.
func wazeroVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/tetratelabs/wazero" {
				return d.Version
			}
		}
	}
	return "of an unknown version"
}

// Describe says what is really measured.
func (s *session) Describe() sdk.SessionInfo { return s.info }

// Worker returns an instance of its own for every worker.
func (s *session) Worker(ctx context.Context, n int) (sdk.Worker, error) {
	s.mu.Lock()
	first := s.first
	if n == 0 {
		s.first = nil
	}
	s.mu.Unlock()
	if n == 0 && first != nil {
		return first, nil
	}
	in, _, err := s.instance(ctx, n)
	if err != nil {
		return nil, err
	}
	return in, nil
}

// Close tears down what no worker took. Workers are closed before.
func (s *session) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if s.first != nil {
		errs = append(errs, s.first.Close())
		s.first = nil
	}
	if s.http != nil {
		s.http.close()
	}
	return errors.Join(errs...)
}
