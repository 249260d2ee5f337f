package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// over sends a message over the wire.
func over[M proto.Message](t testing.TB, m, into M) M {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
	return into
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

type nested struct {
	Size  int            `json:"size" min:"1" max:"9" doc:"A size."`
	Mode  string         `json:"mode" enum:"a,b"`
	Wait  sdk.Duration   `json:"wait"`
	Texts []string       `json:"texts"`
	Extra map[string]any `json:"extra"`
	Inner struct {
		On bool `json:"on" required:"true"`
	} `json:"inner"`
}

func full() sdk.Plugin {
	return sdk.Plugin{
		Name: "full", Version: "1.0.0", Doc: "All there is.",
		Table: sdk.Table{Title: "T", Subject: "S", Columns: []sdk.Column{{Title: "Avg", Metric: "latency_mean"}}},
		Benchmarks: []sdk.Benchmark{{
			Name: "b", Doc: "One.", Params: sdk.ParamsOf(nested{Size: 3, Mode: "a", Wait: sdk.Duration(time.Second)}),
			Metrics: []sdk.Metric{{Name: "recall", Unit: "ratio", Doc: "R.", Better: sdk.Higher, Scale: sdk.Absolute, Aggregate: sdk.Mean, Gate: true}},
			Target:  "vector", Presets: []sdk.Preset{{Name: "p", Doc: "P.", With: map[string]any{"mode": "b", "texts": []any{"x"}}}},
			Load: sdk.LoadHint{Solo: true, Serial: true, Rate: 10, Monitor: true, CountedBy: "operations", MaxOps: 7},
		}, {Name: "bare"}},
	}
}

func TestADescriptionSurvivesTheWire(t *testing.T) {
	m, err := DescribeToProto(full())
	if err != nil {
		t.Fatal(err)
	}
	got, err := DescribeFromProto(over(t, m, &pluginv1.DescribeResponse{}))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, full())
}

func TestAMalformedDescriptionIsNamed(t *testing.T) {
	benchmark := func(change func(*pluginv1.Benchmark)) func(*pluginv1.DescribeResponse) {
		return func(d *pluginv1.DescribeResponse) { change(d.Benchmarks[0]) }
	}
	params := func(text string) func(*pluginv1.DescribeResponse) {
		return benchmark(func(b *pluginv1.Benchmark) { b.Params = []byte(text) })
	}
	for _, tt := range []struct {
		name   string
		change func(*pluginv1.DescribeResponse)
		want   string
	}{
		{"no name", func(d *pluginv1.DescribeResponse) { d.Name = "" }, `plugin ""`},
		{"no benchmark", func(d *pluginv1.DescribeResponse) { d.Benchmarks = nil }, "declares no benchmark"},
		{"two of one name", func(d *pluginv1.DescribeResponse) { d.Benchmarks[1].Name = "b" }, `declares benchmark "b" twice`},
		{"parameters that are no JSON", params("{"), `benchmark "b": parameters: unexpected end`},
		{"a parameter without a name", params(`[{"type":"int"}]`), `parameter name "" is empty`},
		{"a parameter twice", params(`[{"name":"a","type":"int"},{"name":"a","type":"int"}]`), `parameter name "a" is empty or declared twice`},
		{"a type of its own", params(`[{"name":"a","type":"colour"}]`), `parameter "a" has the unknown type "colour"`},
		{"a list of nothing", params(`[{"name":"a","type":"list"}]`), `parameter "a" is a list without a type of its elements`},
		{"a map of nothing, inside", params(`[{"name":"a","type":"object","fields":[{"name":"b","type":"map"}]}]`), `parameter "a.b" is a map without`},
		{"bounds that cross", params(`[{"name":"a","type":"int","min":3,"max":2}]`), `parameter "a": no value is within its bounds`},
		{"a metric of the harness", benchmark(func(b *pluginv1.Benchmark) { b.Metrics[0].Name = "throughput" }), "is a standard one"},
		{"a metric twice", benchmark(func(b *pluginv1.Benchmark) { b.Metrics = append(b.Metrics, b.Metrics[0]) }), `metric "recall" is declared twice`},
		{"a preset of no name", benchmark(func(b *pluginv1.Benchmark) { b.Presets[0].Name = "" }), `preset name "" is malformed`},
		{"a preset that climbs", benchmark(func(b *pluginv1.Benchmark) { b.Presets[0].Name = "../x" }), `preset name "../x" is malformed`},
		{"a preset that is no object", benchmark(func(b *pluginv1.Benchmark) { b.Presets[0].With = []byte("[1]") }), `preset "p": json`},
		{"a rate that is no number", benchmark(func(b *pluginv1.Benchmark) { b.Load.Rate = math.NaN() }), "load hint: rate NaN"},
		{"another total", benchmark(func(b *pluginv1.Benchmark) { b.Load.CountedBy = "laps" }), `counted by "laps"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := DescribeToProto(full())
			if err != nil {
				t.Fatal(err)
			}
			tt.change(m)
			if _, err := DescribeFromProto(m); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want … %s …", err, tt.want)
			}
		})
	}
}

func TestASetupRequestSurvivesTheWire(t *testing.T) {
	want := sdk.SetupRequest{
		ID: "full/b", RunID: "r", Params: sdk.Params{"size": json.RawMessage("3")}, Seed: math.MaxUint64, MaxWorkers: 100,
		Target: sdk.Target{
			Name: "n", Kind: "k", Reference: true, URL: "http://h:1", GRPC: "h:2", DSN: "postgres://x", APIKey: "secret",
			Headers: map[string]string{"A": "b"},
		},
		Timeout: 1500 * time.Millisecond, Dir: "/tmp/x", KeepData: true,
	}
	m, err := PrepareToProto("s1", "b", want)
	if err != nil {
		t.Fatal(err)
	}
	m = over(t, m, &pluginv1.PrepareRequest{})
	got, err := PrepareFromProto(m)
	if err != nil || m.GetSession() != "s1" || m.GetBenchmark() != "b" {
		t.Fatalf("session %q, benchmark %q, %v", m.GetSession(), m.GetBenchmark(), err)
	}
	same(t, got, want)
	m.Params = []byte("[")
	if _, err := PrepareFromProto(m); err == nil || !strings.HasPrefix(err.Error(), "parameters of full/b: ") {
		t.Errorf("error is %v", err)
	}
}

func TestSessionInfoAndObjectsSurviveTheWire(t *testing.T) {
	info := sdk.SessionInfo{
		Provenance: map[string]string{"engine": "x"}, WorkloadDigest: "sha256:1",
		Figures: []sdk.Figure{{Name: "ready", Unit: "s", Value: 1.5}},
	}
	got, err := InfoFromProto(over(t, InfoToProto(info), &pluginv1.PrepareResponse{}))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, info)
	for _, bad := range []sdk.Figure{{Name: "", Value: 1}, {Name: "x", Value: math.Inf(1)}, {Name: "x", Value: math.NaN()}} {
		if _, err := InfoFromProto(InfoToProto(sdk.SessionInfo{Figures: []sdk.Figure{bad}})); err == nil {
			t.Errorf("figure %+v was taken", bad)
		}
	}
	objects := []sdk.Object{{Kind: "table", Name: "a", Attrs: map[string]string{"x": "y"}}, {Kind: "process", Name: "b"}}
	same(t, ObjectsFromProto(ObjectsToProto(objects)), objects)
}

func TestAPlanAndProgressSurviveTheWire(t *testing.T) {
	plan := loop.Plan{
		Model: loop.Poisson, Workers: 3, Rate: 12.5, Warmup: 1, Duration: 2, Ops: 3, OpTimeout: 4, Drain: 5,
		Seed: math.MaxUint64, Round: 6, NoBatch: true, Think: 7, SkipLate: 8,
		Stages:   []loop.Stage{{Duration: time.Second, From: 1.5, To: 2}, {Duration: 9}},
		Arrivals: []time.Duration{0, 0, 5, math.MaxInt64},
	}
	same(t, PlanFromProto(over(t, PlanToProto(plan), &pluginv1.LoadPlan{})), plan)
	for _, p := range []loop.Progress{
		{Warmup: true, Elapsed: 1, Done: 2, Failed: 1, Rate: 3.5, P95: 4},
		{Elapsed: time.Hour},
	} {
		same(t, ProgressFromProto(over(t, ProgressToProto(p), &pluginv1.Progress{})), p)
	}
}

// result is a round with 3 ok, 2 failed, 1 timed-out and 1 skipped op.
func result() loop.Result {
	r := loop.Result{
		Started: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Elapsed: time.Second,
		Counts: loop.Counts{Scheduled: 7, OK: 3, Failed: 2, TimedOut: 1, Skipped: 1},
		Errors: map[string]uint64{"http_500": 2}, Samples: []string{"http_500: boom"}, Batch: 4, Overflow: 1,
		Values:   map[string]loop.Value{"recall": {Count: 3, Sum: 2.5, Min: 0.5, Max: 1}},
		Validity: []loop.Finding{{Level: loop.Caution, Code: "overflow", Message: "m"}},
		Clocks:   loop.Clocks{Response: loop.NewHistogram(), Service: loop.NewHistogram(), Lag: loop.NewHistogram(), Wait: loop.NewHistogram()},
	}
	for i := range int64(5) {
		_ = r.Clocks.Response.RecordValue(1000 * (i + 1))
		if i < 4 {
			_ = r.Clocks.Service.RecordValue(1000 * i)
			_ = r.Clocks.Lag.RecordValue(i)
		}
	}
	return r
}

func TestARoundSurvivesTheWire(t *testing.T) {
	want := result()
	m, err := ResultToProto(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ResultFromProto(over(t, m, &pluginv1.RoundResult{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []struct{ a, b *loop.Clocks }{{&got.Clocks, &want.Clocks}} {
		for i, c := range clocks(h.a, nil) {
			if d := clocks(h.b, nil)[i]; !(*c.histogram).Equals(*d.histogram) {
				t.Errorf("the %s clock differs", c.name)
			}
		}
	}
	got.Clocks = want.Clocks
	same(t, got, want)
}

func TestARoundThatCannotBeIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*pluginv1.RoundResult)
		want   string // "" when it is taken
	}{
		{"no start", func(r *pluginv1.RoundResult) { r.Started = nil }, "its start"},
		{"a start beyond the calendar", func(r *pluginv1.RoundResult) { r.Started = &timestamppb.Timestamp{Seconds: math.MaxInt64} }, "its start"},
		{"negative time", func(r *pluginv1.RoundResult) { r.Elapsed = durationpb.New(-1) }, "3 ops in -1ns"},
		{"no time at all", func(r *pluginv1.RoundResult) { r.Elapsed = nil }, "3 ops in 0s"},
		{"nothing done in no time", func(r *pluginv1.RoundResult) {
			r.Elapsed, r.Counts, r.Errors, r.Clocks = nil, nil, nil, nil
		}, ""},
		{"a value that is no number", func(r *pluginv1.RoundResult) { r.Values["recall"].Min = math.NaN() }, `metric "recall" is not finite`},
		{"a value of no op", func(r *pluginv1.RoundResult) { r.Values["x"] = &pluginv1.Value{Sum: math.NaN()} }, ""},
		{"a nil value", func(r *pluginv1.RoundResult) { r.Values["x"] = nil }, ""},
		{"a level of its own", func(r *pluginv1.RoundResult) { r.Validity[0].Level = "fine" }, `finding "overflow" has level "fine"`},
		{"a histogram of garbage", func(r *pluginv1.RoundResult) { r.Clocks.Lag = "garbage" }, "the lag clock: decode histogram"},
		{"more ops than times", func(r *pluginv1.RoundResult) { r.Counts.Ok = 6 }, "5 response times for 6 ok"},
		{"fewer ops than times", func(r *pluginv1.RoundResult) { r.Counts.Skipped = 0; r.Counts.Ok = 2 }, "counts and histograms disagree"},
		{"more service times than ops", func(r *pluginv1.RoundResult) { r.Clocks.Service = r.Clocks.Response }, "5 service times"},
		{"more classified than failed", func(r *pluginv1.RoundResult) { r.Errors["x"] = math.MaxUint64 }, "more errors by class than the 2 failed ops"},
		{"counts that overflow", func(r *pluginv1.RoundResult) { r.Counts.Skipped = math.MaxUint64 }, "impossible counts"},
		{"no counts", func(r *pluginv1.RoundResult) { r.Counts = nil }, "counts and histograms disagree"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ResultToProto(result())
			if err != nil {
				t.Fatal(err)
			}
			tt.change(m)
			_, err = ResultFromProto(m)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error is %v, want … %s …", err, tt.want)
			}
		})
	}
}

func TestCountsThatDoNotAddUpAreFoundOnce(t *testing.T) {
	for _, known := range []bool{false, true} {
		m, err := ResultToProto(result())
		if err != nil {
			t.Fatal(err)
		}
		m.Counts.Scheduled = 70
		if known {
			m.Validity = append(m.Validity, &pluginv1.Finding{Level: "invalid", Code: "identity", Message: "as the plugin says"})
		}
		r, err := ResultFromProto(m)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range r.Validity {
			if f.Code == "identity" && f.Level == loop.Invalid {
				n++
			}
		}
		if n != 1 {
			t.Errorf("found %d times in %+v", n, r.Validity)
		}
	}
}

func TestErrorsKeepWhatTheySayOverTheWire(t *testing.T) {
	plain := errors.New("boom")
	for _, tt := range []struct {
		err  error
		code codes.Code
		want error
	}{
		{plain, codes.Unknown, plain},
		{fmt.Errorf("set up: %w", sdk.NotMeasured("no GPU", "plug one in")), codes.FailedPrecondition, sdk.NotMeasured("no GPU", "plug one in")},
		{sdk.BadParam("a.b", "is %d", 3), codes.InvalidArgument, sdk.BadParam("a.b", "is %d", 3)},
		{sdk.TargetDown("db", errors.New("refused"), "start it"), codes.Unavailable, sdk.TargetDown("db", errors.New("refused"), "start it")},
		{context.Canceled, codes.Canceled, errors.New(context.Canceled.Error())},
		{fmt.Errorf("round: %w", context.DeadlineExceeded), codes.DeadlineExceeded, errors.New("round: context deadline exceeded")},
	} {
		over := ErrorToStatus(tt.err)
		if got := status.Code(over); got != tt.code {
			t.Errorf("%v has code %v, want %v", tt.err, got, tt.code)
		}
		same(t, ErrorFromStatus(over), tt.want)
	}
	if ErrorToStatus(nil) != nil || ErrorFromStatus(nil) != nil {
		t.Error("no error became one")
	}
	bare := status.Error(codes.NotFound, "no session")
	for _, err := range []error{bare, plain} {
		if got := ErrorFromStatus(err); got != err { // unchanged is what is promised
			t.Errorf("%v came back as %v", err, got)
		}
	}
}

func TestTextThatIsNotUTF8CostsNoMessage(t *testing.T) {
	const latin1, replaced = "caf\xe9", "caf\uFFFD"
	r := result()
	r.Errors = map[string]uint64{latin1: 1, "caf\xe8": 1}
	r.Samples = []string{latin1}
	r.Validity = []loop.Finding{{Level: loop.Caution, Code: latin1, Message: latin1}}
	m, err := ResultToProto(r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ResultFromProto(over(t, m, &pluginv1.RoundResult{}))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got.Errors, map[string]uint64{replaced: 2})
	same(t, got.Samples, []string{replaced})
	same(t, got.Validity, []loop.Finding{{Level: loop.Caution, Code: replaced, Message: replaced}})

	info, err := InfoFromProto(over(t, InfoToProto(sdk.SessionInfo{
		Provenance: map[string]string{latin1: latin1}, WorkloadDigest: latin1, Figures: []sdk.Figure{{Name: latin1, Unit: latin1, Value: 1}},
	}), &pluginv1.PrepareResponse{}))
	if err != nil {
		t.Fatal(err)
	}
	same(t, info, sdk.SessionInfo{
		Provenance: map[string]string{replaced: replaced}, WorkloadDigest: replaced, Figures: []sdk.Figure{{Name: replaced, Unit: replaced, Value: 1}},
	})

	same(t, ErrorFromStatus(ErrorToStatus(sdk.TargetDown(latin1, errors.New(latin1), latin1))),
		sdk.TargetDown(replaced, errors.New(replaced), replaced))
}
