package plughost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Deadlines of the calls that the caller's context does not bound tighter.
const (
	describeLimit = 15 * time.Second
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
	ctx, cancel := context.WithTimeout(ctx, describeLimit)
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
	return wire.InfoFromProto(resp), nil
}

// Round drives one round of a prepared session. progress is called from one
// goroutine, before Round returns.
func (p *Plugin) Round(ctx context.Context, session string, plan loop.Plan, progress func(loop.Progress)) (loop.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(p.opts.Silence, func() { cancel(errSilent) })
	defer watchdog.Stop()
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

var errSilent = errors.New("silent")

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

// callError tells apart what the benchmark reported, what the caller wanted
// and what the process did.
func (p *Plugin) callError(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(context.Cause(ctx), errSilent) {
		p.kill()
		return p.fail("it was killed", "hung: no sign of life for %v while %s", p.opts.Silence, doing)
	}
	if cause := context.Cause(ctx); cause != nil && !p.ended(0) {
		if errors.Is(cause, context.DeadlineExceeded) {
			p.kill()
			return p.fail("it was killed", "hung while %s", doing)
		}
		return fmt.Errorf("plugin %s: %s: %w", p.opts.Name, doing, cause)
	}
	if broken(err) && p.ended(time.Second) {
		return p.fail("", "crashed (%s) while %s", ended(p.child.Wait()), doing)
	}
	if known := wire.ErrorFromStatus(err); known != err {
		return known
	}
	return fmt.Errorf("plugin %s: %s: %s", p.opts.Name, doing, status.Convert(err).Message())
}

// broken says whether an error may come from the connection and not from the
// benchmark's code.
func broken(err error) bool {
	st := status.Convert(err)
	switch st.Code() {
	case codes.Unavailable, codes.Canceled, codes.Unknown, codes.Internal:
		return len(st.Details()) == 0
	default:
		return false
	}
}

// ended says whether the process has ended, or does so within patience: the
// connection breaks a moment before the process can be waited for.
func (p *Plugin) ended(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.child.Done():
		return true
	case <-timer.C:
	}
	select {
	case <-p.child.Done():
		return true
	default:
		return false
	}
}
