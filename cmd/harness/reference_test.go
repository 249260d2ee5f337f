package main

import (
	"bufio"
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/benchharness/harness/internal/stack"
)

// reference serves components of the reference stack until the test ends. It
// skips the test where a component cannot be had.
func (p *place) reference(components ...string) stack.Ready {
	p.t.Helper()
	cmd := p.command("reference", "up", "--announce", "--components", strings.Join(components, ","))
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // how it ended is the business of the tests of package reference
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		p.t.Fatalf("the reference stack announced nothing: %v", err)
	}
	var r stack.Ready
	if err := json.Unmarshal(line, &r); err != nil {
		p.t.Fatalf("announcement %q: %v", line, err)
	}
	if r.NotMeasured != nil {
		absent(p.t, r.NotMeasured.Error())
	}
	if r.Error != "" {
		p.t.Fatal(r.Error)
	}
	return r
}

// absent skips a test for want of something, or fails it where everything has
// to be there.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func requireLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("finds processes through /proc, which this system does not have")
	}
}
