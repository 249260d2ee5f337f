package wasmhost

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk/abi"
)

func TestWhatIsNoModuleIsSaidInOneLine(t *testing.T) {
	whole := guest(w.I32(0))
	table := w.Guest(w.Plugin())
	table.Table = 1 << 20
	for _, tt := range []struct {
		name string
		code string
		want string
	}{
		{"nothing", "", "the file is no WebAssembly module"},
		{"a shell script", "#!/bin/sh\necho hello\n", "the file is no WebAssembly module"},
		{"a component", "\x00asm\x0d\x00\x01\x00", "a WebAssembly component"},
		{"only a head", "\x00asm\x01\x00\x00\x00", "exports no memory"},
		{"a section of 4 GiB", "\x00asm\x01\x00\x00\x00\x0a\xff\xff\xff\xff\x0f", "the module is cut off"},
		{"a length without end", "\x00asm\x01\x00\x00\x00\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "the module is cut off"},
		{"two tables", "\x00asm\x01\x00\x00\x00\x04\x07\x02\x70\x00\x01\x70\x00\x01", "the module has 2 tables"},
		{"a table of 4 Gi elements", "\x00asm\x01\x00\x00\x00\x04\x08\x01\x70\x00\xff\xff\xff\xff\x0f", "begins with a table of 4294967295 elements"},
		{"garbage where code is", string(guest(w.Code{0xff, 0xff})), "cannot be compiled"},
		{"a body without an end", string(guest(w.Code{0x03, 0x40})), "cannot be compiled"},
		{"a wrong type", string(guest(w.I64(0))), "cannot be compiled"},
		{"half of one", string(whole[:len(whole)/2]), "the module"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(context.Background(), options(t, []byte(tt.code)))
			wantError(t, err, "plugin evil", tt.want)
		})
	}
	_, err := Open(context.Background(), Options{Name: "evil", File: filepath.Join(t.TempDir(), "absent.wasm")})
	wantError(t, err, "plugin evil: read the module", "no such file")
}

func TestEveryTruncationOfAModuleIsRefused(t *testing.T) {
	whole := guest(w.I32(0), w.Of("log"))
	o := options(t, whole)
	for n := range len(whole) - 1 {
		if err := os.WriteFile(o.File, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		// The last sections are optional: a module without them is only one
		// that describes nothing.
		if m, err := Open(context.Background(), o); err == nil {
			if _, err := m.Plugin(context.Background()); err == nil {
				t.Errorf("%d bytes of %d are a plugin", n, len(whole))
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(guest(w.I32(0)))
	f.Add(guest(w.Forever, w.Of("http_do")))
	f.Add(guest(w.Join(w.I32(1), w.Grow), w.Import{Module: wasiModule, Name: "fd_write", Params: "iiii", Result: "i"}))
	table := w.Guest(w.Plugin())
	table.Table = 7
	f.Add(table.Set(abi.Initialize, nil).Bytes())
	f.Fuzz(func(t *testing.T, code []byte) {
		o := options(t, code)
		o.Cache = ""
		m, err := Open(context.Background(), o)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has several lines: %v", err)
			}
			return
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}
