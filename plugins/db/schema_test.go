package db

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

func TestASchemaIsJournalledBeforeItIsMadeAndForgottenAfterItIsGone(t *testing.T) {
	dsn := sharedServer(t).DSN()
	b := benchmark(t, "transactions")
	r, j := request(t, b, dsn, nil)
	existed := map[string]bool{}
	j.seen = func(event string) {
		existed[event] = slices.Contains(schemas(t, dsn), j.events[0][len("record schema "):])
	}
	s, err := b.Setup(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	made := slices.Contains(schemas(t, dsn), s.(*session).schema)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(j.events) != 2 || existed["record"] || !made || existed["forget"] || len(j.left) != 0 {
		t.Errorf("journal saw %q; the schema existed at record: %v, after: %v, at forget: %v", j.events, existed["record"], made, existed["forget"])
	}
}

func TestWithoutAJournalNothingIsMade(t *testing.T) {
	dsn := sharedServer(t).DSN()
	b := benchmark(t, "transactions")
	r, j := request(t, b, dsn, nil)
	r.RunID = "unjournalled"
	j.refuse = errors.New("disk full")
	if _, err := b.Setup(t.Context(), r); !errors.Is(err, j.refuse) {
		t.Errorf("got %v, want %v", err, j.refuse)
	}
	assertNoSchema(t, dsn, "unjournalled")
}

func assertNoSchema(t *testing.T, dsn, run string) {
	t.Helper()
	for _, name := range schemas(t, dsn) {
		if strings.HasPrefix(name, "harness_"+run) {
			t.Errorf("schema %s is left", name)
		}
	}
}

func TestASetupThatIsCancelledLeavesNothing(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, c := range []struct {
		name string
		with map[string]any
		// until tells when to cancel, by what the server shows.
		until string
	}{
		{"before the schema is made", nil, ""},
		{"while the tables are filled", map[string]any{"scale": 50}, "SELECT pid FROM pg_stat_progress_copy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := benchmark(t, "pgbench")
			r, j := request(t, b, dsn, c.with)
			r.RunID = "cancelled"
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.until == "" {
				j.seen = func(string) { cancel() }
			} else {
				watched := make(chan struct{})
				defer func() { <-watched }()
				go func() {
					defer close(watched)
					defer cancel()
					await(t, func() bool { return len(sql(t, dsn, "", c.until)) > 0 })
				}()
			}
			if _, err := b.Setup(ctx, r); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want it cancelled", err)
			}
			assertNoSchema(t, dsn, "cancelled")
			if len(j.left) != 0 || len(j.events) != 2 {
				t.Errorf("journal saw %q and holds %v", j.events, j.left)
			}
		})
	}
}

func TestALoadThatIsCancelledBetweenStatementsHoldsNothing(t *testing.T) {
	dsn := sharedServer(t).DSN()
	r, j := request(t, benchmark(t, "pgbench"), dsn, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	start := time.Now()
	_, err := newSession(ctx, r, 0, workload{load: func(ctx context.Context, c *pgconn.PgConn) ([]sdk.Figure, error) {
		if err := run(ctx, c, "BEGIN", "CREATE TABLE held (x int)"); err != nil {
			return nil, err
		}
		cancel()
		return nil, run(ctx, c, "COMMIT")
	}})
	if !errors.Is(err, context.Canceled) || len(j.left) != 0 {
		t.Errorf("after %v got %v, and the journal holds %v; want it cancelled and dropped", time.Since(start), err, j.left)
	}
}

func TestKeptDataStaysAndStaysJournalled(t *testing.T) {
	dsn := sharedServer(t).DSN()
	x := prepare(t, "transactions", dsn, nil, func(r *sdk.SetupRequest) { r.KeepData = true })
	x.close()
	if got := x.sql("SELECT count(*) FROM txn_accounts"); got[0] != "1000" {
		t.Errorf("%s accounts are kept, want 1000", got[0])
	}
	if len(x.book.left) != 1 {
		t.Fatalf("journal holds %v, want the schema", x.book.left)
	}
	if err := Plugin().Clean(t.Context(), sdk.CleanRequest{Target: x.session.request.Target, Objects: x.book.left}); err != nil {
		t.Fatal(err)
	}
	if left := schemas(t, dsn); slices.Contains(left, x.session.schema) {
		t.Errorf("schemas are %q after clean", left)
	}
}

func TestCleanDropsWhatItIsGivenAndNothingElse(t *testing.T) {
	dsn := sharedServer(t).DSN()
	const ours, other, gone, foreign = "harness_r1_0123456789ab", "harness_r2_0123456789ab", "harness_r3_0123456789ab", "harness_like"
	sql(t, dsn, "", `CREATE SCHEMA `+ours+`; CREATE TABLE `+ours+`.t (x int); CREATE SCHEMA `+other+`; CREATE SCHEMA `+foreign+`;
		CREATE VIEW `+foreign+`.v AS SELECT 1`)
	t.Cleanup(func() {
		sql(t, dsn, "", "SET client_min_messages TO warning; DROP SCHEMA IF EXISTS "+other+", "+foreign+", "+ours+" CASCADE")
	})
	target := sdk.Target{Name: "test", DSN: dsn}
	object := func(name string) sdk.Object { return sdk.Object{Kind: "schema", Name: name} }
	elsewhere := object(ours)
	elsewhere.Attrs = map[string]string{"address": "db.example:5432", "database": "postgres"}
	for _, c := range []struct {
		name    string
		objects []sdk.Object
		fails   string
	}{
		{"refuses a schema that is not named like ours", []sdk.Object{object(ours), object(foreign)}, `"harness_like" is not a schema that harness made`},
		{"refuses a name with more in it", []sdk.Object{object(`harness_r1_0123456789ab" CASCADE; DROP SCHEMA "x`)}, "is not a schema that harness made"},
		{"refuses another kind", []sdk.Object{{Kind: "table", Name: ours}}, "is not a schema that harness made"},
		{"refuses another server", []sdk.Object{elsewhere}, "was made at address db.example:5432"},
		{"succeeds on one that is gone", []sdk.Object{object(gone)}, ""},
		{"drops ours", []sdk.Object{object(ours), object(gone)}, ""},
		{"does nothing about nothing", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := schemas(t, dsn)
			err := Plugin().Clean(t.Context(), sdk.CleanRequest{Target: target, Objects: c.objects})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %v, want an error with %q", err, c.fails)
				}
				if after := schemas(t, dsn); !slices.Equal(before, after) {
					t.Errorf("schemas were %q and are %q", before, after)
				}
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	if left := schemas(t, dsn); slices.Contains(left, ours) || !slices.Contains(left, other) || !slices.Contains(left, foreign) {
		t.Errorf("schemas are %q, want %s gone and the others kept", left, ours)
	}
}
