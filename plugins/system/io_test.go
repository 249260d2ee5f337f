package system

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/benchharness/harness/sdk"
)

// expectedFile is the file's content, made in another way than by the worker.
func expectedFile(seed uint64, size, block int) []byte {
	var out []byte
	noise := make([]byte, block)
	fillBlock(noise, seed)
	for n := 0; n*sector < size; n++ {
		s := bytes.Clone(noise[n*sector%block:][:sector])
		m := mark(seed, uint64(n))
		for i := range 8 {
			s[i] = byte(m >> (8 * i))
		}
		out = append(out, s...)
	}
	return out
}

func TestFileHoldsWhatWasWritten(t *testing.T) {
	for _, direct := range []bool{true, false} {
		for _, mode := range []string{"write", "read"} {
			for _, order := range []string{"sequential", "random"} {
				t.Run(fmt.Sprintf("%s %s direct=%v", mode, order, direct), func(t *testing.T) {
					x := prepare(t, "file", map[string]any{"mode": mode, "order": order, "direct": direct, "block": 16384, "size": 65536})
					for range 9 {
						got, err := x.op()
						if err != nil || got[bandwidth] != 16384 {
							t.Fatalf("%v bytes (%v)", got[bandwidth], err)
						}
					}
					content, err := os.ReadFile(filepath.Join(x.request.Dir, "file-0"))
					if err != nil {
						t.Fatal(err)
					}
					if sha256.Sum256(content) != sha256.Sum256(expectedFile(7, 65536, 16384)) {
						t.Error("the file holds something else")
					}
					io := x.session.(sdk.Describer).Describe().Provenance["io"]
					if io != "direct" && !strings.HasPrefix(io, "buffered: ") || !direct && io == "direct" {
						t.Errorf("io = %q", io)
					}
				})
			}
		}
	}
}

func TestDamagedFileIsNoticed(t *testing.T) {
	x := prepare(t, "file", map[string]any{"mode": "read", "direct": false, "block": 8192, "size": 8192})
	f, err := os.OpenFile(filepath.Join(x.request.Dir, "file-0"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{0xff, 0xff}, sector); err != nil {
		t.Fatal(err)
	}
	if got, err := x.op(); sdk.Class(err) != "wrong_data" || len(got) != 0 {
		t.Errorf("error %v (class %s), recorded %v", err, sdk.Class(err), got)
	}
}

func TestFilesAreGoneAfterwards(t *testing.T) {
	var dir string
	t.Run("scenario", func(t *testing.T) {
		x := prepare(t, "file", map[string]any{"block": 4096, "size": 8192})
		dir = x.request.Dir
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 1 {
			t.Errorf("while it runs: %v (%v), want one file", left, err)
		}
		t.Cleanup(func() {
			// Runs before prepare's cleanup, as cleanups are last in, first out.
			if _, err := os.Stat(filepath.Join(dir, "file-0")); err != nil {
				t.Error(err)
			}
		})
	})
	if _, err := os.Stat(filepath.Join(dir, "file-0")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("file-0 is left: %v", err)
	}
}

func TestFullDiskIsSaidBeforeAnythingIsWritten(t *testing.T) {
	b := benchmark(t, "file")
	r := request(t, b, map[string]any{"size": 1 << 40})
	r.MaxWorkers = 1 << 20
	s, err := b.Setup(t.Context(), r)
	if s != nil || err == nil || !strings.Contains(err.Error(), "free some space") || !strings.Contains(err.Error(), r.Dir) {
		t.Errorf("session %v, error %v", s, err)
	}
	if left, _ := os.ReadDir(r.Dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	full := explain("write x", &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC})
	if sdk.Class(full) != "disk_full" || !errors.Is(full, syscall.ENOSPC) || !strings.Contains(full.Error(), "free some space") {
		t.Errorf("%v (class %s)", full, sdk.Class(full))
	}
}

func TestFileNeedsAScratchFolder(t *testing.T) {
	b := benchmark(t, "file")
	r := request(t, b, nil)
	r.Dir = ""
	_, err := b.Setup(t.Context(), r)
	var not *sdk.NotMeasuredError
	if !errors.As(err, &not) {
		t.Errorf("error %v, want not measured", err)
	}
}

func TestLoopbackCountsMessages(t *testing.T) {
	for _, c := range []struct {
		mode    string
		message int
		want    float64
	}{{"rtt", 0, 1}, {"rtt", 1000, 1000}, {"rtt", largestEcho, largestEcho}, {"throughput", 0, 1 << 20}, {"throughput", 3, 3}, {"throughput", 3 << 20, 3 << 20}} {
		t.Run(fmt.Sprint(c.mode, c.message), func(t *testing.T) {
			x := prepare(t, "loopback", map[string]any{"mode": c.mode, "message": c.message})
			for range 20 {
				got, err := x.op()
				if err != nil || got[bandwidth] != c.want {
					t.Fatalf("%v bytes, want %v (%v)", got[bandwidth], c.want, err)
				}
			}
		})
	}
}

func TestLoopbackConnectsAgainAfterAFailure(t *testing.T) {
	for _, mode := range []string{"rtt", "throughput"} {
		x := prepare(t, "loopback", map[string]any{"mode": mode})
		s := x.session.(*loopbackSession)
		if _, err := x.op(); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		for c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		if got, err := x.op(); err == nil || len(got) != 0 {
			t.Errorf("%s: an op over a closed connection recorded %v", mode, got)
		}
		if _, err := x.op(); err != nil {
			t.Errorf("%s: the op after it: %v", mode, err)
		}
	}
}

func TestLoopbackServerEndsWithTheSession(t *testing.T) {
	b := benchmark(t, "loopback")
	s, err := b.Setup(t.Context(), request(t, b, nil))
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Worker(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil { // waits for the server's goroutines
		t.Fatal(err)
	}
	var op sdk.Op
	if err := w.Do(t.Context(), &op); err == nil {
		t.Error("the server still answers")
	}
	if _, err := s.Worker(t.Context(), 1); err == nil {
		t.Error("the server still listens")
	}
	_ = w.(*loopbackWorker).Close()
}
