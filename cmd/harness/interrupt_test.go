package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// started is a harness command that runs.
type started struct {
	place          *place
	cmd            *exec.Cmd
	stdout, stderr lockedBuffer
	done           chan struct{}
}

// start starts a command as the leader of a process group, as a shell does.
func (p *place) start(args ...string) *started {
	p.t.Helper()
	s := &started{place: p, cmd: p.command(args...), done: make(chan struct{})}
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // the exit code is looked at
	}()
	p.t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.done
	})
	return s
}

// ends waits for the end and returns the exit code.
func (s *started) ends(within time.Duration) int {
	s.place.t.Helper()
	select {
	case <-s.done:
	case <-time.After(within):
		s.place.t.Fatalf("it goes on after %v\n%s", within, s.stderr.String())
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *started) signal(sig syscall.Signal) {
	s.place.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.place.t.Fatal(err)
	}
}

// three are three benchmarks of which the second takes long.
const three = `version: 1
suites:
  default:
    load: {duration: 200ms, rounds: 2}
    benchmarks:
      - {use: system/cpu, name: first}
      - {use: system/cpu, name: second, load: {duration: 10m, rounds: 600}}
      - {use: system/cpu, name: third}
`

// midway waits until the second of the three has finished a round.
func (s *started) midway() {
	s.place.t.Helper()
	eventually(s.place.t, time.Minute, "no round of the second benchmark was finished", func() bool {
		run, err := store.ReadRun(filepath.Join(s.place.dir, "run.json"))
		if err != nil {
			return false // not written yet
		}
		return len(run.Benchmarks) > 0 && s.place.working()
	})
}

// journals says that a run of the place keeps a journal: it has begun.
func (p *place) journals() bool {
	return len(entries(p.t, filepath.Join(p.home, ".local", "state", "harness", "journal"))) > 0
}

// working says that a plugin of the place runs.
func (p *place) working() bool { return len(p.processes()) > 1 }

func TestAnInterruptStopsARunCleanly(t *testing.T) {
	requireLinux(t)
	for name, send := range map[string]func(*started){
		"SIGINT":                      func(s *started) { s.signal(syscall.SIGINT) },
		"SIGTERM":                     func(s *started) { s.signal(syscall.SIGTERM) },
		"SIGHUP":                      func(s *started) { s.signal(syscall.SIGHUP) },
		"SIGINT to the process group": func(s *started) { _ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.write("harness.yaml", three)
			s := p.start("run")
			s.midway()
			send(s)
			if code := s.ends(30 * time.Second); code != exitInterrupted {
				t.Errorf("exit code %d, want %d", code, exitInterrupted)
			}
			nothingLeft(t, p)
			run := interrupted(t, p)
			if first := run.Benchmarks[0]; first.ID != "system/first" || first.Status != result.Measured || len(first.Rounds) != 2 {
				t.Errorf("the finished benchmark is %s, %s, with %d rounds", first.ID, first.Status, len(first.Rounds))
			}
			for _, b := range run.Benchmarks[1:] {
				if b.ID != "system/second" || b.Status != result.Partial || len(b.Rounds) == 0 {
					t.Errorf("%s is %s with %d rounds", b.ID, b.Status, len(b.Rounds))
				}
			}
			stderr := s.stderr.String()
			for _, want := range []string{"harness: stopping and cleaning up; once more", "harness: interrupted; the finished rounds are in run.json"} {
				if strings.Count(stderr, want) != 1 {
					t.Errorf("stderr has not once %q", want)
				}
			}
			if bad := gospeak.FindString(stderr); bad != "" {
				t.Errorf("stderr holds %q", bad)
			}
			if !strings.Contains(s.stdout.String(), "first") {
				t.Errorf("the report of what was finished is not printed")
			}
			if t.Failed() {
				t.Log(stderr)
			}
		})
	}
}

func nothingLeft(t *testing.T, p *place) {
	t.Helper()
	if pids, files := p.processes(), entries(t, p.tmp); len(pids) > 0 || len(files) > 0 {
		t.Errorf("left behind: processes %v, files %q", pids, files)
	}
	if got := entries(t, filepath.Join(p.home, ".local", "state", "harness", "journal")); len(got) > 0 {
		t.Errorf("journals are left: %q", got)
	}
	if slices.Contains(entries(t, p.dir), store.LockName) {
		t.Error("the folder's lock is left")
	}
}

// interrupted reads the document of a run that was.
func interrupted(t *testing.T, p *place) *result.Run {
	t.Helper()
	run, err := store.ReadRun(filepath.Join(p.dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if run.Complete || !run.Interrupted || len(run.Benchmarks) == 0 {
		t.Fatalf("complete is %v, interrupted %v, benchmarks %d", run.Complete, run.Interrupted, len(run.Benchmarks))
	}
	return run
}

func TestAnInterruptBeforeTheFirstRoundLeavesAnEarlierResult(t *testing.T) {
	requireLinux(t)
	p := newPlace(t)
	p.write("harness.yaml", strings.Replace(three, "load: {duration: 200ms, rounds: 2}", "load: {duration: 10m, rounds: 1}", 1))
	p.write("run.json", "an earlier result")
	s := p.start("run")
	eventually(t, time.Minute, "no plugin was started to measure", func() bool { return p.journals() && p.working() })
	s.signal(syscall.SIGINT)
	if code := s.ends(30 * time.Second); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	nothingLeft(t, p)
	if b, err := os.ReadFile(filepath.Join(p.dir, "run.json")); string(b) != "an earlier result" {
		t.Errorf("run.json is %.80q, %v", b, err)
	}
	if !strings.Contains(s.stderr.String(), "harness: interrupted before a round was finished; nothing was written\n") {
		t.Errorf("stderr is %q", s.stderr.String())
	}
}

func TestASecondInterruptEndsARunAtOnceAndCleanRemovesTheRest(t *testing.T) {
	requireLinux(t)
	p := newPlace(t)
	p.build("faulty")
	// The plugin does not let go of its op, so the clean way takes its time.
	p.write("harness.yaml", `version: 1
suites:
  default:
    load: {duration: 10m, rounds: 1, op_timeout: 10m}
    benchmarks: [{use: faulty/deaf, name: deaf}]
`)
	s := p.start("run", "--verbose", "--plugin", "./harness-plugin-faulty")
	eventually(t, time.Minute, "no op was begun", func() bool { return strings.Contains(s.stderr.String(), "faulty: I hear nothing") })
	s.signal(syscall.SIGINT)
	eventually(t, time.Minute, "the first interrupt is not answered", func() bool {
		return strings.Contains(s.stderr.String(), "once more to stop now")
	})
	s.signal(syscall.SIGINT)
	if code := s.ends(5 * time.Second); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	eventually(t, 30*time.Second, "processes are left", func() bool { return len(p.processes()) == 0 })
	p.must("clean")
	nothingLeft(t, p)
}

// build builds the plugin in testdata/name as ./harness-plugin-name.
func (p *place) build(name string) {
	p.t.Helper()
	out, err := exec.Command("go", "build", "-o", filepath.Join(p.dir, "harness-plugin-"+name), "./testdata/"+name).CombinedOutput()
	if err != nil {
		p.t.Fatalf("build plugin %s: %v\n%s", name, err, out)
	}
}

func TestAnInterruptEndsTheReferenceStack(t *testing.T) {
	requireLinux(t)
	for name, args := range map[string][]string{
		"the service":   {"--components", "service"},
		"all there are": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			s := p.start(append([]string{"reference", "up"}, args...)...)
			eventually(t, time.Minute, "it does not serve", func() bool { return strings.Contains(s.stdout.String(), "until Ctrl-C\n") })
			if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			if code := s.ends(30 * time.Second); code != exitPass {
				t.Errorf("exit code %d, want %d\n%s", code, exitPass, s.stderr.String())
			}
			nothingLeft(t, p)
		})
	}
}

func TestTheReferenceStackEndsWithItsDatabase(t *testing.T) {
	requireLinux(t)
	p := newPlace(t)
	s := p.start("reference", "up", "--components", "postgres")
	eventually(t, time.Minute, "it neither serves nor ends", func() bool {
		return strings.Contains(s.stdout.String(), "until Ctrl-C\n") || strings.Contains(s.stderr.String(), "harness: ")
	})
	files, err := filepath.Glob(filepath.Join(p.tmp, "harness-*", "harness-pg-*", "data", "postmaster.pid"))
	if err != nil || len(files) != 1 {
		absent(t, "no PostgreSQL was started: "+s.stderr.String())
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil || pid <= 1 {
		t.Fatalf("the server's process is %q", line)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := s.ends(30 * time.Second); code != exitNotRun || !strings.Contains(s.stderr.String(), "harness: PostgreSQL ended") {
		t.Errorf("exit code %d, want %d and the reason\n%s", code, exitNotRun, s.stderr.String())
	}
	nothingLeft(t, p)
}

// lockedBuffer is a buffer that a process writes to while the test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
