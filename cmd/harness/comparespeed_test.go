package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// BenchmarkCompareDocuments runs harness compare on two documents of 10,000
// metrics and 20 rounds, with a histogram for each clock of each round. The
// goal is one second.
func BenchmarkCompareDocuments(b *testing.B) {
	dir := b.TempDir()
	for i, name := range []string{"base.json", "head.json"} {
		path := filepath.Join(dir, name)
		if err := store.WriteRun(path, largeRun(uint64(i))); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(2 * info.Size())
	}
	exe, err := filepath.Abs(binary)
	if err != nil {
		b.Fatal(err)
	}
	for _, format := range []string{"text", "json", "html"} {
		b.Run(format, func(b *testing.B) {
			var cpu time.Duration
			var most int64
			for b.Loop() {
				cmd := exec.Command(exe, "compare", "./base.json", "./head.json", "--format", format)
				cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "TMPDIR=" + dir}
				out, err := cmd.Output()
				if err != nil || !bytes.Contains(out, []byte("No regression in 10000 metrics")) {
					b.Fatalf("%v\n%.2000s", err, out)
				}
				cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				most = max(most, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
			}
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(most)/1024, "MiB") // of Linux, which counts in KiB
		})
	}
}

// largeRun is a run of 1,250 scenarios with 8 metrics each. Its histograms are
// of a few kinds, which is nothing that a reader could profit by.
func largeRun(seed uint64) *result.Run {
	r := rand.New(rand.NewPCG(seed, 1))
	var kinds []result.Histogram
	for range 32 {
		kinds = append(kinds, result.NewHistogram(latencies(r, 1000), 1))
	}
	started := time.Date(2026, 1, 2, 15, 4, 5, int(seed), time.UTC)
	run := &result.Run{
		ID: fmt.Sprintf("20260102T150405Z-%08x", seed), Started: started, Complete: true,
		Machine: json.RawMessage(`{}`), MachineID: "0123456789abcdef",
	}
	pick := func() result.Histogram { return kinds[r.IntN(len(kinds))] }
	for i := range 1250 {
		bench := result.Benchmark{
			ID: fmt.Sprintf("api/endpoint-%04d", i), Plugin: "api", Use: "http", Status: result.Measured,
			Load: result.Load{Model: "closed", Workers: 8, Rounds: 20}, WorkloadDigest: "sha256:0",
		}
		for k := range 20 {
			bench.Rounds = append(bench.Rounds, result.Round{
				Started: started, Elapsed: 1 + r.Float64()/1000, Position: i*20 + k, Batch: 1, Counts: loop.Counts{Scheduled: 1000, OK: 1000},
				Clocks: result.Clocks{Response: pick(), Service: pick(), Lag: pick(), Wait: pick()},
				Values: map[string]result.Value{"recall": {Count: 1000, Sum: 950, Min: 0.9, Max: 1}},
			})
		}
		result.Summarise(&bench, []sdk.Metric{{Name: "recall", Unit: "ratio", Better: sdk.Higher, Scale: sdk.Absolute}})
		run.Benchmarks = append(run.Benchmarks, bench)
	}
	return run
}

// latencies are about 1 ms, as those of a service on a quiet machine.
func latencies(r *rand.Rand, n int) *hdrhistogram.Histogram {
	h := loop.NewHistogram()
	for range n {
		if err := h.RecordValue(int64(1e6 * math.Exp(0.02*r.NormFloat64()))); err != nil {
			panic(err)
		}
	}
	return h
}
