package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

const retriesMetric = "retries"

// Isolation levels of the transactions benchmark.
const (
	serializable   = "serializable"
	repeatableRead = "repeatable_read"
	readCommitted  = "read_committed"
)

type transactionsParams struct {
	Accounts   int    `json:"accounts" doc:"Rows that the transactions share: the fewer, the more conflicts. With about 100 the server reads the table as a whole, and under serializable everything conflicts with everything." min:"2" max:"10000000"`
	Isolation  string `json:"isolation" doc:"Isolation level. Under read_committed the rows are read with FOR UPDATE, because money would be lost otherwise." enum:"serializable,repeatable_read,read_committed"`
	MaxRetries int    `json:"max_retries" doc:"Retries of one op after serialization failures and deadlocks; then it has failed. The first is made at once, later ones after a random pause of at most 20 ms." min:"0" max:"10000"`
	Pool       int    `json:"pool" doc:"Connections; 0 is one for each concurrent user." min:"0" max:"100000"`
}

// openingBalance is what every account begins with.
const openingBalance = 1000

func transactionsBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:   "transactions",
		Doc:    "Transfers between two of a few accounts: read both, write both, retry on conflicts.",
		Params: sdk.ParamsOf(transactionsParams{Accounts: 1000, Isolation: serializable, MaxRetries: 100}),
		Metrics: []sdk.Metric{{
			Name: retriesMetric, Unit: "1", Doc: "Retries of an op; their time is part of its latency.", Scale: sdk.Absolute,
		}},
		Target: sdk.TargetPostgres,
		Load:   sdk.LoadHint{CountedBy: "operations"},
		Setup:  setupTransactions,
	}
}

// The variables of a transfer: two accounts, the first with the smaller id,
// and their new balances.
var transferVariables = []string{"first", "second", "first_balance", "second_balance"}

// The statements of a transfer, by their places in transfer.
const (
	transferBegin = iota
	readFirst
	readSecond
	writeFirst
	writeSecond
	transferCommit
)

// transfer returns the statements at an isolation level. Rows are locked in
// the order of their ids, as an application that knows about deadlocks does.
func transfer(level string) []statement {
	locking := ""
	if level == readCommitted {
		locking = " FOR UPDATE"
	}
	read := "SELECT balance FROM txn_accounts WHERE id = :%s" + locking
	write := "UPDATE txn_accounts SET balance = :%s_balance WHERE id = :%[1]s"
	var out []statement
	for _, s := range []struct {
		rows int64
		text string
	}{
		transferBegin:  {0, "BEGIN ISOLATION LEVEL " + strings.ToUpper(strings.ReplaceAll(level, "_", " "))},
		readFirst:      {1, fmt.Sprintf(read, "first")},
		readSecond:     {1, fmt.Sprintf(read, "second")},
		writeFirst:     {1, fmt.Sprintf(write, "first")},
		writeSecond:    {1, fmt.Sprintf(write, "second")},
		transferCommit: {0, "COMMIT"},
	} {
		out = append(out, newStatement("", s.rows, s.text, transferVariables...))
	}
	return out
}

func setupTransactions(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	var p transactionsParams
	if err := r.Params.Decode(&p); err != nil {
		return nil, err
	}
	switch {
	case p.Accounts < 2:
		return nil, sdk.BadParam("accounts", "is %d, want 2 or more", p.Accounts)
	case p.MaxRetries < 0:
		return nil, sdk.BadParam("max_retries", "is %d, want 0 or more", p.MaxRetries)
	case !slices.Contains([]string{serializable, repeatableRead, readCommitted}, p.Isolation):
		return nil, sdk.BadParam("isolation", "is %q, want %s, %s or %s", p.Isolation, serializable, repeatableRead, readCommitted)
	}
	return newSession(ctx, r, p.Pool, workload{
		protocol: prepared, statements: transfer(p.Isolation),
		load: func(ctx context.Context, c *pgconn.PgConn) ([]sdk.Figure, error) {
			return nil, loadAccounts(ctx, c, p.Accounts)
		},
		newJob: func(int) job { return &transferJob{accounts: uint64(p.Accounts), maxRetries: p.MaxRetries} },
		provenance: map[string]string{
			"accounts": strconv.Itoa(p.Accounts), "isolation": p.Isolation, "max_retries": strconv.Itoa(p.MaxRetries),
		},
		digest: digest("transactions", r.Seed, p.Accounts, p.Isolation, p.MaxRetries, p.Pool),
	})
}

func loadAccounts(ctx context.Context, c *pgconn.PgConn, accounts int) error {
	return run(ctx, c,
		"CREATE TABLE txn_accounts (id int PRIMARY KEY, balance bigint NOT NULL)",
		fmt.Sprintf("INSERT INTO txn_accounts SELECT id, %d FROM generate_series(1, %d) id", openingBalance, accounts),
		"VACUUM ANALYZE txn_accounts")
}

// transferJob moves an amount between two accounts once per op, however many
// attempts that takes.
type transferJob struct {
	accounts   uint64
	maxRetries int
	values     [4][]byte // of transferVariables, as text
}

func (j *transferJob) do(c *conn, op *sdk.Op) error {
	d := draws(op.Rand)
	first := 1 + d.below(j.accounts)
	second := 1 + d.below(j.accounts-1)
	if second >= first {
		second++
	}
	amount := 1 + int64(d.below(100))
	if second < first {
		first, second, amount = second, first, -amount
	}
	j.set(0, int64(first))
	j.set(1, int64(second))
	for retries := 0; ; retries++ {
		err := j.attempt(c, amount)
		if err == nil {
			op.Record(retriesMetric, float64(retries))
			return nil
		}
		if !conflict(err) {
			return err
		}
		if c.rollBack(); !c.healthy() || retries == j.maxRetries {
			return fmt.Errorf("gave up after %d retries: %w", retries, err)
		}
		if retries > 0 {
			time.Sleep(pause(&d, retries))
		}
	}
}

// pause is the time before a retry that is not the first: uniform up to a limit
// that doubles with each, from 0.2 ms to 20 ms. Without it, transactions that
// meet again and again wear each other out.
func pause(d *draws, retries int) time.Duration {
	limit := min(100*time.Microsecond<<min(retries, 10), 20*time.Millisecond)
	return time.Duration(d.below(uint64(limit)))
}

// attempt is one transaction.
func (j *transferJob) attempt(c *conn, amount int64) error {
	var balance [2]int64
	for i := transferBegin; i <= transferCommit; i++ {
		value, err := c.exec(i, j.values[:])
		if err != nil {
			return err
		}
		switch i {
		case readFirst:
			balance[0] = value
		case readSecond:
			balance[1] = value
			j.set(2, balance[0]-amount)
			j.set(3, balance[1]+amount)
		}
	}
	return nil
}

func (j *transferJob) set(variable int, value int64) {
	j.values[variable] = strconv.AppendInt(j.values[variable][:0], value, 10)
}

// conflict says whether a transaction may succeed when it is tried again.
func conflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
