package proc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/lifeline"
)

// The test binary plays the children: `act ROLE`.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "act" {
		os.Exit(act(os.Args[2]))
	}
	os.Exit(m.Run())
}

func act(role string) int {
	term := make(chan os.Signal, 1)
	switch role {
	case "obedient":
		signal.Notify(term, syscall.SIGTERM)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "talkative":
		fmt.Fprint(os.Stderr, strings.Repeat("a line of some length\n", 50_000))
		return 4
	case "environment":
		fmt.Println(strings.Join(os.Environ(), "\x00"))
		return 0
	case "stdin":
		b, err := io.ReadAll(os.Stdin)
		fmt.Println(len(b), err)
		return 0
	case "cpus":
		on, err := cpus.Of(0)
		fmt.Println(on, runtime.GOMAXPROCS(0), err)
		return 0
	case "breeds":
		for _, attr := range []*syscall.SysProcAttr{{}, {Setsid: true}} {
			cmd := exec.Command("sleep", "1000")
			cmd.SysProcAttr, cmd.Stderr = attr, os.Stderr
			if err := cmd.Start(); err != nil {
				fmt.Println(err)
				return 1
			}
			fmt.Println(cmd.Process.Pid)
		}
		return 0
	}
	fmt.Println("ready")
	gone, err := lifeline.Watch()
	if err != nil {
		return 1
	}
	select {
	case <-term:
		fmt.Fprintln(os.Stderr, "last words")
	case <-gone:
	}
	return 0
}

const patience = 30 * time.Second

// record is a journal in memory.
type record struct {
	mu   sync.Mutex
	log  []string
	fail error
}

func (r *record) Record(o sdk.Object) error { return r.note("record", o) }
func (r *record) Forget(o sdk.Object) error { return r.note("forget", o) }

func (r *record) note(verb string, o sdk.Object) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log = append(r.log, verb+" "+o.Kind+" "+o.Name)
	return r.fail
}

func spec(role string) Spec {
	return Spec{Name: "plugin x", Path: os.Args[0], Args: []string{"act", role}}
}

// start starts a child that is stopped with the test.
func start(t *testing.T, s Spec) *Child {
	t.Helper()
	c, err := Start(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background(), 0); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ready starts a child that says so.
func ready(t *testing.T, s Spec) *Child {
	t.Helper()
	c := start(t, s)
	if line := readLine(t, bufio.NewReader(c.Stdout())); line != "ready" {
		t.Fatalf("the child says %q", line)
	}
	return c
}

func readLine(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

func all(t *testing.T, c *Child) string {
	t.Helper()
	b, err := io.ReadAll(c.Stdout())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestAChildIsJournalledBeforeItStartsAndForgottenWhenItIsGone(t *testing.T) {
	j := &record{}
	s := spec("obedient")
	s.Journal = j
	c := ready(t, s)
	token := c.object.Name
	if want := []string{"record process " + token}; !slices.Equal(j.log, want) {
		t.Errorf("the journal holds %q, want %q", j.log, want)
	}
	if err := c.Stop(context.Background(), patience); err != nil {
		t.Fatal(err)
	}
	if want := []string{"record process " + token, "forget process " + token}; !slices.Equal(j.log, want) {
		t.Errorf("the journal holds %q, want %q", j.log, want)
	}
}

func TestAChildThatCannotBeJournalledIsNotStarted(t *testing.T) {
	s := spec("obedient")
	s.Journal = &record{fail: errors.New("disk full")}
	c, err := Start(s)
	if err == nil {
		_ = c.Stop(context.Background(), 0)
	}
	if err == nil || err.Error() != "start plugin x: disk full" {
		t.Errorf("error is %v", err)
	}
}

func TestAChildThatCannotBeStartedIsForgotten(t *testing.T) {
	j := &record{}
	_, err := Start(Spec{Name: "plugin x", Path: "/nowhere/x", Journal: j})
	if err == nil || !strings.HasPrefix(err.Error(), "start plugin x: ") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	if len(j.log) != 2 || !strings.HasPrefix(j.log[1], "forget") {
		t.Errorf("the journal holds %q", j.log)
	}
}

func TestAChildSeesAScrubbedEnvironmentAndItsToken(t *testing.T) {
	t.Setenv("DATABASE_PASSWORD", "secret")
	t.Setenv("HARNESS_PLUGIN_PATH", "/somewhere")
	t.Setenv("TZ", "Europe/Vienna")
	s := spec("environment")
	s.Env = []string{"GIVEN=1"}
	c := start(t, s)
	env := strings.Split(strings.TrimSpace(all(t, c)), "\x00")
	for _, want := range []string{"TZ=Europe/Vienna", "GIVEN=1", EnvToken + "=" + c.object.Name, "PATH=" + os.Getenv("PATH")} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, kv := range env {
		if name, _, _ := strings.Cut(kv, "="); name == "DATABASE_PASSWORD" || name == "HARNESS_PLUGIN_PATH" {
			t.Errorf("%s was handed on", name)
		}
	}
}

func TestEnvironKeepsWhatIsNamedAndNothingElse(t *testing.T) {
	got := Environ([]string{
		"HOME=/h", "AWS_SECRET_ACCESS_KEY=s", "PATHS=x", "path=x", "LANG=C", "HARNESS_CHILD=t", "GITHUB_TOKEN=g",
		"BENCHMARK_DURATION=3", "EMPTY=", "LC_ALL=", "odd",
	})
	if want := []string{"HOME=/h", "LANG=C", "LC_ALL="}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAChildReadsNothingAndLeadsItsGroup(t *testing.T) {
	if got := all(t, start(t, spec("stdin"))); got != "0 <nil>\n" {
		t.Errorf("stdin gave %q", got)
	}
	c := ready(t, spec("obedient"))
	if pgid, err := syscall.Getpgid(c.PID()); err != nil || pgid != c.PID() {
		t.Errorf("the group of %d is %d, %v", c.PID(), pgid, err)
	}
}

func TestStopAsksFirstAndWaitsForTheLastWords(t *testing.T) {
	s := spec("obedient")
	tail := NewTail(nil)
	s.Stderr = tail
	c := ready(t, s)
	if err := c.Stop(context.Background(), patience); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("it ended with %v, want 0", err)
	}
	if got := tail.Lines(); !slices.Equal(got, []string{"last words"}) {
		t.Errorf("it said %q", got)
	}
	if err := c.Stop(context.Background(), patience); err != nil {
		t.Errorf("stopping it again: %v", err)
	}
}

func TestStopKillsWhoeverDoesNotListen(t *testing.T) {
	for name, stop := range map[string]func(*Child) error{
		"after the grace":       func(c *Child) error { return c.Stop(context.Background(), 20*time.Millisecond) },
		"when the context ends": func(c *Child) error { return c.Stop(ended(), time.Hour) },
		"and that is frozen as well": func(c *Child) error {
			return errors.Join(syscall.Kill(c.PID(), syscall.SIGSTOP), c.Stop(ended(), time.Hour))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := ready(t, spec("stubborn"))
			if err := stop(c); err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(); err == nil || err.Error() != "signal: killed" {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestNothingThatAChildStartedOutlivesItsStop(t *testing.T) {
	c, err := Start(spec("breeds"))
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c.Stdout())
	near, far := number(t, readLine(t, r)), number(t, readLine(t, r))
	// The second one has left the group and holds stderr: it must not hold up
	// the wait.
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if !alive(far) {
		t.Fatal("the child outside the group is gone already: the test tests nothing")
	}
	if err := c.Stop(context.Background(), patience); err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{near, far} {
		poll(t, fmt.Sprintf("process %d to be gone", pid), func() bool { return !alive(pid) })
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestAChildIsNotHeldUpByALogThatCannotBeWritten(t *testing.T) {
	s := spec("talkative")
	s.Stderr = brokenWriter{}
	c := start(t, s)
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("it hangs")
	}
}

func TestAChildEndsWithItsLifeline(t *testing.T) {
	c := ready(t, spec("stubborn"))
	c.line.Close()
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("it lives on")
	}
	c.Kill() // of one that has ended: reaches nobody, and is no error
}

func TestSweepKillsByTokenAndNobodyElse(t *testing.T) {
	mine, other := ready(t, spec("stubborn")), ready(t, spec("stubborn"))
	killed, err := Sweep([]string{"", "no such token", mine.object.Name})
	if err != nil || !slices.Equal(killed, []int{mine.PID()}) {
		t.Errorf("killed %v, %v; want %d", killed, err, mine.PID())
	}
	select {
	case <-mine.Done():
	case <-time.After(patience):
		t.Error("the marked process lives on")
	}
	if !alive(other.PID()) {
		t.Error("another process is gone")
	}
	for _, tokens := range [][]string{nil, {""}, {"no such token"}, {mine.object.Name[:5]}, {mine.object.Name}} {
		if killed, err := Sweep(tokens); err != nil || len(killed) > 0 {
			t.Errorf("sweep %q killed %v, %v", tokens, killed, err)
		}
	}
}

func TestBothWaysToFindMarkedProcessesAgree(t *testing.T) {
	c := ready(t, spec("obedient"))
	byPS, err := markedByPS([]string{c.object.Name})
	if err != nil {
		t.Skipf("needs a ps that shows the environment: %v", err)
	}
	found, err := marked([]string{c.object.Name})
	if err != nil || !slices.Equal(found, byPS) || !slices.Equal(found, []int{c.PID()}) {
		t.Errorf("marked: %v (%v), by ps: %v, want %d", found, err, byPS, c.PID())
	}
}

func TestChildrenAreStartedOnTheirCPUsAndSizeTheirSchedulerByThem(t *testing.T) {
	all, err := cpus.Allowed()
	if err != nil {
		t.Skipf("%v", err)
	}
	t.Setenv("GOMAXPROCS", "")
	last := cpus.Set{all[len(all)-1]}
	for name, spec := range map[string]Spec{
		"one of ours":       {Path: os.Args[0], Args: []string{"act", "cpus"}, CPUs: last},
		"a foreign program": {Path: os.Args[0], Args: []string{"act", "cpus"}, CPUs: last, Foreign: true},
		"not pinned":        {Path: os.Args[0], Args: []string{"act", "cpus"}},
	} {
		want := spec.CPUs
		if len(want) == 0 {
			want = all
		}
		spec.Name = name
		c, err := Start(spec)
		if err != nil {
			t.Fatal(err)
		}
		out, err := io.ReadAll(c.Stdout())
		if got, say := strings.TrimSpace(string(out)), fmt.Sprintf("%s %d <nil>", want, len(want)); err != nil || got != say {
			t.Errorf("%s: %q (%v), want %q", name, got, err, say)
		}
		_ = c.Stop(t.Context(), time.Second)
	}
	if now, _ := cpus.Allowed(); now.String() != all.String() {
		t.Errorf("the harness itself may use %s now, and %s before", now, all)
	}
}

func TestCPUsThatAreNotThereAreAnErrorOfTheStart(t *testing.T) {
	if _, err := cpus.Allowed(); err != nil {
		t.Skipf("%v", err)
	}
	c, err := Start(Spec{Name: "child", Path: os.Args[0], Args: []string{"act", "cpus"}, CPUs: cpus.Set{cpus.Most - 1}})
	if err == nil {
		_ = c.Stop(t.Context(), time.Second)
		t.Fatal("it was started")
	}
	if !strings.Contains(err.Error(), "pin to CPUs 1023") {
		t.Errorf("%v", err)
	}
}
