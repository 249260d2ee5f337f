package plughost

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// patience bounds what a test waits for; none of them needs it all.
const patience = 30 * time.Second

func options(role string) Options {
	return Options{Name: "actor", Path: os.Args[0], Args: []string{"act", role}, StartTimeout: patience}
}

func start(t *testing.T, o Options) *Plugin {
	t.Helper()
	p, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func prepare(t *testing.T, p *Plugin, benchmark string) sdk.SessionInfo {
	t.Helper()
	info, err := p.Prepare(context.Background(), "s", benchmark, sdk.SetupRequest{ID: "actor/" + benchmark, MaxWorkers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

var fewOps = loop.Plan{Model: loop.Closed, Workers: 1, Ops: 3, Duration: time.Minute}

// wantError asserts on the one line that a person reads, and that an [*Error]
// holds the plugin's last words where there are any.
func wantError(t *testing.T, err error, want, log string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	if line != want {
		t.Errorf("error is\n%q, want\n%q", line, want)
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *Error", err)
	}
	if log != "" && !strings.Contains(strings.Join(e.Log, "\n"), log) {
		t.Errorf("the log lines %q do not hold %q", e.Log, log)
	}
}

func TestAPluginThatDoesNotShakeHandsIsNamed(t *testing.T) {
	for _, tt := range []struct {
		role, want, log string
		timeout         time.Duration
	}{
		{role: "prints", log: "",
			want: `plugin actor printed "Loading the model…" to stdout before the handshake; stdout carries the handshake: print to stderr instead`},
		{role: "quits", log: "no licence found",
			want: `plugin actor ended before the handshake (exit status 3); is it a harness plugin, and for this system?`},
		{role: "mute", log: "", timeout: time.Second,
			want: `plugin actor gave no handshake within 1s; is it a harness plugin?`},
		{role: "version 99",
			want: `plugin actor speaks plugin protocol version 99, this harness speaks 1; build it with the sdk of this harness, or use the harness it was made for`},
		{role: "core 7",
			want: `plugin actor shakes hands in version 7, this harness in 1; build it with the sdk of this harness, or use the harness it was made for`},
		{role: "nobody home",
			want: `plugin actor shook hands with "1|1|nonsense|/nowhere|grpc" and could not be reached: unknown address type: /nowhere`},
	} {
		t.Run(tt.role, func(t *testing.T) {
			o := options(tt.role)
			if tt.timeout != 0 {
				o.StartTimeout = tt.timeout
			}
			p, err := Start(context.Background(), o)
			if err == nil {
				p.Stop()
			}
			wantError(t, err, tt.want, tt.log)
		})
	}
}

func TestAFileThatIsNoProgramIsNamed(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/nowhere/harness-plugin-x": "no such file or directory",
		text:                        "exec format error",
	} {
		_, err := Start(context.Background(), Options{Name: "x", Path: path})
		if err == nil || !strings.HasPrefix(err.Error(), "plugin x cannot be started from "+path+": "+want+"; ") {
			t.Errorf("error is %v, want plugin x cannot be started from %s: %s", err, path, want)
		}
	}
}

func TestTheEndOfTheContextEndsAStart(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	o := options("mute")
	o.Log = func(string) { cancel(errors.New("enough")) }
	_, err := Start(ctx, o)
	if err == nil || err.Error() != "start plugin actor: enough" {
		t.Errorf("error is %v, want start plugin actor: enough", err)
	}
}

func TestAPluginThatMisbehavesInACallIsNamed(t *testing.T) {
	describe := func(p *Plugin) error {
		_, err := p.Describe(context.Background())
		return err
	}
	setUp := func(p *Plugin) error {
		_, err := p.Prepare(context.Background(), "s", "fine", sdk.SetupRequest{ID: "actor/fine"})
		return err
	}
	round := func(p *Plugin) error {
		_, err := p.Round(context.Background(), "s", fewOps, nil)
		return err
	}
	shortRound := func(p *Plugin) error {
		_, err := p.Round(context.Background(), "s", loop.Plan{Model: loop.Closed, Workers: 1, Duration: time.Millisecond}, nil)
		return err
	}
	for _, tt := range []struct {
		role      string
		call      func(*Plugin) error
		want, log string
		alive     bool // the process lives on
	}{
		{"crash in describe", describe, "plugin actor crashed (exit status 139) while describing itself", "segmentation fault", false},
		{"malformed description", describe, `plugin actor gave a malformed description: plugin "Not A Name": malformed name: want lower-case letters, digits, '-' or '_', starting with a letter`, "", true},
		{"crash in prepare", setUp, "plugin actor crashed (exit status 9) while setting up actor/fine", "out of memory", false},
		{"figure that is not a number", setUp, `plugin actor gave a malformed answer to setting up actor/fine: figure "ready" is NaN: want a name and a finite value`, "", true},
		{"crash in mid-round", round, "plugin actor crashed (exit status 6) while running a round", "assertion failed", false},
		{"silent in mid-round", round, "plugin actor hung: no sign of life for 300ms while running a round; it was killed", "", false},
		{"endless round", shortRound, "plugin actor did not end a round that was over at least 100ms ago; it was killed", "", false},
		{"no result", round, "plugin actor ended a round without a result", "", true},
		{"malformed histogram", round, "plugin actor sent a malformed round result: the response clock: decode histogram: illegal base64 data at input byte 8", "", true},
		{"more ops than times", round, "plugin actor sent a malformed round result: 1 response times for 500 ok, 0 timed-out and 0 skipped ops: the plugin's counts and histograms disagree", "", true},
		{"impossible counts", round, "plugin actor sent a malformed round result: impossible counts: 18446744073709551615 ok, 0 failed, 2 timed out, 0 skipped", "", true},
		{"value that is not a number", round, `plugin actor sent a malformed round result: metric "recall" is not finite`, "", true},
	} {
		t.Run(tt.role, func(t *testing.T) {
			o := options(tt.role)
			if strings.HasPrefix(tt.role, "silent") {
				o.Silence = 300 * time.Millisecond
			}
			if strings.HasPrefix(tt.role, "endless") {
				o.Overtime = 100 * time.Millisecond
			}
			p := start(t, o)
			wantError(t, tt.call(p), tt.want, tt.log)
			if !tt.alive {
				wait(t, p.child.Load().Done(), "the process to end")
			} else if p.ended(0) {
				t.Error("the process has ended")
			}
		})
	}
}

func TestAPluginThatBreaksTheConnectionIsKilled(t *testing.T) {
	p := start(t, options("breaks the connection"))
	_, err := p.Prepare(context.Background(), "s", "fine", sdk.SetupRequest{ID: "actor/fine"})
	var e *Error
	if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "plugin actor broke the connection while setting up actor/fine: ") {
		t.Errorf("error is %v", err)
	}
	wait(t, p.child.Load().Done(), "the process to end")
}

func TestAnErrorWithoutAProblemIsNotTheProcesss(t *testing.T) {
	p := start(t, options("plain error"))
	_, err := p.Prepare(context.Background(), "s", "fine", sdk.SetupRequest{ID: "actor/fine"})
	if err == nil || err.Error() != "plugin actor: setting up actor/fine: the disk is full" {
		t.Errorf("error is %v", err)
	}
	var e *Error
	if errors.As(err, &e) || p.ended(0) {
		t.Error("the process was given up")
	}
}

func TestACrashInAnOpIsToldWithTheLastWords(t *testing.T) {
	p := start(t, options("sdk"))
	prepare(t, p, "crashes")
	_, err := p.Round(context.Background(), "s", fewOps, nil)
	wantError(t, err, "plugin actor crashed (exit status 5) while running a round", "last words")
}

func TestAPanicInSetupIsAnErrorAndTheProcessLives(t *testing.T) {
	p := start(t, options("sdk"))
	_, err := p.Prepare(context.Background(), "s", "panics", sdk.SetupRequest{ID: "actor/panics"})
	want := "set up actor/panics: panic: assignment to entry in nil map (the stack is in the plugin's log)"
	if err == nil || err.Error() != want {
		t.Fatalf("error is %v, want %s", err, want)
	}
	prepare(t, p, "fine")
	r, err := p.Round(context.Background(), "s", fewOps, nil)
	if err != nil || r.Counts.OK != 3 {
		t.Errorf("a round after it: %+v, %v", r.Counts, err)
	}
	if err := p.Teardown(context.Background(), "s"); err != nil {
		t.Error(err)
	}
}

func TestTypedErrorsComeThrough(t *testing.T) {
	p := start(t, options("sdk"))
	_, err := p.Prepare(context.Background(), "s", "absent", sdk.SetupRequest{ID: "actor/absent"})
	var absent *sdk.NotMeasuredError
	if !errors.As(err, &absent) || absent.Reason != "no GPU" || absent.Remedy != "plug one in" {
		t.Errorf("error is %#v", err)
	}
	_, err = p.Prepare(context.Background(), "s", "fine", sdk.SetupRequest{ID: "actor/fine", Params: sdk.Params{"n": []byte("0")}})
	var param *sdk.ParamError
	if !errors.As(err, &param) || param.Param != "n" || param.Problem != "is 0, want 1 or more" {
		t.Errorf("error is %#v", err)
	}
}

func TestWhatAPluginPrintsAfterTheHandshakeIsItsLog(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	o := options("sdk")
	o.Log = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		seen[line] = true
	}
	p := start(t, o)
	prepare(t, p, "prints")
	poll(t, "both lines", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return seen["to stdout"] && seen["to stderr"]
	})
}

func TestACancelledRoundIsTheCallersAndThePluginLives(t *testing.T) {
	p := start(t, options("sdk"))
	prepare(t, p, "slow")
	ctx, cancel := context.WithCancelCause(context.Background())
	_, err := p.Round(ctx, "s", loop.Plan{Model: loop.Closed, Workers: 1, Duration: time.Hour}, func(loop.Progress) {
		cancel(errors.New("interrupted"))
	})
	if err == nil || err.Error() != "plugin actor: running a round: interrupted" {
		t.Errorf("error is %v", err)
	}
	if err := p.Teardown(context.Background(), "s"); err != nil || p.ended(0) {
		t.Errorf("tear down: %v", err)
	}
}

func TestStopEndsAPluginInMidRound(t *testing.T) {
	p := start(t, options("sdk"))
	prepare(t, p, "slow")
	running, over := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		_, err := p.Round(context.Background(), "s", loop.Plan{Model: loop.Closed, Workers: 1, Duration: time.Hour}, func(loop.Progress) {
			once.Do(func() { close(running) })
		})
		over <- err
	}()
	wait(t, running, "the round to begin")
	p.Stop()
	if err := <-over; err == nil {
		t.Error("the round had a result")
	}
}

func TestStopEndsAPluginThatIgnoresTheSignal(t *testing.T) {
	o := options("stubborn")
	o.StopGrace = 50 * time.Millisecond
	p := start(t, o)
	p.Stop()
	wait(t, p.child.Load().Done(), "the process to end")
}

func TestStopEndsAPluginThatIsFrozen(t *testing.T) {
	o := options("sdk")
	o.StopGrace = 50 * time.Millisecond
	p := start(t, o)
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	wait(t, p.child.Load().Done(), "the process to end")
}

func TestStopLeavesNoChildAndNoFile(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "harness-test-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o := options("sdk")
	o.Dir = dir
	p := start(t, o)
	info := prepare(t, p, "breeds")
	p.Stop()
	for _, name := range []string{"near", "far"} {
		pid, err := strconv.Atoi(info.Provenance[name])
		if err != nil {
			t.Fatal(err)
		}
		poll(t, name+" child to be gone", func() bool { return !lives(pid) })
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left in the socket's folder: %v, %v", left, err)
	}
}

func TestAPathTooLongForASocketIsRefused(t *testing.T) {
	o := options("sdk")
	o.Dir = "/tmp/" + strings.Repeat("x", MaxDir)
	if _, err := Start(context.Background(), o); err == nil || !strings.Contains(err.Error(), "longer than 53 bytes") {
		t.Errorf("error is %v", err)
	}
}

func TestAPluginEndsWithAHarnessThatIsKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0], "act", "parent")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var plugin, child int
	var socket string
	if _, serr := fmt.Sscan(line, &plugin, &child, &socket); err != nil || serr != nil {
		t.Fatalf("the parent said %q: %v", line, errors.Join(err, serr))
	}
	if !lives(plugin) || !lives(child) {
		t.Fatal("the plugin or its child does not run")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	poll(t, "the plugin to be gone", func() bool { return !lives(plugin) })
	poll(t, "its child to be gone", func() bool { return !lives(child) })
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder %s is left behind", socket)
	}
}

// lives says whether a process runs; one that waits to be reaped does not.
func lives(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(stat)), "Z")
}

func wait(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
}

func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
