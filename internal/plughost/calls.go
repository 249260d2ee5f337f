package plughost

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Deadlines of the calls that the caller's context does not bound tighter.
const (
	prepareLimit  = 30 * time.Minute // loading a large data set takes its time
	teardownLimit = time.Minute
	cleanLimit    = time.Minute
)

// Description is what a plugin says it is.
type Description struct {
	sdk.Plugin        // functions nil
	SDK        string // which sdk and version made it
	Cleans     bool   // it removes objects on request
	Wire       *pluginv1.DescribeResponse
}

// Describe asks the plugin what it offers.
func (p *Plugin) Describe(ctx context.Context) (Description, error) {
	ctx, cancel := context.WithTimeout(ctx, p.opts.DescribeTime)
	defer cancel()
	d, err := p.rpc.Describe(ctx, &pluginv1.DescribeRequest{})
	if err != nil {
		return Description{}, p.callError(ctx, "describing itself", err)
	}
	plugin, err := wire.DescribeFromProto(d)
	if err != nil {
		return Description{}, p.fail("", "gave a malformed %v", err)
	}
	return Description{Plugin: plugin, SDK: d.GetSdk(), Cleans: d.GetCleans(), Wire: d}, nil
}

// Prepare sets up a benchmark under a session's name. Besides [*Error] it
// returns the errors of [sdk.NotMeasured], [sdk.BadParam] and
// [sdk.TargetDown].
func (p *Plugin) Prepare(ctx context.Context, session, benchmark string, r sdk.SetupRequest) (sdk.SessionInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, prepareLimit)
	defer cancel()
	m, err := wire.PrepareToProto(session, benchmark, r)
	if err != nil {
		return sdk.SessionInfo{}, err
	}
	resp, err := p.rpc.Prepare(ctx, m)
	if err != nil {
		return sdk.SessionInfo{}, p.callError(ctx, "setting up "+r.ID, err)
	}
	info, err := wire.InfoFromProto(resp)
	if err != nil {
		return sdk.SessionInfo{}, p.fail("", "gave a malformed answer to setting up %s: %v", r.ID, err)
	}
	return info, nil
}

// Round drives one round of a prepared session. progress is called from one
// goroutine, before Round returns.
func (p *Plugin) Round(ctx context.Context, session string, plan loop.Plan, progress func(loop.Progress)) (loop.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(p.opts.Silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
	if limit := p.roundLimit(plan); limit > 0 {
		end := time.AfterFunc(limit, func() { cancel(errEndless) })
		defer end.Stop()
	}
	if p.opts.Guard != nil {
		p.opts.Guard.RoundBegins()
	}
	stream, err := p.rpc.RunRound(ctx, &pluginv1.RunRoundRequest{Session: session, Plan: wire.PlanToProto(plan)})
	if err != nil {
		return loop.Result{}, p.callError(ctx, "starting a round", err)
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return loop.Result{}, p.fail("", "ended a round without a result")
		}
		if err != nil {
			return loop.Result{}, p.callError(ctx, "running a round", err)
		}
		watchdog.Reset(p.opts.Silence)
		if r := m.GetResult(); r != nil {
			result, err := wire.ResultFromProto(r)
			if err != nil {
				return loop.Result{}, p.fail("", "sent a malformed %v", err)
			}
			return result, nil
		}
		if pr := m.GetProgress(); pr != nil && progress != nil {
			progress(wire.ProgressFromProto(pr))
		}
	}
}

var (
	errSilent  = errors.New("silent")
	errEndless = errors.New("endless")
)

// roundLimit is how long a round of the plan may take, or 0: one that only ops
// bound takes as long as they take.
func (p *Plugin) roundLimit(plan loop.Plan) time.Duration {
	if plan.Duration == 0 {
		return 0
	}
	return plan.Warmup + plan.Duration + plan.Drain + 2*plan.OpTimeout + p.opts.Overtime
}

// Teardown undoes Prepare.
func (p *Plugin) Teardown(ctx context.Context, session string) error {
	ctx, cancel := context.WithTimeout(ctx, teardownLimit)
	defer cancel()
	_, err := p.rpc.Teardown(ctx, &pluginv1.TeardownRequest{Session: session})
	return p.callError(ctx, "tearing down", err)
}

// Clean removes objects that a dead process of this plugin left behind.
func (p *Plugin) Clean(ctx context.Context, r sdk.CleanRequest) error {
	ctx, cancel := context.WithTimeout(ctx, cleanLimit)
	defer cancel()
	_, err := p.rpc.Clean(ctx, &pluginv1.CleanRequest{
		Target: wire.TargetToProto(r.Target), Objects: wire.ObjectsToProto(r.Objects),
	})
	return p.callError(ctx, "cleaning up", err)
}
