package db

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

// Rows of pgbench's tables for each unit of scale.
const (
	accountsPerScale = 100_000
	tellersPerScale  = 10
	branchesPerScale = 1
)

// pgbenchLoader makes pgbench's tables at a scale.
type pgbenchLoader int

// load makes the tables in the order of `pgbench -i`: create, fill by COPY,
// vacuum analyze, primary keys.
func (scale pgbenchLoader) load(ctx context.Context, c *pgconn.PgConn) ([]sdk.Figure, error) {
	start := time.Now()
	// Filled by the transaction that makes them, rows can be written frozen.
	err := run(ctx, c, "BEGIN",
		"CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22))",
		"CREATE TABLE pgbench_tellers (tid int NOT NULL, bid int, tbalance int, filler char(84)) WITH (fillfactor=100)",
		"CREATE TABLE pgbench_accounts (aid int NOT NULL, bid int, abalance int, filler char(84)) WITH (fillfactor=100)",
		"CREATE TABLE pgbench_branches (bid int NOT NULL, bbalance int, filler char(88)) WITH (fillfactor=100)",
	)
	if err != nil {
		return nil, fmt.Errorf("create pgbench's tables: %w", err)
	}
	for _, t := range []struct {
		into    string
		per     int
		options string
		row     func(to []byte, id, parent int) []byte
	}{
		{"pgbench_branches (bid, bbalance)", branchesPerScale, "", branchRow},
		{"pgbench_tellers (tid, bid, tbalance)", tellersPerScale, "", childRow},
		{"pgbench_accounts (aid, bid, abalance, filler)", accountsPerScale, " WITH (FREEZE ON)", accountRow},
	} {
		rows := &rowReader{rows: t.per * int(scale), per: t.per, row: t.row}
		if _, err := c.CopyFrom(ctx, rows, "COPY "+t.into+" FROM STDIN"+t.options); err != nil {
			return nil, fmt.Errorf("fill %s: %w", t.into, err)
		}
	}
	if err := run(ctx, c, "COMMIT", "VACUUM ANALYZE pgbench_branches", "VACUUM ANALYZE pgbench_tellers",
		"VACUUM ANALYZE pgbench_accounts", "VACUUM ANALYZE pgbench_history"); err != nil {
		return nil, fmt.Errorf("vacuum pgbench's tables: %w", err)
	}
	loaded := time.Since(start)
	if err := run(ctx, c, "ALTER TABLE pgbench_branches ADD PRIMARY KEY (bid)",
		"ALTER TABLE pgbench_tellers ADD PRIMARY KEY (tid)", "ALTER TABLE pgbench_accounts ADD PRIMARY KEY (aid)"); err != nil {
		return nil, fmt.Errorf("index pgbench's tables: %w", err)
	}
	return []sdk.Figure{seconds("load_seconds", loaded), seconds("index_seconds", time.Since(start)-loaded)}, nil
}

func branchRow(to []byte, id, _ int) []byte {
	return append(strconv.AppendInt(to, int64(id), 10), "\t0\n"...)
}

func childRow(to []byte, id, parent int) []byte {
	to = append(strconv.AppendInt(to, int64(id), 10), '\t')
	return append(strconv.AppendInt(to, int64(parent), 10), "\t0\n"...)
}

// accountRow has an empty filler, which char(84) pads to its length.
func accountRow(to []byte, id, parent int) []byte {
	to = childRow(to, id, parent)
	return append(to[:len(to)-1], "\t\n"...)
}

// rowReader is the text of a COPY, made as it is read.
type rowReader struct {
	rows int // how many
	per  int // rows with the same parent
	row  func(to []byte, id, parent int) []byte
	id   int // of the last row made
	buf  []byte
	rest []byte // of buf, not yet read
}

func (r *rowReader) Read(p []byte) (int, error) {
	const chunk = 32 << 10
	if len(r.rest) == 0 {
		r.buf = r.buf[:0]
		for r.id < r.rows && len(r.buf) < chunk {
			r.id++
			r.buf = r.row(r.buf, r.id, (r.id-1)/r.per+1)
		}
		if len(r.buf) == 0 {
			return 0, io.EOF
		}
		r.rest = r.buf
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
