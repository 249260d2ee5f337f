package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/catalog"
	"github.com/benchharness/harness/internal/manifest"
	"github.com/benchharness/harness/internal/plughost"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/internal/suite"
	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
	"github.com/benchharness/harness/sdk/loop"
)

// appAt is the harness under test as a part of this process, which starts the
// built one for its guests.
func appAt(b *testing.B, limits suite.Limits) *app {
	dir := b.TempDir()
	return &app{
		stdout: os.Stdout, stderr: os.Stderr, dir: dir, exe: binary, folders: store.Folders{Cache: filepath.Join(dir, "cache")},
		grants: map[string]suite.Grant{"evil": {Limits: limits}},
	}
}

func module(b *testing.B, name string, code []byte) catalog.Entry {
	path := filepath.Join(b.TempDir(), "harness-plugin-"+name+".wasm")
	if err := os.WriteFile(path, code, 0o600); err != nil {
		b.Fatal(err)
	}
	return catalog.Entry{Name: name, Path: path, Kind: manifest.WASM}
}

// ticks samples the clock every millisecond until it is stopped, and returns
// the longest time in which it did not get to.
func ticks() (stop func() time.Duration) {
	done := make(chan struct{})
	var longest time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		last := time.Now()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				longest = max(longest, now.Sub(last))
				last = now
			}
		}
	})
	return func() time.Duration {
		close(done)
		wg.Wait()
		return longest
	}
}

// BenchmarkEndlessLoop is how long after its limit of 500 ms a guest in an
// endless loop is gone: under 1 s, while a sampler in the harness that wants to
// run every millisecond waits at most 20 ms. The longest wait of the same
// sampler beside nothing is the machine's own.
func BenchmarkEndlessLoop(b *testing.B) {
	const limit = 500 * time.Millisecond
	a := appAt(b, suite.Limits{OpTime: limit})
	e := module(b, "evil", w.Guest(w.Plugin()).Set(abi.Op, w.Join(w.Forever, w.Unreachable)).Bytes())
	var worst, gap, idle time.Duration
	for b.Loop() {
		p, err := a.start(context.Background(), e, plughost.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Prepare(context.Background(), "s", "attack", sdk.SetupRequest{ID: "evil/attack", MaxWorkers: 1}); err != nil {
			b.Fatal(err)
		}
		stop, start := ticks(), time.Now()
		_, err = p.Round(context.Background(), "s", loop.Plan{Model: loop.Closed, Workers: 1, Duration: time.Minute, OpTimeout: time.Minute}, nil)
		took := time.Since(start)
		gap = max(gap, stop())
		if err == nil || !strings.Contains(err.Error(), "did not end op 0 of worker 0") {
			b.Fatalf("the error is %v", err)
		}
		p.Stop()
		worst = max(worst, took-limit)
		stop = ticks()
		time.Sleep(took)
		idle = max(idle, stop())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(worst.Milliseconds()), "ms-after-limit")
	b.ReportMetric(float64(gap.Microseconds())/1e3, "ms-longest-tick")
	b.ReportMetric(float64(idle.Microseconds())/1e3, "ms-longest-tick-without-guest")
}

// BenchmarkStartGuest is the start of a guest from the cache, as a process,
// until it has described itself: under 150 ms for one of 2 MB. bare is a guest
// of a few bytes: what of it is the process.
func BenchmarkStartGuest(b *testing.B) {
	path := buildGuest(b, b.TempDir(), "hash", exampleDir)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	for _, g := range []struct {
		name  string
		entry catalog.Entry
		mb    float64
	}{
		{"go", catalog.Entry{Name: "hash", Path: path, Kind: manifest.WASM}, float64(info.Size()) / 1e6},
		{"bare", module(b, "evil", w.Guest(w.Plugin()).Bytes()), 0},
	} {
		b.Run(g.name, func(b *testing.B) {
			a := appAt(b, suite.Limits{})
			fastest := time.Duration(1 << 62)
			start := func() {
				began := time.Now()
				p, err := a.start(context.Background(), g.entry, plughost.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.Describe(context.Background()); err != nil {
					b.Fatal(err)
				}
				fastest = min(fastest, time.Since(began))
				p.Stop()
			}
			start() // and compile
			for b.Loop() {
				start()
			}
			b.ReportMetric(g.mb, "MB")
			b.ReportMetric(float64(fastest.Milliseconds()), "ms-fastest")
		})
	}
}
