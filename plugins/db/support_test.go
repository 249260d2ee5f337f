package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/plugins/internal/postgres"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/sdktest"
)

// shared is the private server of most tests. It is started by the first that
// needs one.
var shared struct {
	once   sync.Once
	server *postgres.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// serverOptions has small buffers for tests; a benchmark takes the defaults.
func serverOptions() postgres.Options {
	return postgres.Options{RunID: "dbtest", NoFetch: true, TCP: true}
}

// sharedServer skips the test where no PostgreSQL can be had.
func sharedServer(t testing.TB) *postgres.Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = postgres.Start(context.Background(), serverOptions()) })
	return have(t, shared.server, shared.err)
}

func have(t testing.TB, s *postgres.Server, err error) *postgres.Server {
	t.Helper()
	var absent *postgres.Unavailable
	if errors.As(err, &absent) && os.Getenv("HARNESS_REQUIRE_PEERS") != "1" {
		t.Skipf("needs PostgreSQL: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ownServer starts a server that the test may stop.
func ownServer(t *testing.T, o postgres.Options) *postgres.Server {
	t.Helper()
	started, err := postgres.Start(t.Context(), o)
	s := have(t, started, err)
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// book is a journal in memory that remembers the order of everything.
type book struct {
	mu     sync.Mutex
	events []string
	left   []sdk.Object
	refuse error
	seen   func(event string)
}

func (b *book) note(event string, o sdk.Object) {
	b.events = append(b.events, event+" "+o.Kind+" "+o.Name)
	if b.seen != nil {
		b.seen(event)
	}
}

func (b *book) Record(o sdk.Object) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return b.refuse
	}
	b.left = append(b.left, o)
	b.note("record", o)
	return nil
}

func (b *book) Forget(o sdk.Object) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = slices.DeleteFunc(b.left, func(x sdk.Object) bool { return x.Name == o.Name })
	b.note("forget", o)
	return nil
}

func benchmark(t testing.TB, name string) sdk.Benchmark {
	t.Helper()
	p, ok := sdk.Lookup("db")
	if !ok {
		t.Fatal("plugin db is not registered")
	}
	b, ok := p.Benchmark(name)
	if !ok {
		t.Fatalf("no benchmark %s", name)
	}
	return b
}

func request(t testing.TB, b sdk.Benchmark, dsn string, with map[string]any) (sdk.SetupRequest, *book) {
	t.Helper()
	params, err := sdktest.Params(t, b, with)
	if err != nil {
		t.Fatalf("parameters %v: %v", with, err)
	}
	j := &book{}
	return sdk.SetupRequest{
		ID: "db/" + b.Name, RunID: "20260102T030405-ab", Params: params, Seed: 7, MaxWorkers: 4, Timeout: 20 * time.Second,
		Target: sdk.Target{Name: "test", Kind: sdk.TargetPostgres, DSN: dsn}, Journal: j, Log: slog.New(slog.DiscardHandler),
	}, j
}

// prepared scenario: a session with a driver.
type scenario struct {
	t       testing.TB
	session *session
	driver  *loop.Driver
	book    *book
	closed  bool
}

func prepare(t testing.TB, name, dsn string, with map[string]any, change ...func(*sdk.SetupRequest)) *scenario {
	t.Helper()
	b := benchmark(t, name)
	r, j := request(t, b, dsn, with)
	for _, f := range change {
		f(&r)
	}
	s, err := b.Setup(t.Context(), r)
	if err != nil {
		t.Fatalf("set up: %v", err)
	}
	x := &scenario{t: t, session: s.(*session), driver: loop.New(s, b.Metrics), book: j}
	t.Cleanup(func() {
		if !x.closed {
			x.close()
		}
	})
	return x
}

func (x *scenario) close() {
	x.t.Helper()
	x.closed = true
	if err := x.driver.Close(); err != nil {
		x.t.Errorf("close workers: %v", err)
	}
	if err := x.session.Close(context.Background()); err != nil {
		x.t.Errorf("close session: %v", err)
	}
}

func (x *scenario) round(p loop.Plan) loop.Result {
	x.t.Helper()
	p.Model = loop.Closed
	res, err := x.driver.Round(x.t.Context(), p, nil)
	if err != nil {
		x.t.Fatalf("round: %v", err)
	}
	if !res.Counts.Balanced() {
		x.t.Errorf("counts %+v do not balance", res.Counts)
	}
	return res
}

// allOK does ops and wants every one of them to succeed.
func (x *scenario) allOK(workers int, ops uint64) loop.Result {
	x.t.Helper()
	res := x.round(loop.Plan{Workers: workers, Ops: ops, OpTimeout: 20 * time.Second})
	if res.Counts.OK != ops {
		x.t.Fatalf("counts are %+v, want %d ok; %v", res.Counts, ops, res.Samples)
	}
	return res
}

// sql runs a query on the target and returns its rows, columns joined by '|'.
func sql(t testing.TB, dsn, schema, query string) []string {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // cleaning up works too
	c, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer closeConn(ctx, c)
	if schema != "" {
		if err := run(ctx, c, useSchema(schema)); err != nil {
			t.Fatal(err)
		}
	}
	results, err := c.Exec(ctx, query).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var out []string
	for _, row := range results[len(results)-1].Rows {
		var cells []string
		for _, v := range row {
			cells = append(cells, string(v))
		}
		out = append(out, strings.Join(cells, "|"))
	}
	return out
}

func (x *scenario) sql(query string) []string {
	x.t.Helper()
	return sql(x.t, x.session.request.Target.DSN, x.session.schema, query)
}

func schemas(t testing.TB, dsn string) []string {
	t.Helper()
	return sql(t, dsn, "", "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'harness%' ORDER BY 1")
}
