package wasmhost

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/wasmhost/pulse"
	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

// ask returns what config_get gives for a key, or its code.
func ask(t *testing.T, key string, r sdk.SetupRequest) string {
	t.Helper()
	g := w.Guest(w.Plugin(), w.Of("config_get"))
	g.Data[8] = key
	g.Set(abi.Op, w.Join(w.I32(8), w.I32(int32(len(key))), w.I32(4096), w.I32(2048), w.Call(1)))
	wk := worker(t, options(t, g.Bytes()), r)
	_, err := do(wk)
	n := 0
	if err != nil {
		if _, serr := fmt.Sscanf(err.Error(), "the op returned %d", &n); serr != nil {
			t.Fatal(err)
		}
	}
	if n < 0 {
		return fmt.Sprint(n)
	}
	b, _ := wk.(*instance).mem.Read(4096, uint32(min(n, 2048)))
	return strings.TrimRight(string(b), "\x00")
}

func TestAGuestReadsItsConfiguration(t *testing.T) {
	r := sdk.SetupRequest{
		RunID: "r1", Seed: 1 << 63, Params: sdk.Params{"n": json.RawMessage("3"), "text": json.RawMessage(`"a b"`), "o": json.RawMessage(`{"in":{"x":[1]}}`)},
		Target: sdk.Target{Name: "search", Kind: "service", URL: "http://secret:80", APIKey: "very-secret", DSN: "secret", Headers: map[string]string{"a": "secret"}},
	}
	for key, want := range map[string]string{
		"id": "evil/attack", "run_id": "r1", "seed": "9223372036854775808", "worker": "0", "target.name": "search", "target.kind": "service",
		"param.n": "3", "param.text": "a b", "param.o.in": `{"x":[1]}`, "param.o.in.x": "[1]", "param.n.x": "-3", "param.absent": "-3", "param.": "-3",
		"target.url": "-3", "": "-3", "last_error": "-3",
	} {
		if got := ask(t, key, r); got != want {
			t.Errorf("%q is %q, want %q", key, got, want)
		}
	}
	text := ask(t, "setup", r)
	var s abi.Setup
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Seed != 1<<63 || s.MaxWorkers != 2 || string(s.Params["n"]) != "3" {
		t.Errorf("setup is %s: %v", text, err)
	}
	if strings.Contains(text, "secret") {
		t.Errorf("the guest is told a secret: %s", text)
	}
}

func TestAnAnswerThatDoesNotFitIsNotWritten(t *testing.T) {
	g := w.Guest(w.Plugin(), w.Of("config_get"))
	g.Data[8] = "id"
	g.Set(abi.Op, w.Join(w.I32(8), w.I32(2), w.I32(4096), w.I32(10), w.Call(1)))
	wk := worker(t, options(t, g.Bytes()), sdk.SetupRequest{})
	_, err := do(wk)
	wantError(t, err, "the op returned 11") // evil/attack
	if b, _ := wk.(*instance).mem.Read(4096, 10); strings.Trim(string(b), "\x00") != "" {
		t.Errorf("%q was written", b)
	}
}

func TestWhatAnOpRepliesIsItsError(t *testing.T) {
	for reply, want := range map[string][2]string{
		"http_503\nserver is\nbusy": {"http_503", "server is busy"}, "quota": {"quota", "quota"}, "": {sdk.ClassUnclassified, "the op returned 5"},
		"\nno class": {sdk.ClassUnclassified, "the op returned 5"},
	} {
		g := w.Guest(w.Plugin())
		g.Data[8] = reply
		g.Set(abi.Op, w.Join(w.I32(8), w.I32(int32(len(reply))), w.Call(0), w.Drop, w.I32(5)))
		_, err := do(worker(t, options(t, g.Bytes()), sdk.SetupRequest{}))
		wantError(t, err, want[1])
		if sdk.Class(err) != want[0] {
			t.Errorf("%q has class %q, want %q", reply, sdk.Class(err), want[0])
		}
	}
}

func TestWhatSetUpRepliesIsATypedError(t *testing.T) {
	for reply, want := range map[string]error{
		`{"kind":"param","subject":"n","message":"is 3, want 4"}`:         sdk.BadParam("n", "is 3, want 4"),
		`{"kind":"not_measured","message":"no data","remedy":"get some"}`: sdk.NotMeasured("no data", "get some"),
		`{"message":"boom"}`: fmt.Errorf("boom"), `no json at all`: fmt.Errorf("no json at all"), ``: fmt.Errorf("harness_v1_setup returned 1"),
	} {
		g := w.Guest(w.Plugin())
		g.Data[8] = reply
		g.Set(abi.SetUp, w.Join(w.I32(8), w.I32(int32(len(reply))), w.Call(0), w.Drop, w.I32(1)))
		_, _, err := setUp(t, open(t, options(t, g.Bytes())), sdk.SetupRequest{})
		if err == nil || err.Error() != want.Error() || fmt.Sprintf("%T", want) != "*errors.errorString" && fmt.Sprintf("%T", err) != fmt.Sprintf("%T", want) {
			t.Errorf("%s: error is %T %v, want %T %v", reply, err, err, want, want)
		}
	}
}

func TestADescriptionThatIsNoneIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"": "description", "{": "description", `{"name":"Evil"}`: `Evil`, `{"name":"evil","benchmarks":[]}`: "declares no benchmark",
		`{"name":"evil","benchmarks":[{"name":"a","params":[{"name":"x","type":"list"}]}]}`: "without a type",
	} {
		_, err := open(t, options(t, w.Guest([]byte(text)).Bytes())).Plugin(context.Background())
		wantError(t, err, "plugin evil: describe: ", want)
	}
}

func TestAClockThatWasNotGrantedIsTheSameEveryTime(t *testing.T) {
	// The op records two readings.
	now := w.Join(w.Call(1), w.Code{0xb9}) // f64.convert_i64_s
	op := w.Join(w.I32(0), now, w.Call(2), w.Drop, w.I32(0), now, w.Call(2), w.Drop, w.I32(0))
	read := func(capabilities ...string) (out []float64) {
		wk := worker(t, options(t, guest(op, w.Of("now"), w.Of("record")), capabilities...), sdk.SetupRequest{})
		for range 2 {
			o, err := do(wk)
			if err != nil {
				t.Fatal(err)
			}
			o.Values(func(_ string, x float64) { out = append(out, x) })
		}
		return out
	}
	if got := fmt.Sprint(read()); got != "[1000 2000 3000 4000]" {
		t.Errorf("the readings are %s ns, want one tick after the other", got)
	}
	if a := read(abi.Clock); a[0] <= 0 || a[3] < a[0] || fmt.Sprint(a) == "[1000 2000 3000 4000]" {
		t.Errorf("the machine's clock shows %v ns", a)
	}
}

func TestRandomBytesComeFromTheSeedAndTheWorker(t *testing.T) {
	g := w.Guest(w.Plugin(), w.Import{Module: wasiModule, Name: "random_get", Params: "ii", Result: "i"})
	g.Set(abi.Op, w.Join(w.I32(512), w.I32(32), w.Call(1)))
	o := options(t, g.Bytes())
	bytes := func(seed uint64, n int) string {
		s, _, err := setUp(t, open(t, o), sdk.SetupRequest{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.Background())
		wk, err := s.Worker(context.Background(), n)
		if err != nil {
			t.Fatal(err)
		}
		defer wk.(*instance).Close()
		if _, err := do(wk); err != nil {
			t.Fatal(err)
		}
		b, _ := wk.(*instance).mem.Read(512, 32)
		return fmt.Sprintf("%x", b)
	}
	if a, b := bytes(1, 0), bytes(1, 0); a != b || strings.Trim(a, "0") == "" {
		t.Errorf("the same seed gives %s and %s", a, b)
	}
	if a, b, c := bytes(1, 0), bytes(1, 1), bytes(2, 0); a == b || a == c {
		t.Errorf("another worker has %s, another seed %s, as the first: %s", b, c, a)
	}
}

func TestWhatAGuestPrintsIsItsLog(t *testing.T) {
	g := w.Guest(w.Plugin(), w.Import{Module: wasiModule, Name: "fd_write", Params: "iiii", Result: "i"})
	g.Data[8] = "\x10\x00\x00\x00\x05\x00\x00\x00"
	g.Data[16] = "a\nb c"
	g.Set(abi.Op, w.Join(w.I32(2), w.I32(8), w.I32(1), w.I32(256), w.Call(1)))
	var out strings.Builder
	o := options(t, g.Bytes())
	o.Log = slog.New(slog.NewTextHandler(&out, nil))
	wk := worker(t, o, sdk.SetupRequest{})
	for range 2 {
		if _, err := do(wk); err != nil {
			t.Fatal(err)
		}
	}
	wk.(*instance).flush()
	for _, want := range []string{"msg=a ", `msg="b ca"`, `msg="b c"`, "benchmark=evil/attack worker=0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log is\n%s, want %s in it", out.String(), want)
		}
	}
}

func TestAGuestThatOnlySleepsIsWokenWhenItsTimeIsOver(t *testing.T) {
	in := &instance{phase: pulse.Op, slot: pulse.Loose(), clock: guestClock{}}
	ctx, cancel := context.WithCancel(context.Background())
	in.ctx = ctx
	cancel()
	in.sleep(time.Hour)
	if in.clock.made < time.Hour {
		t.Errorf("the guest's clock moved by %v in a sleep of an hour", in.clock.made)
	}
}

func TestTheFolderOfCompiledCodeIsNobodyElses(t *testing.T) {
	o := options(t, guest(w.I32(0)))
	o.Cache = t.TempDir()
	if err := os.Chmod(o.Cache, 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), o)
	wantError(t, err, "others may write to "+o.Cache, "chmod go-w")
}

func TestEveryGrantIsChecked(t *testing.T) {
	_, err := Open(context.Background(), options(t, guest(w.I32(0)), "fs"))
	wantError(t, err, `there is no capability "fs" to grant: want clock, http, sql, blob`)
	o := options(t, guest(w.I32(0)), abi.Blob)
	o.Grant.Blobs = ""
	_, err = Open(context.Background(), o)
	wantError(t, err, `the capability "blob" needs a folder`)
	o.Grant.Blobs = "/does/not/exist"
	_, err = Open(context.Background(), o)
	wantError(t, err, "open its folder of blobs")
}

func TestASessionSaysWhatASandboxIs(t *testing.T) {
	s, _, err := setUp(t, open(t, options(t, guest(w.I32(0)), abi.Clock, abi.HTTP)), sdk.SetupRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	info := s.(sdk.Describer).Describe()
	if p := info.Provenance["sandbox"]; !strings.HasPrefix(p, "WASM compiled by wazero ") || !strings.HasSuffix(p, "granted: clock, http; clock of the guest: the machine's") {
		t.Errorf("the sandbox is %q", p)
	}
	if f := info.Figures; len(f) != 1 || f[0].Name != "empty_call_seconds" || f[0].Value <= 0 || f[0].Value > 1e-3 {
		t.Errorf("figures are %+v", f)
	}
}
