package db

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/benchharness/harness/sdk"
)

// Protocols of a statement, as pgbench's -M names them.
const (
	prepared = "prepared" // parsed once for each connection: Bind, Execute, Sync
	extended = "extended" // parsed every time: Parse, Bind, Execute, Sync
	simple   = "simple"   // one Query with the values in its text
)

// conn is one connection that works in a session's schema.
//
// Statements go over pgx's frontend directly, one round trip each. What pgconn
// adds around it is not needed here and costs: a context watched, a timer set
// and stopped for every statement. Whoever runs statements has a guard that
// interrupts the connection instead.
type conn struct {
	pg         *pgconn.PgConn
	turns      *turns // nil where the system has none
	protocol   string
	statements []statement
	names      []string // of prepared statements
	bind       pgproto3.Bind
	describe   pgproto3.Describe // these four are kept because pgx lets them escape
	execute    pgproto3.Execute
	sync       pgproto3.Sync
	parse      pgproto3.Parse
	text       []byte
	tx         byte // status of the transaction: 'I' outside of one
	broken     bool // what comes next on the connection is unknown
}

// open connects, chooses the schema and prepares the statements.
func open(ctx context.Context, t *target, schema, protocol string, statements []statement) (*conn, error) {
	pg, err := pgconn.ConnectConfig(ctx, t.config)
	if err != nil {
		return nil, err
	}
	c := &conn{pg: pg, turns: turnsOf(pg.Conn()), protocol: protocol, statements: statements, tx: outside}
	c.describe.ObjectType = 'P'

	if err := c.ready(ctx, schema); err != nil {
		closeConn(ctx, pg)
		return nil, err
	}
	return c, nil
}

func (c *conn) ready(ctx context.Context, schema string) error {
	if err := run(ctx, c.pg, useSchema(schema)); err != nil {
		return fmt.Errorf("choose schema %s: %w", schema, err)
	}
	if c.protocol != prepared {
		return nil
	}
	for i, s := range c.statements {
		name := "s" + strconv.Itoa(i)
		if _, err := c.pg.Prepare(ctx, name, s.sql, nil); err != nil {
			return fmt.Errorf("prepare %q: %w", s.sql, err)
		}
		c.names = append(c.names, name)
	}
	return nil
}

// outside is the status of a connection that is not in a transaction.
const outside = 'I'

// exec runs statement number i with the values of the script's variables, as
// text. It returns the first column of the last row as an integer, 0 where
// there is none. A statement that gives or changes another number of rows than
// it has to is an error of its own class.
func (c *conn) exec(i int, values [][]byte) (int64, error) {
	s := &c.statements[i]
	c.send(i, values)
	c.turns.ask()
	if err := c.pg.Frontend().Flush(); err != nil {
		c.broken = true
		return 0, fmt.Errorf("%s: send: %w", s.sql, err)
	}
	value, rows, err := c.receive()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s.sql, err)
	}
	if rows != s.rows {
		return 0, sdk.Classify(classWrongRows, fmt.Errorf("%s: %d rows, want %d", s.sql, rows, s.rows))
	}
	return value, nil
}

// send queues the messages that libpq sends for pgbench's -M of that name.
func (c *conn) send(i int, values [][]byte) {
	s, f := &c.statements[i], c.pg.Frontend()
	if c.protocol == simple {
		c.text = s.appendText(c.text[:0], values)
		f.SendQuery(&pgproto3.Query{String: string(c.text)})
		return
	}
	if c.protocol == prepared {
		c.bind.PreparedStatement = c.names[i]
	} else {
		c.parse.Query = s.sql
		f.SendParse(&c.parse)
	}
	c.bind.Parameters = c.bind.Parameters[:0]
	for _, v := range s.vars {
		c.bind.Parameters = append(c.bind.Parameters, values[v])
	}
	f.SendBind(&c.bind)
	f.SendDescribe(&c.describe)
	f.SendExecute(&c.execute)
	f.SendSync(&c.sync)
}

// receive reads what the server answers until it is ready for the next
// statement.
func (c *conn) receive() (value, rows int64, err error) {
	for {
		message, readErr := c.pg.Frontend().Receive()
		if readErr != nil {
			c.broken = true
			if err == nil { // else the server said why it went away
				err = fmt.Errorf("receive: %w", readErr)
			}
			return 0, 0, err
		}
		switch m := message.(type) {
		case *pgproto3.DataRow:
			if len(m.Values) > 0 {
				value = parseInt(m.Values[0])
			}
		case *pgproto3.CommandComplete:
			rows = rowsOf(m.CommandTag)
		case *pgproto3.ErrorResponse:
			err = pgconn.ErrorResponseToPgError(m)
		case *pgproto3.ReadyForQuery:
			c.tx = m.TxStatus
			return value, rows, err
		}
	}
}

// rowsOf returns the number at the end of a command tag such as "UPDATE 1" or
// "INSERT 0 1", 0 where there is none.
func rowsOf(tag []byte) int64 {
	var n, unit int64 = 0, 1
	for i := len(tag) - 1; i >= 0 && tag[i] >= '0' && tag[i] <= '9'; i-- {
		n += int64(tag[i]-'0') * unit
		unit *= 10
	}
	return n
}

// parseInt reads an integer as PostgreSQL writes it: without spaces or a plus.
func parseInt(text []byte) int64 {
	var n int64
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	for _, c := range text {
		n = n*10 + int64(c-'0')
	}
	if negative {
		return -n
	}
	return n
}

// rollBack ends the transaction that a failed op left open. Where it fails, the
// connection is not healthy afterwards.
func (c *conn) rollBack() {
	if c.broken || c.tx == outside {
		return
	}
	f := c.pg.Frontend()
	f.SendQuery(&pgproto3.Query{String: "ROLLBACK"})
	if err := f.Flush(); err != nil {
		c.broken = true
		return
	}
	_, _, _ = c.receive() // an error shows in the status of the transaction
}

// healthy says whether the connection can do another op.
func (c *conn) healthy() bool { return !c.broken && c.tx == outside && !c.pg.IsClosed() }

// cancel asks the server to stop what the connection is doing, and closes it.
func (c *conn) cancel() {
	ctx, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	if !c.pg.IsClosed() {
		_ = c.pg.CancelRequest(ctx) // the server may be gone
	}
	closeConn(ctx, c.pg)
}
