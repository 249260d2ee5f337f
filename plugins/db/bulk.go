package db

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

const rowsMetric = "rows_per_second"

type bulkParams struct {
	Rows      int `json:"rows" doc:"Rows of one COPY." min:"1" max:"1000000"`
	TableRows int `json:"table_rows" doc:"The table is emptied when it holds this many rows; the op that finds it full does so and waits for it." min:"1" max:"1000000000"`
	Pool      int `json:"pool" doc:"Connections; 0 is one for each concurrent user." min:"0" max:"100000"`
}

func bulkBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:   "bulk_load",
		Doc:    "COPY of many rows at a time into one table with a primary key.",
		Params: sdk.ParamsOf(bulkParams{Rows: 1000, TableRows: 2_000_000}),
		Metrics: []sdk.Metric{{
			Name: rowsMetric, Unit: "1/s", Doc: "Rows that were loaded.", Better: sdk.Higher, Aggregate: sdk.Rate,
		}},
		Target: sdk.TargetPostgres,
		Load:   sdk.LoadHint{CountedBy: "operations"},
		Setup:  setupBulk,
	}
}

func setupBulk(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	var p bulkParams
	if err := r.Params.Decode(&p); err != nil {
		return nil, err
	}
	switch {
	case p.Rows < 1:
		return nil, sdk.BadParam("rows", "is %d, want 1 or more", p.Rows)
	case p.TableRows < p.Rows:
		return nil, sdk.BadParam("table_rows", "is %d, want at least the %d rows of one op", p.TableRows, p.Rows)
	}
	table := &bulkTable{limit: int64(p.TableRows)}
	return newSession(ctx, r, p.Pool, workload{
		protocol: simple, // what COPY is begun with
		load: func(ctx context.Context, c *pgconn.PgConn) ([]sdk.Figure, error) {
			return nil, run(ctx, c, "CREATE TABLE bulk_rows (id bigint PRIMARY KEY, account int NOT NULL, amount int NOT NULL, note text NOT NULL)")
		},
		newJob: func(worker int) job {
			return newBulkJob(table, p.Rows, r.Seed+uint64(worker))
		},
		provenance: map[string]string{"protocol": "COPY", "rows": strconv.Itoa(p.Rows), "table_rows": strconv.Itoa(p.TableRows)},
		digest:     digest("bulk_load", r.Seed, p.Rows, p.TableRows, p.Pool),
	})
}

// bulkTable bounds the table that all workers load into.
type bulkTable struct {
	limit int64
	rows  atomic.Int64 // loaded since the table was last emptied, or about to be
	ids   atomic.Int64 // the last that was given out; none is used twice
}

// admit makes room for n rows: who finds the table full empties it, while the
// others load on behind the server's lock.
func (t *bulkTable) admit(c *conn, n int64) error {
	if after := t.rows.Add(n); after > t.limit && t.rows.CompareAndSwap(after, n) {
		if err := run(context.Background(), c.pg, "TRUNCATE bulk_rows"); err != nil {
			t.rows.Add(t.limit) // the next op tries again
			return fmt.Errorf("empty the table: %w", err)
		}
	}
	return nil
}

// bulkJob loads one block of rows per op. Its text is made once; only the ids
// are new each time.
type bulkJob struct {
	table *bulkTable
	rows  int
	text  []byte
	ids   []int // where each row's id is in text
	from  bytes.Reader
}

// idWidth is the number of digits of an id, with zeros in front.
const idWidth = 15

// note is the text of a row: with the rest about 100 bytes, as a row of
// pgbench's accounts has.
const note = "\tpayment for an order, booked by the bulk load of harness: 0123456789\n"

func newBulkJob(table *bulkTable, rows int, seed uint64) *bulkJob {
	j := &bulkJob{table: table, rows: rows}
	d := draws(seed)
	for range rows {
		j.ids = append(j.ids, len(j.text))
		j.text = append(j.text, strings.Repeat("0", idWidth)+"\t"...)
		j.text = append(strconv.AppendInt(j.text, int64(d.below(accountsPerScale)), 10), '\t')
		j.text = append(strconv.AppendInt(j.text, int64(d.below(10_001)), 10), note...)
	}
	return j
}

func (j *bulkJob) do(c *conn, op *sdk.Op) error {
	if err := j.table.admit(c, int64(j.rows)); err != nil {
		return err
	}
	j.number(j.table.ids.Add(int64(j.rows)) - int64(j.rows) + 1)
	j.from.Reset(j.text)
	tag, err := c.pg.CopyFrom(context.Background(), &j.from, "COPY bulk_rows (id, account, amount, note) FROM STDIN")
	if err != nil {
		return fmt.Errorf("copy %d rows: %w", j.rows, err)
	}
	if got := tag.RowsAffected(); got != int64(j.rows) {
		return sdk.Classify(classWrongRows, fmt.Errorf("copy loaded %d rows, want %d", got, j.rows))
	}
	op.Record(rowsMetric, float64(j.rows))
	return nil
}

// number gives the rows their ids, from first on.
func (j *bulkJob) number(first int64) {
	for _, at := range j.ids {
		id := first
		for i := at + idWidth - 1; i >= at; i-- {
			j.text[i] = byte('0' + id%10)
			id /= 10
		}
		first++
	}
}
