package db

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// pgbenchProgram skips the test where pgbench is not installed.
func pgbenchProgram(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("pgbench")
	if err != nil {
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatalf("needs pgbench: %v; install PostgreSQL's client programs", err)
		}
		t.Skipf("needs pgbench: %v; install PostgreSQL's client programs", err)
	}
	return path
}

func pgbench(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), pgbenchProgram(t), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("pgbench %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var tpsPattern = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// BenchmarkBesidePgbench drives the same script at the same scale on the same
// server over the same socket, by pgbench and by the loop, in turns:
//
//	go test -run '^$' -bench BesidePgbench -benchtime 1x ./plugins/db
//
// DB_BENCH_SECONDS is the length of one turn, by default 3.
func BenchmarkBesidePgbench(b *testing.B) {
	const clients, turns = 16, 3
	length := 3 * time.Second
	if s, err := strconv.Atoi(os.Getenv("DB_BENCH_SECONDS")); err == nil {
		length = time.Duration(s) * time.Second
	}
	pgbenchProgram(b)
	dsn := sharedServer(b).DSN()
	for _, script := range []string{selectOnly, tpcbLike} {
		for _, protocol := range []string{prepared, simple} {
			for _, scale := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/%s/scale=%d", script, protocol, scale), func(b *testing.B) {
					pgbench(b, "-i", "-q", "-s", strconv.Itoa(scale), dsn)
					x := prepare(b, "pgbench", dsn, map[string]any{"script": script, "protocol": protocol, "scale": scale},
						func(r *sdk.SetupRequest) { r.MaxWorkers = clients })
					besideEachOther(b, x, dsn, script, protocol, clients, turns, length)
				})
			}
		}
	}
}

func besideEachOther(b *testing.B, x *scenario, dsn, script, protocol string, clients, turns int, length time.Duration) {
	var ours, theirs float64
	for range b.N {
		for range turns {
			out := pgbench(b, "-n", "-c", strconv.Itoa(clients), "-j", "2", "-M", protocol,
				"-b", strings.ReplaceAll(script, "_", "-"), "-T", strconv.Itoa(int(length.Seconds())), dsn)
			m := tpsPattern.FindStringSubmatch(out)
			if m == nil {
				b.Fatalf("pgbench said no tps:\n%s", out)
			}
			tps, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				b.Fatal(err)
			}
			theirs += tps
			res := x.round(loop.Plan{Workers: clients, Duration: length, OpTimeout: 20 * time.Second})
			if res.Counts.OK != res.Counts.Scheduled {
				b.Fatalf("counts are %+v, want all ok; %v", res.Counts, res.Samples)
			}
			ours += float64(res.Counts.OK) / res.Elapsed.Seconds()
		}
	}
	n := float64(b.N * turns)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(theirs/n, "pgbench-tps")
	b.ReportMetric(ours/n, "harness-tps")
	b.ReportMetric(ours/theirs, "ratio")
}

// BenchmarkLoad measures what preparing a session costs.
func BenchmarkLoad(b *testing.B) {
	dsn := sharedServer(b).DSN()
	for _, scale := range []int{1, 10} {
		b.Run(fmt.Sprintf("scale=%d", scale), func(b *testing.B) {
			for b.Loop() {
				bench := benchmark(b, "pgbench")
				r, _ := request(b, bench, dsn, map[string]any{"scale": scale})
				s, err := bench.Setup(b.Context(), r)
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Close(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
