package wasmhost

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

func TestWhatAGuestMayNotImportIsNamedBeforeAnythingOfItRuns(t *testing.T) {
	plain := w.Plugin()
	for _, tt := range []struct {
		name    string
		module  *w.Module
		granted []string
		want    []string
	}{
		{"http without the grant", w.Guest(plain, w.Of("http_do")), []string{abi.SQL, abi.Clock},
			[]string{"plugin evil imports http_do", `the capability "http"`, "--grant evil=http", "plugins: {evil: {grant: [http]}}"}},
		{"sql without the grant", w.Guest(plain, w.Of("sql_query")), []string{abi.HTTP}, []string{"imports sql_query", `"sql"`, "--grant evil=sql"}},
		{"blobs without the grant", w.Guest(plain, w.Of("blob_read")), nil,
			[]string{"imports blob_read", `"blob"`, "--grant evil=blob:FOLDER", "{grant: [blob], blobs: FOLDER}"}},
		{"all without the grant", w.Guest(plain, w.Of("http_do"), w.Of("sql_query"), w.Of("blob_read")), nil,
			[]string{"imports http_do, sql_query, blob_read, which need the capabilities", "grant them with --grant evil=http,sql,blob:FOLDER"}},
		{"a function that does not exist", w.Guest(plain, w.Import{Module: abi.Module, Name: "exec", Params: "ii", Result: "i"}), nil,
			[]string{"imports harness_v1.exec", "does not have"}},
		{"another version's", w.Guest(plain, w.Import{Module: "harness_v2", Name: "now", Result: "l"}), nil, []string{"imports harness_v2.now"}},
		{"a module of its own", w.Guest(plain, w.Import{Module: "env", Name: "abort", Params: "iiii"}), nil, []string{"imports env.abort"}},
		{"WASI that does not exist", w.Guest(plain, w.Import{Module: wasiModule, Name: "sock_open", Params: "iii", Result: "i"}), nil,
			[]string{"sock_open", "WASI preview 1 does not have"}},
		{"other parameters", w.Guest(plain, w.Import{Module: abi.Module, Name: "now", Params: "i", Result: "l"}), nil,
			[]string{"imports harness_v1.now with other parameters"}},
		{"no memory", &w.Module{NoMemory: true, Funcs: []w.Func{{Export: abi.Describe, Result: "i", Body: w.I32(0)}}}, nil, []string{"exports no memory"}},
		{"no op", &w.Module{Pages: 1, Funcs: []w.Func{
			{Export: abi.Describe, Result: "i", Body: w.I32(0)}, {Export: abi.SetUp, Params: "i", Result: "i", Body: w.I32(0)},
		}}, nil, []string{"exports no function harness_v1_op", "-buildmode=c-shared"}},
		{"an op of another shape", &w.Module{Pages: 1, Funcs: []w.Func{
			{Export: abi.Describe, Result: "i", Body: w.I32(0)}, {Export: abi.SetUp, Params: "i", Result: "i", Body: w.I32(0)},
			{Export: abi.Op, Params: "i", Result: "i", Body: w.I32(0)},
		}}, nil, []string{"exports harness_v1_op with other parameters"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// The start function would trap: it must not be reached.
			tt.module.Funcs = append(tt.module.Funcs, w.Func{Body: w.Unreachable})
			tt.module.Start = len(tt.module.Imports) + len(tt.module.Funcs) - 1
			_, err := Open(context.Background(), options(t, tt.module.Bytes(), tt.granted...))
			wantError(t, err, tt.want...)
		})
	}
}

func TestAGuestGetsTheFunctionsThatWereGranted(t *testing.T) {
	code := w.Guest(w.Plugin(), w.Of("http_do"), w.Of("sql_query"), w.Of("blob_read")).Bytes()
	worker(t, options(t, code, abi.HTTP, abi.SQL, abi.Blob), sdk.SetupRequest{})
}

func TestAnUngrantedImportDoesNothingWhileAPluginDescribesItself(t *testing.T) {
	g := w.Guest(w.Plugin(), w.Of("blob_read"))
	o := options(t, g.Bytes())
	o.Describing = true
	if _, err := open(t, o).Plugin(context.Background()); err != nil {
		t.Fatal(err)
	}
	_, _, err := setUp(t, open(t, o), sdk.SetupRequest{})
	wantError(t, err, "to describe itself only")
	g.Set(abi.Describe, w.Join(w.I32(0), w.I32(4), w.I64(0), w.I32(0), w.I32(8), w.Call(1)))
	o.File = file(t, g.Bytes())
	_, err = open(t, o).Plugin(context.Background())
	wantError(t, err, "plugin evil: describe: blob_read was called outside set up, op and tear down")
}

func TestAGuestThatBreaksEndsWithOneLine(t *testing.T) {
	recurse := w.Guest(w.Plugin())
	recurse.Funcs = append(recurse.Funcs, w.Func{Result: "i", Body: w.Join(w.Call(4), w.I32(1), w.Add)})
	exit := w.Import{Module: wasiModule, Name: "proc_exit", Params: "i"}
	for _, tt := range []struct {
		name string
		code []byte
		want string
	}{
		{"recursion without end", recurse.Set(abi.Op, w.Call(4)).Bytes(), "stack overflow"},
		{"a trap", guest(w.Unreachable), "unreachable"},
		{"reading past its memory", guest(w.Join(w.I32(-8), w.Load)), "out of bounds memory access"},
		{"an exit", guest(w.Join(w.I32(3), w.Call(1), w.I32(0)), exit), "exited with code 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t, tt.code)
			wk := worker(t, o, sdk.SetupRequest{})
			for range 2 { // what is broken stays broken
				_, err := do(wk)
				wantError(t, err, tt.want)
				if fatal := (*sdk.FatalError)(nil); !errors.As(err, &fatal) {
					t.Errorf("the error %v does not end the round", err)
				}
			}
			_, err := round(t, o, 100)
			wantError(t, err, "worker ", tt.want)
		})
	}
}

func TestMemoryIsLimited(t *testing.T) {
	// memory.grow returns −1, which the op returns.
	for _, pages := range []int32{64, 65535, -1} {
		_, err := do(worker(t, options(t, guest(w.Join(w.I32(pages), w.Grow))), sdk.SetupRequest{}))
		wantError(t, err, "the op returned -1")
	}
	_, err := do(worker(t, options(t, guest(w.Join(w.I32(62), w.Grow))), sdk.SetupRequest{}))
	wantError(t, err, "the op returned 2") // 2 pages before, 64 after

	big := w.Guest(w.Plugin())
	big.Pages = 65
	_, err = Open(context.Background(), options(t, big.Bytes()))
	wantError(t, err, "plugin evil: the module cannot be compiled", "65 pages")
	big.Pages, big.Table = 2, 1<<27
	_, err = Open(context.Background(), options(t, big.Bytes()))
	wantError(t, err, "begins with a table of 134217728 elements")
}

func TestTooMuchOfAnythingFailsTheOp(t *testing.T) {
	log := w.Of("log")
	record := w.Join(w.I32(5000), w.Set(2), w.Code{0x03, 0x40}, // 5000 times
		w.I32(0), w.F64(1), w.Call(1), w.Drop,
		w.Get(2), w.I32(1), w.Code{0x6b}, w.Code{0x22, 2}, w.Code{0x0d, 0}, w.Code{0x0b}, w.I32(0))
	values := w.Guest(w.Plugin(), w.Of("record")).Set(abi.Op, record)
	values.Funcs[2].Locals = 1
	_, err := do(worker(t, options(t, values.Bytes()), sdk.SetupRequest{}))
	wantError(t, err, "the op has recorded more than 4096 values")
	for _, tt := range []struct {
		name string
		op   w.Code
		want string
	}{
		{"a reply of 4 GiB", w.Join(w.I32(0), w.I32(-1), w.Call(0)), "reply was given 4294967295 bytes, more than the limit of 65536 for results"},
		{"a reply of 64 KiB and 1 B", w.Join(w.I32(0), w.I32(64<<10+1), w.Call(0), w.Drop, w.I32(0)), "reply was given 65537 bytes"},
		{"a log of 128 KiB", w.Join(w.I32(0), w.I32(0), w.I32(128<<10), w.Call(1), w.Drop, w.I32(0)), "log has reached its limit of 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := do(worker(t, options(t, guest(tt.op, log)), sdk.SetupRequest{}))
			wantError(t, err, tt.want)
			if sdk.Class(err) != abi.ClassLimit {
				t.Errorf("its class is %q, want %q", sdk.Class(err), abi.ClassLimit)
			}
		})
	}
}

func TestALogThatIsFullFailsEveryFurtherEntry(t *testing.T) {
	wk := worker(t, options(t, guest(w.Join(w.I32(0), w.I32(0), w.I32(30<<10), w.Call(1), w.Drop, w.I32(0)), w.Of("log"))), sdk.SetupRequest{})
	for i := range 4 {
		if _, err := do(wk); (err != nil) != (i >= 2) {
			t.Errorf("after %d KiB: %v", 30*(i+1), err)
		}
	}
}

// TestNoPointerReachesOutOfTheGuest hands every import pointers and lengths
// that are not in the guest's memory of 2 pages, one pair after the other.
func TestNoPointerReachesOutOfTheGuest(t *testing.T) {
	pairs := []struct{ ptr, length int32 }{
		{2 << 16, 1}, {2<<16 - 1, 2}, {math.MaxInt32, 16}, {math.MinInt32, 16}, {-1, 1}, {-16, 16}, {0, 2<<16 + 1}, {-1, -1}, {1, -1}, {0, math.MinInt32},
	}
	for _, imp := range abi.Imports {
		for at := range pointers(imp) {
			for _, p := range pairs {
				t.Run(fmt.Sprintf("%s, pointer %d: %d bytes at %d", imp.Name, at, uint32(p.length), uint32(p.ptr)), func(t *testing.T) {
					op := w.Join(arguments8(imp, at, p.ptr, p.length), w.Call(1), w.Drop, w.I32(0))
					_, err := do(worker(t, options(t, guest(op, w.Of(imp.Name)), abi.HTTP, abi.SQL, abi.Blob), sdk.SetupRequest{}))
					wantError(t, err, imp.Name+" was given")
					if c := sdk.Class(err); c != abi.ClassABI && c != abi.ClassLimit {
						t.Errorf("its class is %q", c)
					}
				})
			}
		}
	}
}

// pointers are the positions of an import's pointers: the first of two i32 in
// a row.
func pointers(imp abi.Import) map[int]bool {
	out := map[int]bool{}
	for i := 0; i+1 < len(imp.Params); i++ {
		if imp.Name == "log" && i == 0 || imp.Name == "record" {
			continue // the level, and no pointer
		}
		if imp.Params[i:i+2] == "ii" {
			out[i] = true
			i++
		}
	}
	return out
}

// arguments8 pushes the arguments of an import: 8 bytes at 8 for every pointer,
// but for the one that is wrong.
func arguments8(imp abi.Import, wrong int, ptr, length int32) w.Code {
	var code w.Code
	for i := 0; i < len(imp.Params); i++ {
		switch {
		case pointers(imp)[i]:
			if i != wrong {
				code = w.Join(code, w.I32(8), w.I32(8))
			} else {
				code = w.Join(code, w.I32(ptr), w.I32(length))
			}
			i++
		case imp.Params[i] == 'i':
			code = w.Join(code, w.I32(0))
		case imp.Params[i] == 'l':
			code = w.Join(code, w.I64(0))
		}
	}
	return code
}

func TestEveryImportWithAPointerIsAttacked(t *testing.T) {
	n := 0
	for _, imp := range abi.Imports {
		n += len(pointers(imp))
	}
	if n != 1+2+1+5+3+2 {
		t.Errorf("there are %d pointers: is one not seen?", n)
	}
}

func TestValuesThatAreNoMeasurementAreNotUsed(t *testing.T) {
	record := w.Of("record")
	one := func(metric int32, x float64) w.Code { return w.Join(w.I32(metric), w.F64(x), w.Call(1), w.Drop) }
	for _, tt := range []struct {
		name    string
		op      w.Code
		caution string // "" when the value is taken
		value   float64
	}{
		{"not a number", one(0, math.NaN()), `metric "m": not finite`, 0},
		{"infinite", one(0, math.Inf(-1)), `metric "m": not finite`, 0},
		{"negative", one(0, -3), "", -3},
		{"of a metric that is not declared", one(1, 3), "not declared", 0},
		{"of a metric before the first", one(-1, 3), "not declared", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := round(t, options(t, guest(w.Join(tt.op, w.I32(0)), record)), 10)
			if err != nil {
				t.Fatal(err)
			}
			if !res.Counts.Balanced() || res.Counts.OK != 10 {
				t.Errorf("counts are %+v", res.Counts)
			}
			if v := res.Values["m"]; tt.caution == "" && (v.Count != 10 || v.Min != tt.value || v.Max != tt.value) || tt.caution != "" && v.Count != 0 {
				t.Errorf("the metric is %+v", v)
			}
			said := fmt.Sprint(res.Validity)
			if tt.caution != "" && !strings.Contains(said, tt.caution) {
				t.Errorf("findings are %s, want %q among them", said, tt.caution)
			}
		})
	}
}

func TestValuesBelongToOps(t *testing.T) {
	g := w.Guest(w.Plugin(), w.Of("record")).Set(abi.SetUp, w.Join(w.I32(0), w.F64(1), w.Call(1)))
	_, _, err := setUp(t, open(t, options(t, g.Bytes())), sdk.SetupRequest{})
	wantError(t, err, "record was called outside an op")
}

// TestTheHostCountsOps shows that what a guest says, returns or records moves
// no count.
func TestTheHostCountsOps(t *testing.T) {
	lie := `{"scheduled": 1000000, "ok": 1000000}`
	g := w.Guest([]byte(string(w.Plugin())+lie), w.Of("record"))
	g.Funcs[0].Body = w.Join(w.I32(1024), w.I32(int32(len(w.Plugin()))), w.Call(0), w.Drop, w.I32(0))
	g.Set(abi.Op, w.Join(w.I32(1024+int32(len(w.Plugin()))), w.I32(int32(len(lie))), w.Call(0), w.Drop, w.I32(0), w.F64(1e6), w.Call(1)))
	res, err := round(t, options(t, g.Bytes()), 25)
	if err != nil {
		t.Fatal(err)
	}
	if c := res.Counts; c.Scheduled != 25 || c.OK != 25 || res.Clocks.Service.TotalCount() != 25 {
		t.Errorf("counts are %+v with %d times, want 25 ok", c, res.Clocks.Service.TotalCount())
	}
}

func TestNoBlobOutsideTheFolderIsRead(t *testing.T) {
	o := options(t, nil, abi.Blob)
	outside := t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(outside, "secret"): "secret", filepath.Join(o.Grant.Blobs, "inside"): "0123456789",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{
		"link": filepath.Join(outside, "secret"), "folder": outside, "up": "../" + filepath.Base(outside), "near": "inside",
	} {
		if err := os.Symlink(to, filepath.Join(o.Grant.Blobs, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		offset int64
		want   string // the op returns what blob_read does
	}{
		{"inside", 0, "returned 8"}, {"near", 0, "returned 8"}, {"inside", 4, "returned 6"}, {"inside", 10, ""},
		{"inside", -1, "returned -4"}, {"absent", 0, "returned -3"}, {"", 0, "returned -4"}, {".", 0, "returned -4"},
		{"/etc/passwd", 0, "returned -4"}, {"../../../../../../etc/passwd", 0, "returned -4"}, {"a/../../secret", 0, "returned -"},
		{"link", 0, "returned -4"}, {"folder/secret", 0, "returned -4"}, {"up/secret", 0, "returned -4"}, {"inside\x00", 0, "returned -4"},
	} {
		t.Run(fmt.Sprintf("%q from %d", tt.name, tt.offset), func(t *testing.T) {
			g := w.Guest(w.Plugin(), w.Of("blob_read"))
			g.Data[8] = tt.name
			g.Set(abi.Op, w.Join(w.I32(8), w.I32(int32(len(tt.name))), w.I64(tt.offset), w.I32(512), w.I32(8), w.Call(1)))
			o.File = file(t, g.Bytes())
			wk := worker(t, o, sdk.SetupRequest{})
			op, err := do(wk)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, "the op "+tt.want)
			want := ""
			if !strings.HasPrefix(tt.want, "returned -") {
				want = "0123456789"[tt.offset:min(tt.offset+8, 10)]
			}
			if got, _ := wk.(*instance).mem.Read(512, 8); strings.TrimRight(string(got), "\x00") != want {
				t.Errorf("the guest has %q, want %q", got, want)
			}
			if !strings.HasPrefix(tt.want, "returned -") && (op.SentAt() == 0 || op.DoneAt() < op.SentAt()) {
				t.Errorf("the host's read is not stamped: sent %v, done %v", op.SentAt(), op.DoneAt())
			}
			if last := wk.(*instance).last; strings.Contains(last, o.Grant.Blobs) {
				t.Errorf("the guest is told the host's folder: %s", last)
			}
		})
	}
}
