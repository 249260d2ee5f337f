package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
)

// freePort is a port that nobody listens on, below those that the system hands
// out, so that no other test is given it before it is used.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no port between 20000 and 32000 is free")
	return 0
}

// serving is a config whose one endpoint is served by variants.
func serving(port int, variants string) string {
	return strings.ReplaceAll(`version: 1
targets: {svc: {url: "http://127.0.0.1:1"}}
variants:
`+variants+`suites:
  default:
    load: {concurrent_users: 2, rounds: 3, duration: 900ms, warmup: 50ms}
    benchmarks:
      - {use: api/http, name: item, target: svc, with: {path: /item}}
`, "PORT", fmt.Sprint(port))
}

const builtVariant = `  app:
    build: go build -o serve .
    start: exec ./serve
    ready: {url: "http://127.0.0.1:PORT/item", timeout: 60s}
    env: {ADDR: "127.0.0.1:PORT"}
    targets: {svc: {url: "http://127.0.0.1:PORT"}}
`

// git runs git in the place's working directory.
func (p *place) git(args ...string) string {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	cmd.Dir, cmd.Env = p.dir, p.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// newRepo is a place with a repository of two commits: the second makes the
// service 30 ms slower.
func newRepo(t *testing.T) *place {
	t.Helper()
	requireLinux(t)
	p := newPlace(t)
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "GOCACHE="+strings.TrimSpace(string(cache)), "GOTOOLCHAIN=local")
	for _, name := range []string{"main.go", "delay.go"} {
		b, err := os.ReadFile(filepath.Join("testdata", "variant", name))
		if err != nil {
			t.Fatal(err)
		}
		p.write(name, string(b))
	}
	p.write("go.mod", "module serve\n\ngo 1.24\n")
	p.write("harness.yaml", serving(freePort(t), builtVariant))
	p.git("init", "--quiet", "--initial-branch=main")
	p.git("add", ".")
	p.git("commit", "--quiet", "-m", "fast")
	p.write("delay.go", "package main\n\nimport \"time\"\n\nconst delay = 40 * time.Millisecond\n")
	p.git("commit", "--quiet", "-a", "-m", "slow")
	return p
}

// untouched checks that nothing of harness is left and that the repository is
// as it was.
func (p *place) untouched() {
	p.t.Helper()
	if left := p.git("status", "--porcelain"); left != "" {
		p.t.Errorf("git status: %s", left)
	}
	if trees := p.git("worktree", "list"); strings.Count(trees, "\n") != 1 {
		p.t.Errorf("worktrees: %s", trees)
	}
	if branches := p.git("branch", "--all"); strings.Count(branches, "\n") != 1 {
		p.t.Errorf("branches: %s", branches)
	}
	if len(p.processes()) > 0 || len(entries(p.t, p.tmp)) > 0 {
		p.t.Errorf("left behind: processes %v, files %q", p.processes(), entries(p.t, p.tmp))
	}
}

func settingOf(run *result.Run, name string) string {
	for _, s := range run.Plan.Settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

func TestABOfTwoRefsNamesTheEndpointThatBecameSlower(t *testing.T) {
	p := newRepo(t)
	out := t.TempDir()
	o := p.harness("ab", "--base-ref", "HEAD~1", "--head-ref", "HEAD", "--looks", "6", "--dir", out)
	first, _, _ := strings.Cut(o.stdout, "\n")
	if o.code != exitGate || !strings.Contains(first, "api/item") || !strings.Contains(first, "regression") {
		t.Fatalf("exit code %d, first line %q\n%s", o.code, first, o.stderr)
	}
	p.untouched()
	p.dir, out = out, p.dir // where the documents are
	base, head := p.document("base.json"), p.document("head.json")
	p.dir = out
	for ref, run := range map[string]*result.Run{"HEAD~1": base, "HEAD": head} {
		commit := strings.TrimSpace(p.git("rev-parse", ref))
		if settingOf(run, "ref") != ref || settingOf(run, "commit") != commit || settingOf(run, "variant") != "app" {
			t.Errorf("%s: the settings are %v; want the ref, commit %s and variant app", ref, run.Plan.Settings, commit)
		}
	}
	seen := map[int]bool{}
	for _, r := range slices.Concat(base.Benchmarks[0].Rounds, head.Benchmarks[0].Rounds) {
		if r.TargetProcess == 0 || seen[r.TargetProcess] {
			t.Errorf("process %d served a round before, or is unknown", r.TargetProcess)
		}
		seen[r.TargetProcess] = true
	}
}

func TestAnInterruptedABOfRefsLeavesNothing(t *testing.T) {
	p := newRepo(t)
	s := p.start("ab", "--base-ref", "HEAD~1", "--dir", t.TempDir())
	eventually(t, 2*time.Minute, "no pair was measured", func() bool { return strings.Contains(s.stderr.String(), "pair 1 of") })
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := s.ends(time.Minute); code != exitInterrupted {
		t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, s.stderr.String())
	}
	p.untouched()
}

func TestAKilledABOfRefsLeavesNothingAfterClean(t *testing.T) {
	p := newRepo(t)
	s := p.start("ab", "--base-ref", "HEAD~1", "--dir", t.TempDir())
	eventually(t, 2*time.Minute, "no pair was measured", func() bool { return strings.Contains(s.stderr.String(), "pair 1 of") })
	s.signal(syscall.SIGKILL)
	s.ends(time.Minute)
	eventually(t, time.Minute, "processes are left", func() bool { return len(p.processes()) == 0 })
	p.must("clean")
	if left := entries(t, p.tmp); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	// The next one forgets them, whatever becomes of it.
	p.harness("ab", "--base-ref", "nowhere", "--dir", t.TempDir())
	p.untouched()
}

func TestABOfTwoVariantsServesOneAtATime(t *testing.T) {
	requireLinux(t)
	p := newPlace(t)
	if out, err := exec.Command("go", "build", "-o", filepath.Join(p.dir, "serve"), "./testdata/variant").CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	side := func(name string) string {
		return `  ` + name + `:
    start: "echo up ` + name + ` >>log; exec ./serve"
    ready: {url: "http://127.0.0.1:PORT/item"}
    stop: echo down ` + name + ` >>log
    env: {ADDR: "127.0.0.1:PORT"}
    targets: {svc: {url: "http://127.0.0.1:PORT"}}
`
	}
	p.write("harness.yaml", serving(freePort(t), side("a")+side("b")))
	if o := p.harness("ab", "--base-variant", "a", "--head-variant", "b", "--looks", "3"); o.code != 0 {
		t.Fatalf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	b, err := os.ReadFile(filepath.Join(p.dir, "log"))
	want := strings.NewReplacer("A", "up a\ndown a\n", "B", "up b\ndown b\n").Replace("ABBAAB")
	if err != nil || string(b) != want {
		t.Errorf("the log is %q, %v; want %q", b, err, want)
	}
}

func TestSidesThatCannotBeServedAreOneClearLine(t *testing.T) {
	requireLinux(t)
	p := newPlace(t)
	p.write("harness.yaml", serving(1, `  good: {start: exec sleep 1000, ready: "true"}
  build: {build: "echo no compiler; exit 9", start: exec sleep 1000, ready: "true"}
  start: {start: "echo cannot bind; exit 9", ready: "false"}
`))
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"a build that fails", []string{"--base-variant", "good", "--head-variant", "build"}, exitNotRun, []string{"head: variant build: build: exit status 9", "no compiler"}},
		{"a start that fails", []string{"--base-variant", "start", "--head-variant", "good"}, exitNotRun, []string{"variant start: start: ended before it was ready (exit status 9)", "cannot bind"}},
		{"an unknown variant", []string{"--base-variant", "good", "--head-variant", "bild"}, exitUsage, []string{"did you mean build?"}},
		{"one side only", []string{"--head-variant", "good"}, exitUsage, []string{"go together"}},
		{"several to serve from refs", []string{"--base-ref", "main"}, exitUsage, []string{"variant is not named", "build, good, start"}},
		{"no repository", []string{"--base-ref", "main", "--variant", "good"}, exitUsage, []string{"refs need a git repository"}},
		{"refs and variants", []string{"--base-ref", "main", "--head-variant", "good"}, exitUsage, []string{"go with --variant"}},
		{"looks that go back", []string{"--base-variant", "good", "--head-variant", "build", "--looks", "6,3"}, exitUsage, []string{"flag --looks", "after the look before it"}},
		{"a variant alone", []string{"--variant", "good"}, exitUsage, []string{"use --base-variant"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := p.harness(append([]string{"ab"}, c.args...)...)
			if o.code != c.code {
				t.Errorf("exit code %d, want %d", o.code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(o.stderr, want) {
					t.Errorf("stderr is %q; it lacks %q", o.stderr, want)
				}
			}
			if len(p.processes()) > 0 || len(entries(t, p.tmp)) > 0 {
				t.Errorf("left behind: processes %v, files %q", p.processes(), entries(t, p.tmp))
			}
		})
	}
}

func TestAVariantThatFailsOnTheWayLosesNoRound(t *testing.T) {
	requireLinux(t)
	p := newPlace(t)
	if out, err := exec.Command("go", "build", "-o", filepath.Join(p.dir, "serve"), "./testdata/variant").CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	// Each start takes a line from the side's file, and without one it fails.
	side := func(name string) string {
		return `  ` + name + `:
    start: "test -s ` + name + ` || { echo out of disk; exit 9; }; sed -i 1d ` + name + `; exec ./serve"
    ready: {url: "http://127.0.0.1:PORT/item"}
    env: {ADDR: "127.0.0.1:PORT"}
    targets: {svc: {url: "http://127.0.0.1:PORT"}}
`
	}
	p.write("harness.yaml", serving(freePort(t), side("a")+side("b")))
	for _, c := range []struct {
		name         string
		a, b, rounds int
	}{
		{"in the third pair", 9, 2, 2},
		{"in the first pair", 9, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.write("a", strings.Repeat("\n", c.a))
			p.write("b", strings.Repeat("\n", c.b))
			o := p.harness("ab", "--base-variant", "a", "--head-variant", "b", "--looks", "6")
			if o.code != exitNotRun || strings.Count(o.stderr, "variant b: start: ended before it was ready (exit status 9)") != 1 || !strings.Contains(o.stderr, "out of disk") {
				t.Errorf("exit code %d, want %d, and what failed said once\n%s", o.code, exitNotRun, o.stderr)
			}
			if c.rounds == 0 {
				if _, err := os.Stat(filepath.Join(p.dir, "base.json")); err == nil || o.stdout != "" {
					t.Errorf("without a round: stdout %q, and base.json: %v", o.stdout, err)
				}
				return
			}
			for _, name := range []string{"base.json", "head.json"} {
				run := p.document(name)
				if n := len(run.Benchmarks[0].Rounds); n != c.rounds {
					t.Errorf("%s has %d rounds, want %d", name, n, c.rounds)
				}
				if !slices.ContainsFunc(run.Validity, func(f result.Finding) bool { return f.Code == notRun }) {
					t.Errorf("%s does not say that rounds are missing: %v", name, run.Validity)
				}
			}
			if !strings.Contains(o.stdout, "ended early") || !strings.Contains(o.stdout, "pair 3") {
				t.Errorf("the verdict does not say that rounds are missing:\n%s", o.stdout)
			}
			os.Remove(filepath.Join(p.dir, "base.json"))
			os.Remove(filepath.Join(p.dir, "head.json"))
			if len(p.processes()) > 0 || len(entries(t, p.tmp)) > 0 {
				t.Errorf("left behind: processes %v, files %q", p.processes(), entries(t, p.tmp))
			}
		})
	}
}

func TestARefThatIsNoneIsSaidAndChangesAreWarnedOf(t *testing.T) {
	p := newRepo(t)
	p.git("tag", "same")
	p.write("delay.go", "package main // changed\n")
	o := p.harness("ab", "--base-ref", "nowhere", "--dir", t.TempDir())
	if o.code != exitUsage || !strings.Contains(o.stderr, `base: "nowhere" names no commit`) || !strings.Contains(o.stderr, "uncommitted changes") {
		t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
	}
	o = p.harness("ab", "--base-ref", "same", "--looks", "2", "--dir", t.TempDir())
	if o.code != 0 || !strings.Contains(o.stderr, "both sides are commit") {
		t.Errorf("two refs of one commit: exit code %d, stderr %q", o.code, o.stderr)
	}
}
