package wasmhost

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
)

// cached returns the files of a cache.
func cached(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestADamagedCacheIsMadeAnew(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"empty":           func([]byte) []byte { return nil },
		"cut off":         func(b []byte) []byte { return b[:len(b)-1] },
		"something else":  func(b []byte) []byte { return append([]byte("nothing of the kind"), b...) },
		"one bit flipped": func(b []byte) []byte { b[len(b)-30] ^= 1; return b },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, w.Guest(w.Plugin()).Bytes())
			o.Cache = filepath.Join(t.TempDir(), "compiled")
			open(t, o)
			files := cached(t, o.Cache)
			if len(files) == 0 {
				t.Fatal("nothing is cached")
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(f, damage(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			open(t, o)
			if again := cached(t, o.Cache); len(again) != len(files) {
				t.Errorf("the cache has %d files, it had %d", len(again), len(files))
			}
		})
	}
}

func TestACacheOfAnotherUserIsNotUsed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a folder away: run it as root")
	}
	o := options(t, w.Guest(w.Plugin()).Bytes())
	o.Cache = t.TempDir()
	if err := os.Chown(o.Cache, 12345, -1); err != nil {
		t.Fatal(err)
	}
	_, err := Open(context.Background(), o)
	wantError(t, err, "is another user's", "XDG_CACHE_HOME")
}
