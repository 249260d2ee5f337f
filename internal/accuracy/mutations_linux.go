package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/accuracy/mutate"
)

// finder is the piece of the suite that has to find a mutation, and the check
// in it that has to fail: a check that noise can fail proves nothing.
type finder struct {
	run   func(*bench) error
	check string // part of its name
}

func finders() map[string]finder {
	stall := func(b *bench) error { return b.oneStall("http1") }
	overload := func(b *bench) error { return b.oneOverload("open", 16, 1) }
	return map[string]finder{
		"omission":     {stall, "p95 beside the server's stamps"},
		"interval":     {func(b *bench) error { return b.constantArrivals(15000, 64, 8*time.Second) }, "scheduled"},
		"overflow":     {overLimit, "latencies above 60 s"},
		"after_send":   {lateReader, "service p50"},
		"after_answer": {func(b *bench) error { return b.oneLatency("http1", known.Latency{Kind: known.Constant, A: 25 * ms}) }, "service p99"},
		"lag":          {ownLag, "the largest lag"},
		"wait":         {stall, "response beside lag + wait + service"},
		"failed":       {func(b *bench) error { return b.oneReset("http1") }, "latencies"},
		"timeouts":     {timingOut, "latencies"},
		"skipped":      {overload, "ok + failed"},
		"dropped":      {stall, "ops"},
		"merge":        {stall, "ops"},
		"poisson":      {func(b *bench) error { return b.poissonArrivals(1) }, "Anderson–Darling"},
	}
}

// timingOut gives ops less time than the server takes for some of them.
func timingOut(b *bench) error {
	load := open(500, 64, 2*time.Second)
	load["op_timeout"] = "20ms"
	o, _, err := b.against(known.Spec{Latency: known.Latency{Kind: known.Bimodal, A: ms, B: 60 * ms, P: 0.1, Seed: 5}}, job{load: load})
	if err != nil {
		return err
	}
	c := o.round.Counts
	b.same("latencies", o.round.Clocks.Response.Count, c.OK+c.TimedOut)
	return nil
}

// refused is what harness says of a plugin whose counts and histograms
// disagree. That is a way to notice, too.
const refused = "malformed round result"

// mutations builds harness once with every mutation in it, asleep, and runs it
// under names that wake them.
func mutations(b *bench) error {
	program, err := b.mutated()
	if err != nil {
		return err
	}
	control := b.at(program)
	if err := control.oneReset("http1"); err != nil {
		return fmt.Errorf("with every mutation asleep: %w", err)
	}
	b.check(!control.failed("failed ops", "latencies", "scheduled"), "with every mutation asleep", "the counts hold", "the same")
	var background sync.WaitGroup
	defer background.Wait()
	var overflow error
	var over *bench
	all := finders()
	for _, m := range mutate.All {
		f, real := all[m.Name]
		if !real { // of the tests of sdk/loop alone
			continue
		}
		name := mutate.Program(program, m)
		if err := os.Link(program, name); err != nil {
			return fmt.Errorf("name a mutation: %w", err)
		}
		own := b.at(name)
		if m.Name == "overflow" { // it waits for a minute and disturbs nothing
			over = own
			background.Go(func() { overflow = f.run(own) })
			continue
		}
		b.found(m, own, f, f.run(own))
	}
	background.Wait()
	for _, m := range mutate.All {
		if m.Name == "overflow" && over != nil {
			b.found(m, over, all[m.Name], overflow)
		}
	}
	return b.ctx.Err()
}

// found checks that a mutation failed the check that is there for it.
func (b *bench) found(m mutate.Mutation, own *bench, f finder, err error) {
	got := "nobody noticed"
	for _, r := range own.rows {
		if !r.ok && strings.Contains(r.what, f.check) {
			got = r.what + ": " + r.got
			break
		}
	}
	ok := err == nil && own.failed(f.check)
	if err != nil {
		got = "could not be run: " + err.Error()
	}
	if err != nil && strings.Contains(err.Error(), refused) {
		got, ok = "harness refused the round: its counts and histograms disagree", true
	}
	b.check(ok, m.Name+": "+m.Doc, got, "a failed check")
}

// failed says whether a check whose name has one of the parts failed.
func (b *bench) failed(parts ...string) bool {
	for _, r := range b.rows {
		for _, p := range parts {
			if !r.ok && strings.Contains(r.what, p) {
				return true
			}
		}
	}
	return false
}

// at is a bench of another binary that prints nothing.
func (b *bench) at(program string) *bench {
	own := *b
	own.bin, own.out, own.rows = program, nil, nil
	own.dir = filepath.Join(b.dir, filepath.Base(program)+"-files")
	_ = os.MkdirAll(own.dir, 0o700) // what is written there will say so
	return &own
}

// mutated builds harness with every mutation in it.
func (b *bench) mutated() (string, error) {
	overlay, err := mutate.Overlay(b.source, b.dir)
	if err != nil {
		return "", err
	}
	program := filepath.Join(b.dir, "harness")
	cmd := exec.CommandContext(b.ctx, "go", "build", "-overlay", overlay, "-o", program, "./cmd/harness")
	cmd.Dir = b.source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build mutated harness: %w: %s", err, out)
	}
	return program, nil
}
