package conform

import (
	"context"
	"strconv"
	"strings"
	"syscall"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// Program runs the suite against a plugin's program: its path and arguments, as
// the harness would start it.
func Program(t T, command []string, opts ...Option) {
	t.Helper()
	p := program{config: newConfig(opts), path: command[0], args: command[1:]}
	t.Run("explains itself to a person who starts it", p.byHand)
	t.Run("names the protocol version it speaks to a harness of another one", p.otherVersion)

	journal, _ := newJournal(t)
	run := p.start(t, true, strconv.Itoa(wire.ProtocolVersion), journal)
	s := &suite{config: p.config, rpc: run.dial(t)}
	if !s.describe(t) {
		return
	}
	s.protocol(t)
	t.Run("ends on SIGTERM, and has printed its handshake and no more", func(t T) {
		if err := run.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		run.ends(t)
	})
	checkJournal(t, journal)
	t.Run("ends with its harness", func(t T) {
		path, _ := newJournal(t)
		run := p.start(t, true, strconv.Itoa(wire.ProtocolVersion), path)
		run.dial(t)
		run.line.Close()
		run.ends(t)
	})
	t.Run("ends with its harness in mid-round, and removes all that it journalled", func(t T) { p.orphaned(t, s) })
}

func (p program) byHand(t T) {
	run := p.start(t, false, "", "")
	run.ends(t)
	if run.cmd.ProcessState.Success() {
		t.Error("without a harness it exits with 0, as if it had done something")
	}
	if out := run.stdout.String(); out != "" {
		t.Errorf("without a harness it prints to stdout: %q", out)
	}
	if strings.TrimSpace(run.stderr.String()) == "" {
		t.Error("without a harness it says nothing on stderr; it should say what it is")
	}
}

// unknownVersion is one that no plugin speaks.
const unknownVersion = "999999"

func (p program) otherVersion(t T) {
	path, _ := newJournal(t)
	run := p.start(t, true, unknownVersion, path)
	if v := run.handshake[1]; v != strconv.Itoa(wire.ProtocolVersion) {
		t.Errorf("asked for version %s it claims to speak version %q, want %d, which lets the harness name it", unknownVersion, v, wire.ProtocolVersion)
	}
	run.line.Close()
	run.ends(t)
}

// orphaned cuts the lifeline in the middle of a round of the first benchmark
// that can run here.
func (p program) orphaned(t T, s *suite) {
	var b sdk.Benchmark
	for _, b = range s.plugin.Benchmarks {
		if _, ok := s.targets[b.Target]; ok || b.Target == "" {
			break
		}
	}
	path, _ := newJournal(t)
	run := p.start(t, true, strconv.Itoa(wire.ProtocolVersion), path)
	own := &suite{config: s.config, plugin: s.plugin, rpc: run.dial(t)}
	preset := own.presets(b)[0]
	r, err := own.request(t, b, preset)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := s.targets[b.Target]; b.Target != "" && !ok {
		t.Skipf("needs a target of kind %s, and none was given", b.Target)
	}
	if _, err := own.prepare(t, "orphan", b.Name, r); err != nil {
		t.Skipf("%s/%s cannot be set up here: %v", s.plugin.Name, b.Name, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), roundLimit)
	defer cancel()
	if _, err := own.round(ctx, "orphan", endless(b.Load), func(*pluginv1.Progress) { run.line.Close() }); err == nil {
		t.Error("the round had a result")
	}
	run.ends(t)
	checkJournal(t, path)
}
