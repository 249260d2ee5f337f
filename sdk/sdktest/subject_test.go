package sdktest_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/serve"
	"github.com/benchharness/harness/sdk/wire"
)

// The test binary plays the plugins that the suite is tried on: `act ROLE`.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "act" {
		os.Exit(act(os.Args[2]))
	}
	os.Exit(m.Run())
}

func act(role string) int {
	switch role {
	case "unstable", "liar", "in other units":
		if os.Getenv(wire.CookieKey) == "" {
			fmt.Println("nothing to do")
			return 0
		}
		foreign(&liar{unstable: role == "unstable", unit: units[role]})
		return 0
	default:
		return serve.Serve(subject(role))
	}
}

type with struct {
	Size  int          `json:"size" min:"1" max:"100" doc:"Some size."`
	Mode  string       `json:"mode" enum:"fast,slow"`
	Label string       `json:"label" required:"true"`
	Pause sdk.Duration `json:"pause" min:"0"`
}

// subject is a plugin that does one thing wrong in Setup, or none.
func subject(role string) sdk.Plugin {
	work := sdk.Func(func(_ context.Context, op *sdk.Op) error {
		op.Record("twice", 2)
		return nil
	})
	return sdk.Plugin{
		Name: "subject", Version: "0.1.0", Doc: "Something to try the suite on.",
		Benchmarks: []sdk.Benchmark{
			{
				Name: "work", Doc: "Nothing, quickly.", Params: sdk.ParamsOf(with{Size: 10, Mode: "fast"}),
				Metrics: []sdk.Metric{{Name: "twice", Unit: "1"}},
				Presets: []sdk.Preset{{Name: "one", With: map[string]any{"label": "a"}}, {Name: "Two-2", With: map[string]any{"label": "b", "mode": "slow"}}},
				Setup: func(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
					if err := misbehave(role, r); err != nil {
						return nil, err
					}
					return work(ctx, r)
				},
			},
			{Name: "absent", Doc: "Needs what is not there.", Setup: func(context.Context, sdk.SetupRequest) (sdk.Session, error) {
				return nil, sdk.NotMeasured("no such device", "attach one")
			}},
			{Name: "remote", Doc: "Needs a target.", Target: "moon", Setup: work},
			{
				Name: "waits", Doc: "Waits for its end.", Params: sdk.ParamsOf(naps{Sleep: sdk.Duration(time.Millisecond)}),
				Load: sdk.LoadHint{Serial: true, MaxOps: 3}, Setup: func(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
					var n naps
					if err := r.Params.Decode(&n); err != nil {
						return nil, err
					}
					if role == "half asleep" {
						n.Sleep /= 2
					}
					return sdk.Func(n.wait)(ctx, r)
				},
			},
		},
	}
}

type naps struct {
	Sleep sdk.Duration `json:"sleep" min:"0"`
}

func (n naps) wait(ctx context.Context, _ *sdk.Op) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(n.Sleep.D()):
		return nil
	}
}

func misbehave(role string, r sdk.SetupRequest) error {
	switch role {
	case "leaves a child":
		return exec.Command("sleep", "1000").Start()
	case "forgets an object":
		return r.Journal.Record(sdk.Object{Kind: "table", Name: "left_behind"})
	case "prints":
		_, err := syscall.Write(1, []byte("hello\n"))
		return err
	}
	return nil
}

// foreign serves as a plugin without the sdk would.
func foreign(p pluginv1.PluginServiceServer) {
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	fmt.Printf("1|%d|unix|%s|grpc\n", wire.ProtocolVersion, path)
	s := grpc.NewServer()
	pluginv1.RegisterPluginServiceServer(s, p)
	if err := s.Serve(l); err != nil {
		panic(err)
	}
}

var units = map[string]time.Duration{"in other units": time.Second}

// liar takes every parameter and makes up its rounds.
type liar struct {
	pluginv1.UnimplementedPluginServiceServer
	unstable bool
	unit     time.Duration // of the times of ops, in place of nanoseconds
	asked    atomic.Int64
}

func (l *liar) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	p := subject("")
	if n := l.asked.Add(1); l.unstable {
		p.Version = strconv.FormatInt(n, 10)
	}
	return wire.DescribeToProto(p)
}

func (l *liar) Prepare(context.Context, *pluginv1.PrepareRequest) (*pluginv1.PrepareResponse, error) {
	return &pluginv1.PrepareResponse{}, nil
}

func (l *liar) Teardown(context.Context, *pluginv1.TeardownRequest) (*pluginv1.TeardownResponse, error) {
	return &pluginv1.TeardownResponse{}, nil
}

func (l *liar) RunRound(_ *pluginv1.RunRoundRequest, s pluginv1.PluginService_RunRoundServer) error {
	m := &pluginv1.RoundResult{Started: timestamppb.Now(), Elapsed: durationpb.New(time.Second), Counts: &pluginv1.Counts{Scheduled: 6, Ok: 6}}
	if l.unit > 0 {
		h := hdrhistogram.New(1, int64(time.Minute), 3)
		if err := h.RecordValues(int64(5*l.unit), 6); err != nil {
			return err
		}
		r, err := wire.ResultFromProto(m)
		if err != nil {
			return err
		}
		r.Clocks.Response, r.Clocks.Service = h, h
		if m, err = wire.ResultToProto(r); err != nil {
			return err
		}
	}
	return s.Send(&pluginv1.RunRoundResponse{Event: &pluginv1.RunRoundResponse_Result{Result: m}})
}
