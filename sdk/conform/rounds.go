package conform

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// fewOps is a closed loop of a few ops.
func fewOps(h sdk.LoadHint) loop.Plan {
	p := loop.Plan{Model: loop.Closed, Workers: 2, Ops: 6, Duration: roundLimit / 2, OpTimeout: opTimeout, Seed: 1}
	if h.Serial {
		p.Workers = 1
	}
	if h.MaxOps > 0 {
		p.Ops = min(p.Ops, h.MaxOps)
	}
	return p
}

// someOps is a short open loop.
func someOps(h sdk.LoadHint) loop.Plan {
	p := fewOps(h)
	p.Model, p.Rate, p.Round, p.Seed = loop.Constant, 20, 1, 2
	return p
}

// endless is a round that only ends when it is cancelled.
func endless(h sdk.LoadHint) loop.Plan {
	p := fewOps(h)
	p.Ops, p.Duration, p.Round = 0, time.Hour, 2
	return p
}

// scenario prepares one preset, drives rounds and tears it down. The round
// that is cancelled comes with the first preset of a benchmark only.
func (s *suite) scenario(t T, b sdk.Benchmark, p sdk.Preset, first bool) {
	session := s.open(t, b, p, nil)
	t.Run("a closed loop of a few ops", func(t T) { s.measured(t, session, b, fewOps(b.Load)) })
	t.Run("a short open loop", func(t T) { s.measured(t, session, b, someOps(b.Load)) })
	t.Run("a rate that changes, or refuses it", func(t T) { s.changing(t, session, b) })
	t.Run("a user who pauses, or refuses it", func(t T) { s.pausing(t, session, b) })
	t.Run("refuses a load model that it does not know", func(t T) {
		p := fewOps(b.Load)
		p.Model = "no such model"
		_, err := s.round(t.Context(), session, p, nil)
		if err == nil {
			t.Error("the round ran")
		}
	})
	if first {
		t.Run("a round that is cancelled, to its prompt end", func(t T) { s.cancelled(t, session, b) })
	}
	t.Run("and tears down, once and again", func(t T) {
		for range 2 {
			if err := s.teardown(session); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("and refuses a round after that", func(t T) {
		_, err := s.round(t.Context(), session, fewOps(b.Load), nil)
		wantCode(t, err, codes.NotFound)
	})
}

// open prepares a session that is torn down with the test at the latest, with
// more parameters than those of the preset. It skips the test where something is missing.
func (s *suite) open(t T, b sdk.Benchmark, p sdk.Preset, more sdk.Params) string {
	t.Helper()
	if _, ok := s.targets[b.Target]; b.Target != "" && !ok {
		t.Skipf("needs a target of kind %s, and none was given", b.Target)
	}
	r, err := s.request(t, b, p)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Params, more)
	session := s.session()
	info, err := s.prepare(t, session, b.Name, r)
	var absent *sdk.NotMeasuredError
	if errors.As(wire.ErrorFromStatus(err), &absent) {
		if absent.Reason == "" || absent.Remedy == "" {
			t.Errorf("not measured, but without a reason and a remedy: %+v", absent)
		}
		t.Skip(absent)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.teardown(session); err != nil {
			t.Error(err)
		}
	})
	if _, err := wire.InfoFromProto(info); err != nil {
		t.Error(err)
	}
	if info.GetWorkloadDigest() == "" {
		t.Error("there is no workload digest: runs could never be compared")
	}
	return session
}

// measured drives a round and checks its result.
func (s *suite) measured(t T, session string, b sdk.Benchmark, p loop.Plan) {
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	before := time.Now()
	m, err := s.round(ctx, session, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	after := time.Now()
	r, err := wire.ResultFromProto(m)
	if err != nil {
		t.Fatal(err)
	}
	c := r.Counts
	if !c.Balanced() {
		t.Errorf("%d ops scheduled, but %+v", c.Scheduled, c)
	}
	if c.OK == 0 {
		t.Errorf("no op succeeded: %+v, %q", c, r.Samples)
	}
	if c.Scheduled > p.Ops || p.Model == loop.Closed && c.Scheduled < p.Ops && r.Elapsed < p.Duration {
		t.Errorf("%d ops scheduled, want %d", c.Scheduled, p.Ops)
	}
	sent := c.OK + c.TimedOut
	checkCount(t, "response", r.Clocks.Response.TotalCount(), sent+c.Skipped)
	checkCount(t, "service", r.Clocks.Service.TotalCount(), sent)
	var failed uint64
	for _, n := range r.Errors {
		failed += n
	}
	checkCount(t, "error", int64(failed), c.Failed)
	if r.Started.Before(before.Add(-time.Second)) || r.Started.Add(r.Elapsed).After(after.Add(time.Second)) {
		t.Errorf("it says that it ran for %v from %v, but was called at %v and answered at %v", r.Elapsed, r.Started, before, after)
	}
	wall(t, p, r.Clocks, after.Sub(before))
	for name := range r.Values {
		if !slices.ContainsFunc(b.Metrics, func(m sdk.Metric) bool { return m.Name == name }) {
			t.Errorf("it recorded metric %s, which it does not declare", name)
		}
	}
}

func checkCount(t T, what string, got int64, want uint64) {
	t.Helper()
	if uint64(got) != want {
		t.Errorf("there are %d in the %s histogram or counts, and %d by the ops", got, what, want)
	}
}

// cancelled cancels a round that would not end, and waits for its end: the
// tear down of a session comes after that of its round.
func (s *suite) cancelled(t T, session string, b sdk.Benchmark) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := s.round(ctx, session, endless(b.Load), func(*pluginv1.Progress) { cancel() })
	wantCode(t, err, codes.Canceled)
	began := time.Now()
	if err := s.teardown(session); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > s.bound {
		t.Errorf("the session was torn down %v after its round was cancelled, want at most %v", took, s.bound)
	}
}

var errAfterResult = errors.New("the plugin sent more after the result of the round")

// round drives a round: any number of progress messages, one result, the end.
func (s *suite) round(ctx context.Context, session string, p loop.Plan, progress func(*pluginv1.Progress)) (*pluginv1.RoundResult, error) {
	stream, err := s.rpc.RunRound(ctx, &pluginv1.RunRoundRequest{Session: session, Plan: wire.PlanToProto(p)})
	if err != nil {
		return nil, err
	}
	var result *pluginv1.RoundResult
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && result == nil:
			return nil, errors.New("the plugin ended the round without a result")
		case errors.Is(err, io.EOF):
			return result, nil
		case err != nil:
			return nil, err
		case result != nil:
			return nil, errAfterResult
		}
		result = m.GetResult()
		if pr := m.GetProgress(); pr != nil && progress != nil {
			progress(pr)
		}
	}
}

// changing drives a rate of its stages. A plugin that does not know of stages
// has to say so: another load than was asked for would be taken for it.
func (s *suite) changing(t T, session string, b sdk.Benchmark) {
	p := someOps(b.Load)
	p.Rate, p.Ops, p.Duration, p.Drain = 0, 0, 0, time.Minute
	p.Stages = []loop.Stage{{Duration: 100 * time.Millisecond, From: 20, To: 20}, {Duration: 50 * time.Millisecond, From: 0, To: 40}}
	r, ok := s.driven(t, session, p)
	if want := uint64(3); ok && r.Counts.Scheduled != want {
		t.Errorf("%d ops scheduled, want the %d of the stages; a plugin that does not drive stages refuses them", r.Counts.Scheduled, want)
	}
}

// pausing drives a user who pauses for longer than all the ops would take.
func (s *suite) pausing(t T, session string, b sdk.Benchmark) {
	p := fewOps(b.Load)
	p.Workers, p.Ops, p.Think = 1, 3, 50*time.Millisecond
	if b.Load.MaxOps > 0 {
		p.Ops = min(p.Ops, b.Load.MaxOps)
	}
	before := time.Now()
	_, ok := s.driven(t, session, p)
	if least := time.Duration(p.Ops-1) * p.Think; ok && time.Since(before) < least {
		t.Errorf("%d ops took %v, and %v of pauses are between them; a plugin that does not pause refuses think time", p.Ops, time.Since(before), least)
	}
}

// driven is the result of a round, unless the plugin refuses its plan.
func (s *suite) driven(t T, session string, p loop.Plan) (loop.Result, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	m, err := s.round(ctx, session, p, nil)
	if status.Code(err) == codes.InvalidArgument {
		return loop.Result{}, false
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := wire.ResultFromProto(m)
	if err != nil {
		t.Fatal(err)
	}
	return r, true
}
