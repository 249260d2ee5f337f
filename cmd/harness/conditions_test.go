package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// allowedTo are the CPUs that all threads of a process may use, each list once;
// nothing when the process is gone.
func allowedTo(pid int) []string {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	var lists []string
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue
		}
		for line := range bytes.Lines(text) {
			if list, ok := bytes.CutPrefix(line, []byte("Cpus_allowed_list:")); ok {
				lists = append(lists, string(bytes.TrimSpace(list)))
			}
		}
	}
	slices.Sort(lists)
	return slices.Compact(lists)
}

// placed are the CPUs that the threads of the place's processes may use, by what
// the process is.
func (p *place) placed() map[string][]string {
	out := map[string][]string{}
	for _, pid := range p.processes() {
		who := "harness"
		switch command := string(cmdline(fmt.Sprintf("/proc/%d/environ", pid))); {
		case strings.Contains(command, "serve"):
			who = "plugin"
		case strings.Contains(command, "reference"):
			who = "target"
		}
		out[who] = append(out[who], allowedTo(pid)...)
		slices.Sort(out[who])
		out[who] = slices.Compact(out[who])
	}
	return out
}

func TestGeneratorAndTargetRunOnTheCPUsThatTheyWereGiven(t *testing.T) {
	requireLinux(t)
	all, err := cpus.Allowed()
	if err != nil || len(all) < 2 {
		t.Skipf("needs two CPUs to give one to each side; this process may use %s (%v)", all, err)
	}
	generator, target := all[:1].String(), all[1:2].String()
	p := newPlace(t)
	p.write("harness.yaml", fmt.Sprintf(`version: 1
isolate: {generator_cpus: %s, target_cpus: %q}
suites:
  default:
    load: {duration: 200s, rounds: 1000, warmup: 0s}
    benchmarks: [{use: api/http, name: collections, with: {path: /collections}}]
`, generator, target))
	s := p.start("run")
	// A child that has not called exec yet looks like its parent, so only what holds
	// of all of them at once counts.
	wants := map[string]string{"harness": all.String(), "plugin": generator, "target": target}
	var got map[string][]string
	defer func() {
		if t.Failed() {
			t.Logf("CPUs that threads may use: %v, want %v", got, wants)
		}
	}()
	eventually(t, time.Minute, "harness, plugin and target are not side by side, each on its CPUs", func() bool {
		got = p.placed()
		for who, want := range wants {
			if len(got[who]) != 1 || got[who][0] != want {
				return false
			}
		}
		return true
	})
	s.signal(syscall.SIGINT)
	if code := s.ends(time.Minute); code != exitInterrupted {
		t.Errorf("exit code %d\n%s", code, s.stderr.String())
	}
	nothingLeft(t, p)
}

// busy keeps every CPU busy, with processes that leave the rest of the machine
// alone as far as they can.
func busy(t *testing.T) {
	t.Helper()
	for range runtime.NumCPU() {
		c := exec.Command("nice", "-n", "19", "sh", "-c", "while :; do :; done")
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
			_ = c.Wait() // it was killed
		})
	}
}

const oneShort = `version: 1
suites: {default: {load: {duration: 100ms, rounds: 1, warmup: 0s}, benchmarks: [{use: system/cpu, name: short}]}}
`

func TestAWaitForAQuietMachineCanBeInterrupted(t *testing.T) {
	requireLinux(t)
	busy(t)
	p := newPlace(t)
	p.write("harness.yaml", oneShort)
	s := p.start("run", "--wait-quiet", "10m")
	eventually(t, time.Minute, "it does not say what it waits for", func() bool {
		return strings.Contains(s.stderr.String(), "harness: waiting for a quiet machine")
	})
	s.signal(syscall.SIGINT)
	if code := s.ends(30 * time.Second); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if !strings.Contains(s.stderr.String(), "nothing was written") || len(p.processes()) > 0 {
		t.Errorf("processes %v are left; it said\n%s", p.processes(), s.stderr.String())
	}
	if _, err := os.Stat(filepath.Join(p.dir, "run.json")); err == nil {
		t.Error("a document was written")
	}
}

func TestAMachineThatIsNeverQuietIsMeasuredAndCalledThat(t *testing.T) {
	requireLinux(t)
	busy(t)
	p := newPlace(t)
	p.write("harness.yaml", oneShort)
	s := p.start("run", "--wait-quiet", "1s", "--report", "markdown")
	if code := s.ends(time.Minute); code != exitPass {
		t.Fatalf("exit code %d\n%s", code, s.stderr.String())
	}
	run, err := store.ReadRun(filepath.Join(p.dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if w := run.WaitQuiet; w == nil || *w != (result.WaitQuiet{Most: 1, Waited: 1, Quiet: false}) {
		t.Errorf("the document says of the wait: %+v", w)
	}
	if !slices.ContainsFunc(run.Validity, func(f result.Finding) bool {
		return f.Code == "not_quiet" && strings.Contains(f.Message, "CPU")
	}) {
		t.Errorf("findings %v", run.Validity)
	}
	if slices.ContainsFunc(run.Validity, func(f result.Finding) bool { return f.Code == "busy" }) {
		t.Errorf("after a wait it is advised to wait: %v", run.Validity)
	}
	if n := strings.Count(s.stderr.String(), "the machine is not quiet after 1s"); n != 1 {
		t.Errorf("it said so %d times:\n%s", n, s.stderr.String())
	}
	report, err := os.ReadFile(filepath.Join(p.dir, "report.md"))
	if err != nil || !bytes.Contains(report, []byte("was not quiet after a wait of 1s")) {
		t.Errorf("the report does not say so (%v)", err)
	}
}
