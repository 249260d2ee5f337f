package wire

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// PlanToProto translates the load of a round.
func PlanToProto(p loop.Plan) *pluginv1.LoadPlan {
	return &pluginv1.LoadPlan{
		Model: string(p.Model), Workers: uint32(p.Workers), Rate: p.Rate,
		Warmup: durationpb.New(p.Warmup), Duration: durationpb.New(p.Duration), Ops: p.Ops,
		OpTimeout: durationpb.New(p.OpTimeout), Drain: durationpb.New(p.Drain),
		Seed: p.Seed, Round: uint32(p.Round), NoBatch: p.NoBatch,
	}
}

// PlanFromProto is the inverse of [PlanToProto].
func PlanFromProto(p *pluginv1.LoadPlan) loop.Plan {
	return loop.Plan{
		Model: loop.Model(p.GetModel()), Workers: int(p.GetWorkers()), Rate: p.GetRate(),
		Warmup: p.GetWarmup().AsDuration(), Duration: p.GetDuration().AsDuration(), Ops: p.GetOps(),
		OpTimeout: p.GetOpTimeout().AsDuration(), Drain: p.GetDrain().AsDuration(),
		Seed: p.GetSeed(), Round: int(p.GetRound()), NoBatch: p.GetNoBatch(),
	}
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
		Errors: r.Errors, Samples: r.Samples, Batch: r.Batch, Overflow: r.Overflow,
		Values: map[string]*pluginv1.Value{}, Clocks: &pluginv1.Clocks{},
	}
	for name, v := range r.Values {
		out.Values[name] = &pluginv1.Value{Count: v.Count, Sum: v.Sum, Min: v.Min, Max: v.Max}
	}
	for _, f := range r.Validity {
		out.Validity = append(out.Validity, &pluginv1.Finding{Level: string(f.Level), Code: f.Code, Message: f.Message})
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

// ResultFromProto decodes a round that foreign code made: histograms that do
// not decode, values that are not finite, negative times and counts that do
// not fit the histograms are errors.
func ResultFromProto(r *pluginv1.RoundResult) (loop.Result, error) {
	c := r.GetCounts()
	out := loop.Result{
		Started: r.GetStarted().AsTime(), Elapsed: r.GetElapsed().AsDuration(),
		Counts: loop.Counts{
			Scheduled: c.GetScheduled(), OK: c.GetOk(), Failed: c.GetFailed(),
			TimedOut: c.GetTimedOut(), Skipped: c.GetSkipped(),
		},
		Errors: r.GetErrors(), Samples: r.GetSamples(), Batch: r.GetBatch(), Overflow: r.GetOverflow(),
		Values: map[string]loop.Value{},
	}
	if out.Elapsed < 0 {
		return out, fmt.Errorf("round result: negative elapsed time %v", out.Elapsed)
	}
	for name, v := range r.GetValues() {
		for _, x := range []float64{v.GetSum(), v.GetMin(), v.GetMax()} {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return out, fmt.Errorf("round result: metric %q is not finite", name)
			}
		}
		out.Values[name] = loop.Value{Count: v.GetCount(), Sum: v.GetSum(), Min: v.GetMin(), Max: v.GetMax()}
	}
	for _, f := range r.GetValidity() {
		out.Validity = append(out.Validity, loop.Finding{Level: loop.Level(f.GetLevel()), Code: f.GetCode(), Message: f.GetMessage()})
	}
	for _, c := range clocks(&out.Clocks, r.GetClocks()) {
		if c.encoded == nil || len(*c.encoded) == 0 {
			*c.histogram = loop.NewHistogram()
			continue
		}
		h, err := loop.DecodeV2(*c.encoded)
		if err != nil {
			return out, fmt.Errorf("round result: the %s clock: %w", c.name, err)
		}
		*c.histogram = h
	}
	return out, checkCounts(out)
}

// checkCounts compares what a plugin says it did with what it recorded.
func checkCounts(r loop.Result) error {
	n, timed := uint64(r.Clocks.Response.TotalCount()), r.Counts.OK+r.Counts.TimedOut
	if n < timed || n > timed+r.Counts.Skipped {
		return fmt.Errorf("round result: %d response times for %d ok, %d timed-out and %d skipped ops: the plugin's counts and histograms disagree",
			n, r.Counts.OK, r.Counts.TimedOut, r.Counts.Skipped)
	}
	return nil
}
