package wire

import (
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// PlanToProto translates the load of a round.
func PlanToProto(p loop.Plan) *pluginv1.LoadPlan {
	out := &pluginv1.LoadPlan{
		Model: string(p.Model), Workers: uint32(p.Workers), Rate: p.Rate,
		Warmup: durationpb.New(p.Warmup), Duration: durationpb.New(p.Duration), Ops: p.Ops,
		OpTimeout: durationpb.New(p.OpTimeout), Drain: durationpb.New(p.Drain),
		Seed: p.Seed, Round: uint32(p.Round), NoBatch: p.NoBatch,
		Think: durationpb.New(p.Think), SkipLate: durationpb.New(p.SkipLate),
	}
	for _, s := range p.Stages {
		out.Stages = append(out.Stages, &pluginv1.Stage{Duration: durationpb.New(s.Duration), From: s.From, To: s.To})
	}
	last := time.Duration(0)
	for _, at := range p.Arrivals {
		out.Gaps = append(out.Gaps, uint64(at-last))
		last = at
	}
	return out
}

// PlanFromProto is the inverse of [PlanToProto].
func PlanFromProto(p *pluginv1.LoadPlan) loop.Plan {
	out := loop.Plan{
		Model: loop.Model(p.GetModel()), Workers: int(p.GetWorkers()), Rate: p.GetRate(),
		Warmup: p.GetWarmup().AsDuration(), Duration: p.GetDuration().AsDuration(), Ops: p.GetOps(),
		OpTimeout: p.GetOpTimeout().AsDuration(), Drain: p.GetDrain().AsDuration(),
		Seed: p.GetSeed(), Round: int(p.GetRound()), NoBatch: p.GetNoBatch(),
		Think: p.GetThink().AsDuration(), SkipLate: p.GetSkipLate().AsDuration(),
	}
	for _, s := range p.GetStages() {
		out.Stages = append(out.Stages, loop.Stage{Duration: s.GetDuration().AsDuration(), From: s.GetFrom(), To: s.GetTo()})
	}
	at := time.Duration(0)
	for _, gap := range p.GetGaps() {
		at += time.Duration(min(gap, uint64(math.MaxInt64-at))) // a sum that does not fit is the end of time
		out.Arrivals = append(out.Arrivals, at)
	}
	return out
}

// ProgressToProto translates the state of a running round.
func ProgressToProto(p loop.Progress) *pluginv1.Progress {
	return &pluginv1.Progress{
		Warmup: p.Warmup, Elapsed: durationpb.New(p.Elapsed), Done: p.Done, Failed: p.Failed,
		Rate: p.Rate, P95: durationpb.New(p.P95), Measuring: !p.Warmup,
	}
}

// ProgressFromProto is the inverse of [ProgressToProto].
func ProgressFromProto(p *pluginv1.Progress) loop.Progress {
	return loop.Progress{
		Warmup: p.GetWarmup(), Elapsed: p.GetElapsed().AsDuration(), Done: p.GetDone(), Failed: p.GetFailed(),
		Rate: p.GetRate(), P95: p.GetP95().AsDuration(),
	}
}

// ResultToProto encodes a round.
func ResultToProto(r loop.Result) (*pluginv1.RoundResult, error) {
	out := &pluginv1.RoundResult{
		Started: timestamppb.New(r.Started), Elapsed: durationpb.New(r.Elapsed),
		Counts: &pluginv1.Counts{
			Scheduled: r.Counts.Scheduled, Ok: r.Counts.OK, Failed: r.Counts.Failed,
			TimedOut: r.Counts.TimedOut, Skipped: r.Counts.Skipped,
		},
		Errors: tally(r.Errors), Samples: texts(r.Samples), Batch: r.Batch, Overflow: r.Overflow,
		Values: map[string]*pluginv1.Value{}, Clocks: &pluginv1.Clocks{},
	}
	for name, v := range r.Values {
		out.Values[name] = &pluginv1.Value{Count: v.Count, Sum: v.Sum, Min: v.Min, Max: v.Max}
	}
	for _, f := range r.Validity {
		out.Validity = append(out.Validity, &pluginv1.Finding{Level: string(f.Level), Code: text(f.Code), Message: text(f.Message)})
	}
	for _, c := range clocks(&r.Clocks, out.Clocks) {
		if *c.histogram == nil {
			continue
		}
		b, err := loop.EncodeV2(*c.histogram)
		if err != nil {
			return nil, fmt.Errorf("encode the %s clock: %w", c.name, err)
		}
		*c.encoded = b
	}
	return out, nil
}
