package plughost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/serve"
	"github.com/benchharness/harness/sdk/wire"
)

// The test binary plays the plugins: `plughost.test act ROLE`.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "act" {
		os.Exit(act(os.Args[2]))
	}
	os.Exit(m.Run())
}

func act(role string) int {
	say := func(words string) { fmt.Fprintln(os.Stderr, words) }
	switch role {
	case "sdk":
		return serve.Serve(actor())
	case "parent":
		return parent()
	case "prints":
		fmt.Println("Loading the model…")
		say("loaded")
	case "quits":
		say("no licence found")
		return 3
	case "mute":
		say("thinking")
	case "version 99":
		fmt.Println("1|99|unix|/nowhere|grpc")
	case "floods stdout": // before a handshake that never comes
		flood(os.Stdout)
	case "floods stderr":
		go func() {
			flood(os.Stderr)
			say("\ndone")
		}()
		raw(&rawPlugin{})
	case "dribbles": // a handshake that never ends
		for {
			fmt.Print("1")
			time.Sleep(10 * time.Millisecond)
		}
	case "core 7":
		fmt.Println("7|1|unix|/nowhere|grpc")
	case "nobody home":
		fmt.Println("1|1|nonsense|/nowhere|grpc")
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		raw(&rawPlugin{})
	default:
		raw(&rawPlugin{role: role})
	}
	select {} // whoever started it has to end it
}

// raw serves as a plugin in another language would: without go-plugin's own
// services, and without the sdk.
func raw(p *rawPlugin) {
	path := filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		panic(err)
	}
	p.server = grpc.NewServer()
	pluginv1.RegisterPluginServiceServer(p.server, p)
	fmt.Printf("1|%d|unix|%s|grpc\n", wire.ProtocolVersion, path)
	if err := p.server.Serve(l); err != nil {
		panic(err)
	}
}

// flooded is how many bytes a plugin that floods sends.
const flooded = 512 << 20

// flood writes one endless line.
func flood(f *os.File) {
	block := bytes.Repeat([]byte("x"), 1<<20)
	for range flooded / len(block) {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}

type rawPlugin struct {
	pluginv1.UnimplementedPluginServiceServer
	role   string
	server *grpc.Server
}

func (p *rawPlugin) Describe(context.Context, *pluginv1.DescribeRequest) (*pluginv1.DescribeResponse, error) {
	switch p.role {
	case "crash in describe":
		fmt.Fprintln(os.Stderr, "segmentation fault")
		os.Exit(139)
	case "huge description":
		return &pluginv1.DescribeResponse{Name: "actor", Doc: strings.Repeat("x", 2*wire.MaxMessage)}, nil
	case "malformed description":
		return &pluginv1.DescribeResponse{Name: "Not A Name"}, nil
	}
	return wire.DescribeToProto(actor())
}

func (p *rawPlugin) Prepare(context.Context, *pluginv1.PrepareRequest) (*pluginv1.PrepareResponse, error) {
	switch p.role {
	case "crash in prepare":
		fmt.Fprintln(os.Stderr, "out of memory")
		os.Exit(9)
	case "breaks the connection":
		go p.server.Stop()
		select {}
	case "figure that is not a number":
		return &pluginv1.PrepareResponse{Figures: []*pluginv1.Figure{{Name: "ready", Value: math.NaN()}}}, nil
	case "plain error":
		return nil, errors.New("the disk is full")
	}
	return &pluginv1.PrepareResponse{}, nil
}

func (p *rawPlugin) RunRound(_ *pluginv1.RunRoundRequest, s pluginv1.PluginService_RunRoundServer) error {
	r := &pluginv1.RoundResult{
		Started: timestamppb.Now(), Elapsed: durationpb.New(time.Second), Clocks: &pluginv1.Clocks{},
		Counts: &pluginv1.Counts{Scheduled: 1, Ok: 1},
	}
	h := loop.NewHistogram()
	_ = h.RecordValue(1000)
	r.Clocks.Response, _ = loop.EncodeV2(h)
	switch p.role {
	case "crash in mid-round":
		_ = s.Send(&pluginv1.RunRoundResponse{Event: &pluginv1.RunRoundResponse_Progress{Progress: &pluginv1.Progress{}}})
		fmt.Fprintln(os.Stderr, "assertion failed")
		os.Exit(6)
	case "huge result":
		r.Samples = append(r.Samples, strings.Repeat("x", 2*wire.MaxMessage))
	case "leaves the socket in mid-round":
		_ = s.Send(&pluginv1.RunRoundResponse{Event: &pluginv1.RunRoundResponse_Progress{Progress: &pluginv1.Progress{}}})
		go p.server.Stop()
		select {}
	case "silent in mid-round":
		<-s.Context().Done()
		return s.Context().Err()
	case "endless round":
		for s.Context().Err() == nil {
			_ = s.Send(&pluginv1.RunRoundResponse{Event: &pluginv1.RunRoundResponse_Progress{Progress: &pluginv1.Progress{}}})
			time.Sleep(time.Millisecond)
		}
		return s.Context().Err()
	case "no result":
		return nil
	case "malformed histogram":
		r.Clocks.Response = "HISTFAAAAB"
	case "more ops than times":
		r.Counts = &pluginv1.Counts{Scheduled: 500, Ok: 500}
	case "impossible counts":
		r.Counts = &pluginv1.Counts{Scheduled: 1, Ok: math.MaxUint64, TimedOut: 2}
	case "value that is not a number":
		r.Values = map[string]*pluginv1.Value{"recall": {Count: 1, Sum: math.Inf(1)}}
	}
	return s.Send(&pluginv1.RunRoundResponse{Event: &pluginv1.RunRoundResponse_Result{Result: r}})
}

func (p *rawPlugin) Teardown(context.Context, *pluginv1.TeardownRequest) (*pluginv1.TeardownResponse, error) {
	return &pluginv1.TeardownResponse{}, nil
}

// actor is a plugin made with the sdk.
func actor() sdk.Plugin {
	fine := func(context.Context, *sdk.Op) error { return nil }
	return sdk.Plugin{Name: "actor", Version: "1.0.0", Benchmarks: []sdk.Benchmark{
		{Name: "fine", Params: sdk.ParamsOf(struct {
			N int `json:"n" min:"1"`
		}{3}), Setup: sdk.Func(fine)},
		{Name: "panics", Setup: func(context.Context, sdk.SetupRequest) (sdk.Session, error) {
			panic("assignment to entry in nil map")
		}},
		{Name: "absent", Setup: func(context.Context, sdk.SetupRequest) (sdk.Session, error) {
			return nil, sdk.NotMeasured("no GPU", "plug one in")
		}},
		{Name: "crashes", Setup: sdk.Func(func(context.Context, *sdk.Op) error {
			fmt.Fprintln(os.Stderr, "last words")
			os.Exit(5)
			return nil
		})},
		{Name: "prints", Setup: func(context.Context, sdk.SetupRequest) (sdk.Session, error) {
			fmt.Println("to stdout")
			fmt.Fprintln(os.Stderr, "to stderr")
			return sdk.Func(fine)(context.Background(), sdk.SetupRequest{})
		}},
		{Name: "slow", Setup: sdk.Func(func(ctx context.Context, _ *sdk.Op) error {
			<-ctx.Done()
			return ctx.Err()
		})},
		{Name: "breeds", Setup: breed},
	}}
}

// family is a session with children: one in the plugin's group, one that left
// it, and holds its stderr open.
type family struct {
	sdk.Session
	pids map[string]string
}

func (f family) Describe() sdk.SessionInfo { return sdk.SessionInfo{Provenance: f.pids} }

func breed(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	none, err := sdk.Func(func(context.Context, *sdk.Op) error { return nil })(ctx, r)
	f := family{none, map[string]string{}}
	for name, attr := range map[string]*syscall.SysProcAttr{"near": {}, "far": {Setsid: true}} {
		cmd := exec.Command("sleep", "1000")
		cmd.SysProcAttr, cmd.Stderr = attr, os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		f.pids[name] = strconv.Itoa(cmd.Process.Pid)
	}
	return f, err
}

// parent is a harness that gets killed: it starts a plugin with children,
// prints all their ids, and waits for its end.
func parent() int {
	p, err := Start(context.Background(), Options{Name: "actor", Path: os.Args[0], Args: []string{"act", "sdk"}})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	info, err := p.Prepare(context.Background(), "s", "breeds", sdk.SetupRequest{MaxWorkers: 1})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(p.PID(), info.Provenance["near"], p.socket)
	select {}
}
