package db

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/plugins/internal/postgres"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// await polls a condition that has to come true within 20 s.
func await(t testing.TB, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Error("it did not happen within 20 s")
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestTargetsThatCannotBeMeasuredSayWhy(t *testing.T) {
	const secret = "hunter2"
	for _, c := range []struct {
		name, dsn string
		want      []string
	}{
		{"no connection string", "", []string{"no connection string", "set its dsn"}},
		{"a malformed one", "postgres://me:" + secret + "@host:port/x", []string{"malformed", "dsn: postgres://"}},
		{"another malformed one", "host=x password='" + secret + " port=5432", []string{"malformed"}},
		{"nobody listens", "postgres://me:" + secret + "@127.0.0.1:1/x", []string{"127.0.0.1:1", "database x", "start the server"}},
		{"no socket", "postgres://me:" + secret + "@/x?host=/nowhere", []string{"/nowhere", "start the server"}},
	} {
		t.Run(c.name, func(t *testing.T) { assertDown(t, c.dsn, secret, c.want...) })
	}
}

func assertDown(t *testing.T, dsn, secret string, want ...string) {
	t.Helper()
	for _, name := range []string{"pgbench", "bulk_load", "transactions"} {
		b := benchmark(t, name)
		r, j := request(t, b, dsn, nil)
		r.MaxWorkers = 9
		_, err := b.Setup(t.Context(), r)
		var down *sdk.TargetError
		if !errors.As(err, &down) {
			t.Fatalf("%s: got %v, want an error of the target", name, err)
		}
		for _, text := range want {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", name, err, text)
			}
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %q shows the password", name, err)
		}
		if len(j.left) != 0 {
			t.Errorf("%s: journal holds %v", name, j.left)
		}
	}
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	dsn, err := url.Parse(sharedServer(t).TCPDSN())
	if err != nil {
		t.Fatal(err)
	}
	dsn.User = url.UserPassword(dsn.User.Username(), "hunter2")
	assertDown(t, dsn.String(), "hunter2", "authentication refused", "28P01", "correct user and password")
	dsn.Path = "/nothing"
	dsn.User = mustParse(t, sharedServer(t).TCPDSN()).User
	password, _ := dsn.User.Password()
	assertDown(t, dsn.String(), password, "3D000", "create the database")
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestAUserWithoutRightsIsToldWhatItNeeds(t *testing.T) {
	server := sharedServer(t)
	sql(t, server.DSN(), "", "DROP ROLE IF EXISTS reader; CREATE ROLE reader")
	t.Cleanup(func() { sql(t, server.DSN(), "", "DROP ROLE reader") })
	dsn := mustParse(t, server.DSN())
	query := dsn.Query()
	query.Set("role", "reader") // a setting that the connection begins with
	dsn.RawQuery = query.Encode()
	assertDown(t, dsn.String(), "hunter2", "42501", "grant the user CREATE on the database")
}

func TestTooFewConnectionsAreFoundBeforeTheyRunOut(t *testing.T) {
	server := ownServer(t, postgres.Options{RunID: "dbfew", NoFetch: true, MaxConnections: 10})
	var held []*pgconn.PgConn
	hold := func(n int) {
		for range n {
			var c *pgconn.PgConn
			await(t, func() bool { // the server may still be letting go of others
				var err error
				c, err = pgconn.Connect(t.Context(), server.DSN())
				return err == nil
			})
			held = append(held, c)
		}
	}
	t.Cleanup(func() {
		for _, c := range held {
			closeConn(context.Background(), c)
		}
	})
	hold(2)
	assertDown(t, server.DSN(), "hunter2", "9 connections are wanted and ", "max_connections is 10", "--concurrent-users", "pool")
	x := prepare(t, "transactions", server.DSN(), map[string]any{"pool": 2}, func(r *sdk.SetupRequest) { r.MaxWorkers = 50 })
	x.allOK(50, 100)
	x.close()
	hold(8)
	assertDown(t, server.DSN(), "hunter2", "too many connections", "--concurrent-users")
}

func TestAServerThatStopsInMidRoundIsAnErrorWithAClass(t *testing.T) {
	for _, pool := range []int{0, 2} {
		server := ownServer(t, postgres.Options{RunID: "dbstop", NoFetch: true})
		b := benchmark(t, "pgbench")
		r, j := request(t, b, server.DSN(), map[string]any{"pool": pool})
		s, err := b.Setup(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		driver := loop.New(s, b.Metrics)
		stopped := make(chan error, 1)
		var stopping sync.Once
		ctx, cancel := context.WithCancel(t.Context())
		res, err := driver.Round(ctx, loop.Plan{Model: loop.Closed, Workers: 4, Duration: time.Hour, OpTimeout: 20 * time.Second}, func(p loop.Progress) {
			if p.Done > 0 {
				stopping.Do(func() { go func() { stopped <- server.Stop(context.Background()) }() })
			}
			if p.Failed > 100 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		ended := res.Errors[loop.ClassCancelled] // ops under way when the round was cancelled
		if res.Counts.OK == 0 || !res.Counts.Balanced() || ended > 4 || res.Errors[classConnection] != res.Counts.Failed-ended {
			t.Errorf("counts are %+v, errors %v: want all failures to be of class %s", res.Counts, res.Errors, classConnection)
		}
		if err := driver.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "stays in the journal") {
			t.Errorf("close says %v, want it to name the schema that is left", err)
		}
		if len(j.left) != 1 {
			t.Errorf("journal holds %v, want the schema", j.left)
		}
	}
}

func TestABrokenConnectionIsReplacedForTheNextOp(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, protocol := range []string{prepared, simple} {
		x := prepare(t, "pgbench", dsn, map[string]any{"script": selectOnly, "protocol": protocol})
		x.allOK(2, 10)
		x.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'harness' AND pid <> pg_backend_pid()")
		res := x.round(loop.Plan{Workers: 2, Ops: 100, OpTimeout: 20 * time.Second})
		if res.Counts.Failed == 0 || res.Counts.Failed > 2 || res.Errors[classConnection] != res.Counts.Failed {
			t.Errorf("%s: counts are %+v, errors %v: want one failure for each worker at most", protocol, res.Counts, res.Errors)
		}
		if res.Clocks.Wait.Max() == 0 {
			t.Errorf("%s: connecting anew shows in no wait", protocol)
		}
	}
}

func TestACancelledRoundEndsAtOnceAndTheNextOneWorks(t *testing.T) {
	dsn := sharedServer(t).DSN()
	x := prepare(t, "pgbench", dsn, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plan := loop.Plan{Model: loop.Closed, Workers: 4, Duration: time.Hour, OpTimeout: 20 * time.Second}
	res, err := x.driver.Round(ctx, plan, func(p loop.Progress) {
		if p.Done > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !res.Counts.Balanced() {
		t.Errorf("got %v and %+v, want it cancelled and balanced", err, res.Counts)
	}
	for range 3 { // the end of each round ends the context of its ops, but no connection
		if next := x.allOK(4, 40); next.Clocks.Wait.Max() != 0 && ctx.Err() == nil {
			t.Error("a round that ended cost connections")
		}
	}
	if wait := x.allOK(4, 40).Clocks.Wait.Max(); wait != 0 {
		t.Errorf("workers waited up to %v for connections after rounds that ended by themselves", time.Duration(wait))
	}
}
