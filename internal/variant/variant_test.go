package variant

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
)

// record is a journal in memory: how many objects are in it, and were.
type record struct {
	mu        sync.Mutex
	now, ever int
}

func (r *record) Record(sdk.Object) error { return r.note(1) }
func (r *record) Forget(sdk.Object) error { return r.note(-1) }

func (r *record) note(n int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now += n
	r.ever += max(n, 0)
	return nil
}

func of(t *testing.T, s suite.Variant) (*Variant, *record) {
	t.Helper()
	if s.ReadyTimeout == 0 {
		s.ReadyTimeout = 30 * time.Second
	}
	s.Name = "x"
	j := &record{}
	return &Variant{Spec: s, Dir: t.TempDir(), Journal: j}, j
}

func (v *Variant) file(name string) string {
	b, err := os.ReadFile(filepath.Join(v.Dir, name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// alive says whether a process runs: one that waits to be reaped does not.
func alive(pid string) bool {
	out, err := exec.Command("ps", "-o", "stat=", "-p", pid).Output()
	stat := strings.TrimSpace(string(out))
	return err == nil && stat != "" && !strings.HasPrefix(stat, "Z")
}

// gone waits until a process is gone.
func gone(t *testing.T, pid string) {
	t.Helper()
	if _, err := strconv.Atoi(pid); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %s lives on", pid)
		}
	}
}

const serve = "echo $$ >pid; sleep 1000 & echo $! >child; touch up; wait"

func TestAVariantIsBuiltServesAndIsGone(t *testing.T) {
	v, j := of(t, suite.Variant{
		Build: `echo "$GIVEN" >built`, Start: serve, ReadyCommand: "test -e up", Stop: "cp pid stopped", Env: []string{"GIVEN=a b"},
	})
	if err := v.Build(t.Context()); err != nil || v.file("built") != "a b" {
		t.Fatalf("built %q, %v", v.file("built"), err)
	}
	r, err := v.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := strconv.Itoa(r.PID()); v.file("pid") != got {
		t.Errorf("the shell is process %s, PID says %s", v.file("pid"), got)
	}
	if j.now != 1 {
		t.Errorf("%d processes are journalled while it serves, want 1", j.now)
	}
	if err := r.Down(); err != nil {
		t.Fatal(err)
	}
	if v.file("stopped") != v.file("pid") {
		t.Error("the stop command did not run")
	}
	gone(t, v.file("pid"))
	gone(t, v.file("child"))
	if j.now != 0 || j.ever < 4 {
		t.Errorf("%d processes are journalled after it, of %d; want none of at least 4", j.now, j.ever)
	}
}

func TestWhatLeavesTheGroupIsGoneAfterTheRound(t *testing.T) {
	v, _ := of(t, suite.Variant{Start: "setsid sh -c 'echo $$ >far; exec sleep 1000' & sleep 1000", ReadyCommand: "test -s far"})
	if _, err := os.Stat("/usr/bin/setsid"); err != nil {
		t.Skip("needs setsid: it comes with util-linux")
	}
	r, err := v.Up(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Down(); err != nil {
		t.Fatal(err)
	}
	gone(t, v.file("far"))
}

func TestAFailureSaysWhichCommandAndItsLastWords(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	up := func(v *Variant) error {
		r, err := v.Up(context.Background())
		if err == nil {
			return r.Down()
		}
		return err
	}
	build := func(v *Variant) error { return v.Build(context.Background()) }
	for _, c := range []struct {
		name string
		spec suite.Variant
		do   func(*Variant) error
		want []string
	}{
		{"a build", suite.Variant{Build: "echo no such header >&2; exit 7"}, build, []string{"variant x: build: exit status 7", "its last lines: no such header"}},
		{"a start", suite.Variant{Start: "echo port taken; exit 3", ReadyCommand: "false"}, up, []string{"variant x: start: ended before it was ready (exit status 3)", "port taken"}},
		{"a ready that does not come", suite.Variant{Start: "echo waiting; exec sleep 1000", ReadyCommand: "echo nothing there; exit 1", ReadyTimeout: 3 * time.Second}, up,
			[]string{"variant x: ready: not within 3s", "waiting", "nothing there"}},
		{"a ready that hangs", suite.Variant{Start: "exec sleep 1000", ReadyCommand: "exec sleep 1000", ReadyTimeout: 200 * time.Millisecond}, up, []string{"variant x: ready: not within 200ms"}},
		{"a start in the background", suite.Variant{Start: "sleep 1000 &", ReadyCommand: "false", ReadyTimeout: 300 * time.Millisecond}, up, []string{"keep the server in the foreground"}},
		{"an address that is taken", suite.Variant{Start: "exec sleep 1000", ReadyURL: taken.URL}, up, []string{"variant x: start: something else answers at " + taken.URL}},
		{"a stop", suite.Variant{Start: "exec sleep 1000", ReadyCommand: "true", Stop: "echo cannot; false"}, up, []string{"variant x: stop: exit status 1", "cannot"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, j := of(t, c.spec)
			err := c.do(v)
			var failed *Error
			if !errors.As(err, &failed) {
				t.Fatalf("the error is %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error is %v; it lacks %q", err, want)
				}
			}
			if j.now != 0 {
				t.Errorf("%d processes are left", j.now)
			}
		})
	}
}

func TestAMissingFolderIsSaid(t *testing.T) {
	v, _ := of(t, suite.Variant{Build: "true"})
	v.Dir = filepath.Join(v.Dir, "nowhere")
	if err := v.Build(t.Context()); err == nil || !strings.Contains(err.Error(), "variant x: build: there is no folder "+v.Dir) {
		t.Errorf("the error is %v", err)
	}
}

func TestAnInterruptEndsWhateverRuns(t *testing.T) {
	cause := errors.New("interrupted")
	for name, do := range map[string]func(*Variant, context.Context) error{
		"a build": (*Variant).Build,
		"a wait":  func(v *Variant, ctx context.Context) error { _, err := v.Up(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			v, j := of(t, suite.Variant{Build: serve, Start: serve, ReadyCommand: "false", ReadyTimeout: time.Hour})
			ctx, cancel := context.WithCancelCause(t.Context())
			go func() {
				for v.file("child") == "" {
					time.Sleep(time.Millisecond)
				}
				cancel(cause)
			}()
			if err := do(v, ctx); !errors.Is(err, cause) {
				t.Errorf("the error is %v", err)
			}
			gone(t, v.file("child"))
			if j.now != 0 {
				t.Errorf("%d processes are left", j.now)
			}
		})
	}
}

func TestAURLIsReadyWhenItAnswersWell(t *testing.T) {
	var mu sync.Mutex
	status := []int{503, 404, 302}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status[0])
		if len(status) > 1 {
			status = status[1:]
		}
	}))
	defer srv.Close()
	v, _ := of(t, suite.Variant{ReadyURL: srv.URL})
	for _, want := range []string{"status 503", "status 404", ""} {
		err := v.ready(t.Context())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
