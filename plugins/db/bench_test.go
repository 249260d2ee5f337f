package db

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
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

// pgbench runs the program and returns what it printed and the CPU time it took.
func pgbench(t testing.TB, args ...string) (string, time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), pgbenchProgram(t), args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pgbench %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// cpuTime is the CPU time of this process so far.
func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

var (
	tpsPattern  = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
	donePattern = regexp.MustCompile(`number of transactions actually processed: ([0-9]+)`)
)

// BenchmarkBesidePgbench drives the same script at the same scale on the same
// server over the same socket, by pgbench and by the loop, in turns:
//
//	go test -run '^$' -bench BesidePgbench -benchtime 8x ./plugins/db
//
// One iteration is four turns in the order ABBA, each DB_BENCH_SECONDS long, by
// default 3. The ratio is the geometric mean over iterations, with the median, the
// least and the most beside it. The CPU time of the
// client for one transaction is reported too: other work on the machine moves it
// less.
func BenchmarkBesidePgbench(b *testing.B) {
	pgbenchProgram(b)
	dsn := sharedServer(b).DSN()
	for _, script := range []string{selectOnly, tpcbLike} {
		for _, protocol := range []string{prepared, simple} {
			for _, scale := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/%s/scale=%d", script, protocol, scale), func(b *testing.B) {
					m := match{b: b, dsn: dsn, script: script, protocol: protocol, turn: 3 * time.Second}
					if s, err := strconv.ParseFloat(os.Getenv("DB_BENCH_SECONDS"), 64); err == nil {
						m.turn = time.Duration(s * float64(time.Second))
					}
					pgbench(b, "-i", "-q", "-s", strconv.Itoa(scale), dsn)
					m.ours = prepare(b, "pgbench", dsn, map[string]any{"script": script, "protocol": protocol, "scale": scale},
						func(r *sdk.SetupRequest) { r.MaxWorkers = clients })
					m.play()
				})
			}
		}
	}
}

// clients is the number of connections of both sides.
const clients = 16

// match is one comparison with pgbench.
type match struct {
	b                     *testing.B
	ours                  *scenario
	dsn, script, protocol string
	turn                  time.Duration
	theirCPU, ourCPU      []float64 // µs for one transaction, by turn
}

func (m *match) play() {
	var theirs, ours, logs []float64
	for m.b.Loop() {
		a1, b1, b2, a2 := m.pgbench(), m.harness(), m.harness(), m.pgbench()
		theirs, ours = append(theirs, a1, a2), append(ours, b1, b2)
		logs = append(logs, math.Log(b1*b2/a1/a2)/2)
	}
	m.b.ReportMetric(0, "ns/op")
	m.b.ReportMetric(mean(theirs), "pgbench-tps")
	m.b.ReportMetric(mean(ours), "harness-tps")
	m.b.ReportMetric(math.Exp(mean(logs)), "ratio")
	slices.Sort(logs)
	m.b.ReportMetric(math.Exp(logs[len(logs)/2]), "ratio-median")
	m.b.ReportMetric(math.Exp(logs[0]), "ratio-least")
	m.b.ReportMetric(math.Exp(logs[len(logs)-1]), "ratio-most")
	m.b.ReportMetric(mean(m.theirCPU), "pgbench-cpu-µs")
	m.b.ReportMetric(mean(m.ourCPU), "harness-cpu-µs")
	if len(logs) > 1 {
		var squares float64
		for _, x := range logs {
			squares += (x - mean(logs)) * (x - mean(logs))
		}
		n := float64(len(logs))
		m.b.ReportMetric(math.Sqrt(squares/(n-1)/n), "ratio-stderr")
	}
}

func mean(xs []float64) float64 {
	var sum float64
	for _, x := range xs {
		sum += x
	}
	return sum / float64(len(xs))
}

func (m *match) pgbench() float64 {
	out, cpu := pgbench(m.b, "-n", "-c", strconv.Itoa(clients), "-j", "2", "-M", m.protocol,
		"-b", strings.ReplaceAll(m.script, "_", "-"), "-T", strconv.Itoa(max(1, int(m.turn.Seconds()))), m.dsn)
	found := tpsPattern.FindStringSubmatch(out)
	if found == nil {
		m.b.Fatalf("pgbench said no tps:\n%s", out)
	}
	tps, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		m.b.Fatal(err)
	}
	done := donePattern.FindStringSubmatch(out)
	if done == nil {
		m.b.Fatalf("pgbench said no number of transactions:\n%s", out)
	}
	n, err := strconv.ParseFloat(done[1], 64)
	if err != nil {
		m.b.Fatal(err)
	}
	m.theirCPU = append(m.theirCPU, float64(cpu.Microseconds())/n)
	return tps
}

// harness takes new connections for each turn, as pgbench does: the server's
// side of an old one has its caches warm.
func (m *match) harness() float64 {
	s := m.ours.session
	m.ours.driver = loop.New(s, benchmark(m.b, "pgbench").Metrics)
	defer func() {
		for _, own := range s.slots {
			closeConn(context.Background(), own.conn.pg)
		}
		s.slots = nil
	}()
	before := cpuTime(m.b)
	res := m.ours.round(loop.Plan{Workers: clients, Duration: m.turn, OpTimeout: 20 * time.Second})
	if res.Counts.OK != res.Counts.Scheduled {
		m.b.Fatalf("counts are %+v, want all ok; %v", res.Counts, res.Samples)
	}
	m.ourCPU = append(m.ourCPU, float64((cpuTime(m.b)-before).Microseconds())/float64(res.Counts.OK))
	return float64(res.Counts.OK) / res.Elapsed.Seconds()
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
