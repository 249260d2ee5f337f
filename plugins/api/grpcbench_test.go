package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/reflection"

	retrievalv1 "github.com/benchharness/harness/plugins/internal/service/proto/harness/retrieval/v1"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// benchServer makes this binary serve for a benchmark, so that the CPU time of
// the process that measures is the client's alone.
const benchServer = "API_BENCH_SERVER"

func init() {
	if os.Getenv(benchServer) != "" {
		serveBench()
	}
}

// serveBench serves until its standard input ends, and exits.
func serveBench() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	g := grpc.NewServer()
	retrievalv1.RegisterRetrievalServer(g, benchRetrieval{})
	reflection.Register(g)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(l.Addr())
	_ = g.Serve(l)
	os.Exit(1)
}

// benchRetrieval answers at once: a search with ten hits, and a stream with as
// many as are asked for.
type benchRetrieval struct {
	retrievalv1.UnimplementedRetrievalServer
}

var benchReply = func() *retrievalv1.SearchResponse {
	r := &retrievalv1.SearchResponse{Collection: presetCollection}
	for i := range 10 {
		r.Hits = append(r.Hits, &retrievalv1.Hit{Id: fmt.Sprint("document-", i), Score: 1 / float32(i+1)})
	}
	return r
}()

func (benchRetrieval) Search(context.Context, *retrievalv1.SearchRequest) (*retrievalv1.SearchResponse, error) {
	return benchReply, nil
}

func (benchRetrieval) StreamHits(r *retrievalv1.StreamHitsRequest, s hitsStream) error {
	m := &retrievalv1.StreamHitsResponse{Hit: benchReply.Hits[0]}
	for range r.GetSearch().GetK() {
		if err := s.Send(m); err != nil {
			return err
		}
	}
	return nil
}

// startBenchServer returns the address of a server in a process of its own.
func startBenchServer(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(addr)
}

// clientCPU is the CPU time of this process so far.
func clientCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchWorkers share one connection, as ghz's do by default.
const benchWorkers = 16

var (
	benchSearch = map[string]any{"method": searchMethod, "rows": presetRows(),
		"request": map[string]any{"text": "${text}", "collection": presetCollection, "k": 10}}
	benchStream = map[string]any{"method": streamHits, "request": map[string]any{"search": map[string]any{"text": "a", "k": 100}}}
)

func grpcBenchSession(b *testing.B, addr string, with map[string]any) *grpcSession {
	b.Helper()
	given := map[string]json.RawMessage{}
	for k, v := range with {
		given[k], _ = json.Marshal(v)
	}
	bench := grpcBenchmark()
	params, err := sdk.CheckParams(bench.Params, given)
	if err != nil {
		b.Fatal(err)
	}
	s, err := bench.Setup(b.Context(), sdk.SetupRequest{Params: params, Target: sdk.Target{Name: "bench", GRPC: addr}, MaxWorkers: benchWorkers})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.Background()) })
	return s.(*grpcSession)
}

// drive does n ops with all clocks on, and returns the client's CPU time and the
// time that passed.
func drive(b *testing.B, s sdk.Session, n int) (cpu, took time.Duration) {
	b.Helper()
	d := loop.New(s, grpcBenchmark().Metrics)
	before := clientCPU(b)
	res, err := d.Round(b.Context(), loop.Plan{Model: loop.Closed, Workers: benchWorkers, Ops: uint64(n), OpTimeout: 10 * time.Second}, nil)
	if err != nil || res.Counts.OK != uint64(n) {
		b.Fatalf("counts %+v, errors %v, %v", res.Counts, res.Errors, err)
	}
	return clientCPU(b) - before, res.Elapsed
}

// BenchmarkGRPCCall is what a call costs the generator, the server being another
// process: as it is done; with its reply checked; with the message marshalled
// for each op; and by the client that protoc generates, which marshals and
// decodes.
//
//	go test -run '^$' -bench GRPCCall -benchtime 50000x ./plugins/api
func BenchmarkGRPCCall(b *testing.B) {
	addr := startBenchServer(b)
	checked := map[string]any{"expect": map[string]any{"json": map[string]any{"hits.#": 10}}}
	each := grpcBenchSession(b, addr, benchSearch)
	each.requests.ready = nil
	for _, c := range []struct {
		name    string
		session sdk.Session
	}{
		{"marshalled once", grpcBenchSession(b, addr, benchSearch)},
		{"marshalled for each op", each},
		{"generated client", generatedClient(b, addr)},
		{"reply checked", grpcBenchSession(b, addr, with(benchSearch, checked))},
		{"stream of 100", grpcBenchSession(b, addr, benchStream)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			cpu, _ := drive(b, c.session, b.N)
			b.ReportMetric(float64(cpu.Nanoseconds())/1e3/float64(b.N), "cpu-µs/op")
		})
	}
}

// generatedClient is a session of generated code.
func generatedClient(b *testing.B, addr string) sdk.Session {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	client := retrievalv1.NewRetrievalClient(conn)
	rows := presetRows()
	s, _ := sdk.Func(func(ctx context.Context, op *sdk.Op) error {
		text, _ := rows[op.Index%uint64(len(rows))]["text"].(string)
		_, err := client.Search(ctx, &retrievalv1.SearchRequest{Text: text, Collection: presetCollection, K: 10})
		return err
	})(b.Context(), sdk.SetupRequest{})
	return s
}

// BenchmarkBesideGhz does the same calls on the same server over one connection,
// by ghz and by the loop, in turns:
//
//	go install github.com/bojand/ghz/cmd/ghz@v0.120.0
//	go test -run '^$' -bench BesideGhz -benchtime 2x ./plugins/api
//
// One iteration is four turns in the order ABBA. Its CPU time includes ghz's
// start, which the number of calls makes small: API_BENCH_CALLS, by default
// 40,000, and a tenth of that of streams of 100 messages.
func BenchmarkBesideGhz(b *testing.B) {
	ghz, err := exec.LookPath("ghz")
	if err != nil {
		b.Skip("needs ghz: go install github.com/bojand/ghz/cmd/ghz@v0.120.0")
	}
	calls := 40_000
	if n, err := strconv.Atoi(os.Getenv("API_BENCH_CALLS")); err == nil {
		calls = n
	}
	addr := startBenchServer(b)
	rows, _ := json.Marshal(searchRows())
	for _, c := range []struct {
		name, method, data string
		with               map[string]any
		calls              int
	}{
		{"unary", searchMethod, string(rows), benchSearch, calls},
		{"stream of 100", streamHits, `{"search":{"text":"a","k":100}}`, benchStream, calls / 10},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := grpcBenchSession(b, addr, c.with)
			theirs := func() (cpu, took time.Duration) {
				return runGhz(b, ghz, "--insecure", "--call", c.method, "-c", fmt.Sprint(benchWorkers), "-n", fmt.Sprint(c.calls),
					"--connections", "1", "-d", c.data, "-O", "json", addr)
			}
			var logs, us, them, rates, theirRates float64
			for b.Loop() {
				for _, first := range []bool{true, false} {
					var a, z, t, u time.Duration
					if first {
						a, t = theirs()
						z, u = drive(b, s, c.calls)
					} else {
						z, u = drive(b, s, c.calls)
						a, t = theirs()
					}
					logs += math.Log(z.Seconds() / a.Seconds())
					us, them = us+z.Seconds(), them+a.Seconds()
					rates, theirRates = rates+float64(c.calls)/u.Seconds(), theirRates+float64(c.calls)/t.Seconds()
				}
			}
			turns := float64(2 * b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(them/turns/float64(c.calls)*1e6, "ghz-cpu-µs")
			b.ReportMetric(us/turns/float64(c.calls)*1e6, "harness-cpu-µs")
			b.ReportMetric(math.Exp(logs/turns), "ratio")
			b.ReportMetric(theirRates/turns, "ghz-rps")
			b.ReportMetric(rates/turns, "harness-rps")
		})
	}
}

func searchRows() []map[string]any {
	var out []map[string]any
	for _, r := range presetRows() {
		out = append(out, map[string]any{"text": r["text"], "collection": presetCollection, "k": 10})
	}
	return out
}

// runGhz runs the program and returns its CPU time and the time that its calls
// took.
func runGhz(b *testing.B, ghz string, args ...string) (cpu, took time.Duration) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), ghz, args...)
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("ghz: %v\n%s", err, out)
	}
	var report struct {
		Total       time.Duration  `json:"total"`
		StatusCodes map[string]int `json:"statusCodeDistribution"`
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.StatusCodes) != 1 || report.StatusCodes["OK"] == 0 {
		b.Fatalf("ghz said %v, %v", report, err)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), report.Total
}
