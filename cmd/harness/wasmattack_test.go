package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk/abi"
)

// attacks are modules, each in a plugin evil, that do not end by themselves.
// The limits are those of attackConfig.
func attacks() map[string]struct {
	module *w.Module
	want   string
} {
	guest := func(imports ...w.Import) *w.Module { return w.Guest(w.Plugin(), imports...) }
	start := guest()
	start.Funcs = append(start.Funcs, w.Func{Body: w.Forever})
	start.Start = len(start.Imports) + len(start.Funcs) - 1
	write := w.Import{Module: "wasi_snapshot_preview1", Name: "fd_write", Params: "iiii", Result: "i"}
	flood := guest(write)
	flood.Data[8] = "\x10\x00\x00\x00\x04\x00\x00\x00xyz\n"
	return map[string]struct {
		module *w.Module
		want   string
	}{
		"an endless loop in an op": {guest().Set(abi.Op, w.Join(w.Forever, w.Unreachable)),
			"plugin evil did not end op 0 of worker 0 within its limit of 400ms; it was killed"},
		"an endless loop in the third op": {guest().Set(abi.Op, w.Join(w.Get(0), w.I64(2), w.Code{0x51, 0x04, 0x40}, w.Forever, w.Code{0x0b}, w.I32(0))),
			"plugin evil did not end op 2 of worker 0 within its limit of 400ms; it was killed"},
		"an endless loop in set up": {guest().Set(abi.SetUp, w.Join(w.Forever, w.Unreachable)),
			"plugin evil did not end the set up of worker 0 within its limit of 500ms; it was killed"},
		"an endless loop in tear down": {guest().Set(abi.TearDown, w.Join(w.Forever, w.Unreachable)),
			"plugin evil did not end the tear down of worker 0 within its limit of 500ms; it was killed"},
		"an endless loop in describe": {guest().Set(abi.Describe, w.Join(w.Forever, w.Unreachable)),
			"plugin evil did not describe itself within its limit of 3s; it was killed"},
		"an endless loop in _initialize": {guest().Set(abi.Initialize, w.Forever),
			"plugin evil did not describe itself within its limit of 3s; it was killed"},
		"an endless loop in the start function": {start,
			"plugin evil did not describe itself within its limit of 3s; it was killed"},
		"a flood of log": {guest(w.Of("log")).Set(abi.Op, w.Join(w.Loop(w.Join(w.I32(0), w.I32(0), w.I32(1024), w.Call(1), w.Drop)), w.Unreachable)),
			"plugin evil did not end op 0 of worker 0 within its limit of 400ms; it was killed"},
		"a flood of output": {flood.Set(abi.Op, w.Join(w.Loop(w.Join(w.I32(2), w.I32(8), w.I32(1), w.I32(256), w.Call(1), w.Drop)), w.Unreachable)),
			"plugin evil did not end op 0 of worker 0 within its limit of 400ms; it was killed"},
		"asking for the time for ever": {guest(w.Of("now")).Set(abi.Op, w.Join(w.Loop(w.Join(w.Call(1), w.Drop)), w.Unreachable)),
			"plugin evil did not end op 0 of worker 0 within its limit of 400ms; it was killed"},
		"values without end": {guest(w.Of("record")).Set(abi.Op, w.Join(w.Loop(w.Join(w.I32(0), w.F64(1), w.Call(1), w.Drop)), w.Unreachable)),
			"plugin evil did not end op 0 of worker 0 within its limit of 400ms; it was killed"},
		"a trap": {guest().Set(abi.Op, w.Unreachable), "op 0: the guest was stopped: unreachable"},
	}
}

// attackConfig runs evil beside hash, which is both a module and, before and
// after it, what must not be harmed.
const attackConfig = `version: 1
plugins:
  evil:
    path: %s
    limits: {op_time: %s, set_up_time: 500ms}
  hash: {path: %s}
suites:
  default:
    load: {model: closed, concurrent_users: 1, duration: 100ms, warmup: 0s, rounds: 1}
    benchmarks:
%s      - {use: hash/sha256, name: sha256}
`

func (g guests) attacked(t *testing.T) {
	for name, attack := range attacks() {
		t.Run(name, func(t *testing.T) {
			p := g.place(t)
			evil := filepath.Join(p.dir, "harness-plugin-evil.wasm")
			if err := os.WriteFile(evil, attack.module.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			p.env = append(p.env, "GOMAXPROCS=1") // so that a guest that loops leaves its process nothing
			p.write("harness.yaml", fmt.Sprintf(attackConfig, evil, "400ms", g.hash, "      - {use: evil/attack, name: attack}\n"))
			o := p.harness("run", "--report", "json")
			if n := strings.Count(o.stderr, "\nharness: ") + strings.Count(o.stdout, "harness: plugin"); n > 1 {
				t.Errorf("%d lines say what went wrong", n)
			}
			wantLine(t, o.stderr, "harness: ", attack.want)
			if bad := gospeak.FindString(o.stderr); bad != "" {
				t.Errorf("stderr holds %q, which is not for people", bad)
			}
			code := exitNotRun
			if strings.Contains(attack.want, "describe") {
				code = exitUsage // the config file names what cannot be used
			}
			if o.code != code {
				t.Errorf("exit code %d, want %d\n%s", o.code, code, o.stderr)
			}
			if left := entries(t, p.tmp); len(left) > 0 {
				t.Errorf("the run left %v behind", left)
			}
			if code == exitUsage {
				return // there is no plan without it
			}
			for _, b := range readRun(t, p).Benchmarks {
				if b.ID == "hash/sha256" && (len(b.Rounds) != 1 || b.Rounds[0].Counts.OK == 0) {
					t.Errorf("the other plugin has %d rounds", len(b.Rounds))
				}
			}
		})
	}
}

// orphaned kills harness while a guest leaves its process no turn to notice it.
func (g guests) orphaned(t *testing.T) {
	p := g.place(t)
	p.env = append(p.env, "GOMAXPROCS=1")
	evil := filepath.Join(p.dir, "harness-plugin-evil.wasm")
	loop := w.Guest(w.Plugin(), w.Of("log"))
	loop.Data[8] = "here we go\n"
	loop.Set(abi.Op, w.Join(w.I32(0), w.I32(8), w.I32(11), w.Call(1), w.Drop, w.Forever, w.Unreachable))
	if err := os.WriteFile(evil, loop.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	p.write("harness.yaml", fmt.Sprintf(attackConfig, evil, "10m", g.hash, "      - {use: evil/attack, name: attack}\n"))
	cmd := p.command("run", "--verbose")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan() && !strings.Contains(lines.Text(), "here we go"); {
	}
	pid := wasmProcess(t, evil)
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) }) // it is gone, unless the test has failed
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	eventually(t, time.Minute, "the guest's process outlives harness", func() bool {
		return syscall.Kill(pid, 0) != nil
	})
}

// wasmProcess is the process that serves a module.
func wasmProcess(t *testing.T, path string) int {
	t.Helper()
	out, err := exec.Command("ps", "-axo", "pid=,args=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if strings.Contains(line, "serve-wasm") && slices.Contains(fields, path) {
			pid, err := strconv.Atoi(fields[0])
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatalf("no process serves %s:\n%s", path, out)
	return 0
}
