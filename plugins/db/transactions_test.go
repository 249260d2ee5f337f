package db

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

func TestTransfersKeepTheSumAtEveryIsolationLevel(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, level := range []string{serializable, repeatableRead, readCommitted} {
		t.Run(level, func(t *testing.T) {
			x := prepare(t, "transactions", dsn, map[string]any{"accounts": 3, "isolation": level, "max_retries": 10_000})
			res := x.allOK(4, 300)
			got := x.sql("SELECT count(*), sum(balance), count(*) FILTER (WHERE balance <> 1000) FROM txn_accounts")
			if got[0] != "3|3000|3" {
				t.Errorf("accounts, sum and changed balances are %s, want 3|3000|3", got[0])
			}
			retries := res.Values[retriesMetric]
			if retries.Count != 300 {
				t.Errorf("%d ops recorded their retries, want 300", retries.Count)
			}
			if level == readCommitted && retries.Sum != 0 {
				t.Errorf("locked reads were retried %v times", retries.Sum)
			}
		})
	}
}

// holdAccount keeps an account of the scenario changed by a transaction that
// is open until release commits it.
func holdAccount(x *scenario, id int) (release func()) {
	x.t.Helper()
	c, err := x.session.target.connect(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	if err := run(x.t.Context(), c, useSchema(x.session.schema), "BEGIN",
		fmt.Sprintf("UPDATE txn_accounts SET balance = balance + 1 WHERE id = %d", id)); err != nil {
		x.t.Fatal(err)
	}
	return func() {
		if err := run(x.t.Context(), c, "COMMIT"); err != nil {
			x.t.Error(err)
		}
		closeConn(x.t.Context(), c)
	}
}

const blocked = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'harness'`

func TestAConflictIsRetriedAsOftenAsAllowed(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, c := range []struct {
		retries   int
		wantOK    uint64
		wantClass string
	}{{0, 0, "serialization_failure"}, {3, 1, ""}} {
		t.Run(fmt.Sprintf("max_retries=%d", c.retries), func(t *testing.T) {
			x := prepare(t, "transactions", dsn, map[string]any{"accounts": 2, "isolation": repeatableRead, "max_retries": c.retries})
			release := holdAccount(x, 1)
			done := make(chan loop.Result)
			go func() { done <- x.round(loop.Plan{Workers: 1, Ops: 1, OpTimeout: 20 * time.Second}) }()
			await(t, func() bool { return len(x.sql(blocked)) > 0 })
			release() // the transfer read the account before this change: it cannot be serialized
			res := <-done
			if res.Counts.OK != c.wantOK || res.Errors[c.wantClass] != 1-c.wantOK {
				t.Errorf("counts are %+v, errors %v", res.Counts, res.Errors)
			}
			if v := res.Values[retriesMetric]; c.wantOK == 1 && (v.Count != 1 || v.Sum != 1) {
				t.Errorf("retries are %+v, want one", v)
			}
			x.allOK(1, 5)
		})
	}
}

func TestAnOpThatRunsOutOfTimeFreesItsWorkerAndTheServer(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, pool := range []int{0, 1} {
		t.Run(fmt.Sprintf("pool=%d", pool), func(t *testing.T) {
			x := prepare(t, "transactions", dsn, map[string]any{"accounts": 2, "isolation": readCommitted, "pool": pool})
			release := holdAccount(x, 1)
			res := x.round(loop.Plan{Workers: 2, Ops: 2, OpTimeout: 200 * time.Millisecond})
			if res.Counts.TimedOut != 2 {
				t.Errorf("counts are %+v, errors %v, want 2 timed out", res.Counts, res.Errors)
			}
			// The server does not go on waiting for a client that gave up.
			await(t, func() bool { return len(x.sql(blocked)) == 0 })
			release()
			again := x.allOK(2, 20)
			if again.Clocks.Wait.Max() == 0 {
				t.Error("connecting anew shows in no wait")
			}
		})
	}
}

func TestBulkLoadsStayBelowTheirLimit(t *testing.T) {
	dsn := sharedServer(t).DSN()
	x := prepare(t, "bulk_load", dsn, map[string]any{"rows": 100, "table_rows": 1000})
	const ops = 200
	res := x.allOK(4, ops)
	if v := res.Values[rowsMetric]; v.Count != ops || v.Sum != 100*ops {
		t.Errorf("rows recorded are %+v, want %d of 100", v, ops)
	}
	rows := x.sql("SELECT count(*) <= 1400, count(*) > 0, max(id), count(*) % 100, min(length(note)), count(DISTINCT account) > 10 FROM bulk_rows")
	// Four workers may each have had one block under way when the limit was met.
	if want := "t|t|20000|0|68|t"; rows[0] != want {
		t.Errorf("rows below the limit, any, last id, odd ones, note, accounts: %s, want %s", rows[0], want)
	}
}

func TestRowsThatAreMissingAreAnErrorOfTheirOwn(t *testing.T) {
	dsn := sharedServer(t).DSN()
	x := prepare(t, "pgbench", dsn, map[string]any{"script": tpcbLike})
	x.sql("TRUNCATE pgbench_accounts")
	res := x.round(loop.Plan{Workers: 2, Ops: 10, OpTimeout: 20 * time.Second})
	if res.Errors[classWrongRows] != 10 {
		t.Errorf("errors are %v, want 10 of class %s", res.Errors, classWrongRows)
	}
	x.sql("ALTER TABLE pgbench_history RENAME TO moved")
	res = x.round(loop.Plan{Workers: 2, Ops: 10, OpTimeout: 20 * time.Second})
	if res.Errors[classWrongRows] != 10 {
		t.Errorf("errors are %v, want the first statement's", res.Errors)
	}
	x = prepare(t, "pgbench", dsn, map[string]any{"script": simpleUpdate})
	x.allOK(2, 10)
	x.sql("ALTER TABLE pgbench_history RENAME TO moved")
	res = x.round(loop.Plan{Workers: 2, Ops: 10, OpTimeout: 20 * time.Second})
	if res.Errors["sqlstate_42P01"] != 10 {
		t.Errorf("errors are %v, want 10 of class sqlstate_42P01", res.Errors)
	}
	got := x.sql("SELECT (SELECT sum(abalance) FROM pgbench_accounts) = sum(delta), count(*) FROM moved")
	if got[0] != "t|10" {
		t.Errorf("balances agree with the history, and its rows: %s, want t|10", got[0])
	}
}

func TestMetricsAndColumnsAreDeclared(t *testing.T) {
	known := slices.Clone(sdk.StandardMetrics)
	for _, b := range Plugin().Benchmarks {
		for _, m := range b.Metrics {
			if strings.HasPrefix(m.Name, "stmt_") && m.Unit != "s" {
				t.Errorf("metric %s has unit %q", m.Name, m.Unit)
			}
			known = append(known, m.Name)
		}
	}
	for _, c := range Plugin().Table.Columns {
		if !slices.Contains(known, c.Metric) {
			t.Errorf("column %s shows metric %s, which nothing declares", c.Title, c.Metric)
		}
	}
}
