package wasmhost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/abi"
)

// sqlTarget is an instance's connection to the database of its session.
type sqlTarget struct {
	conn   *pgx.Conn
	target sdk.Target
	result int64 // bytes of an answer, at most
}

// wireShare is how many bytes of a row may come over the wire for each byte
// that an answer may have: a number of eight bytes may be one digit.
const wireShare = 8

// connectSQL opens a connection on which no message is read that could not be
// part of an answer of at most result bytes. One that is larger ends the
// connection, and the op after it opens another.
func connectSQL(ctx context.Context, t sdk.Target, result int64) (*sqlTarget, error) {
	s := &sqlTarget{target: t, result: result}
	return s, s.open(ctx)
}

func (s *sqlTarget) open(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.target.DSN)
	if err != nil {
		// What pgx says holds the address and the user, which are the host's to
		// know: it goes to the harness, and never to the guest.
		return sdk.TargetDown(s.target.Name, fmt.Errorf("connect: %w", err), "is the server up, and is its dsn in harness.yaml right?")
	}
	conn.PgConn().Frontend().SetMaxBodyLen(int(min(wireShare*s.result+smallMessage, math.MaxInt32)))
	s.conn = conn
	return nil
}

// smallMessage is room for what is no row: errors, descriptions of columns.
const smallMessage = 64 << 10

// goodbye is how long a connection has to be closed politely.
const goodbye = time.Second

func (s *sqlTarget) close() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbye)
	defer cancel()
	if s.conn != nil {
		_ = s.conn.Close(ctx) // it is dropped in any case
	}
}

// hostSQL is sql_query.
func (in *instance) hostSQL(stack []uint64) {
	query, bad := in.small("sql_query", stack[0], stack[1])
	if bad == 0 {
		var args, buf []byte
		var ok bool
		if args, bad = in.small("sql_query", stack[2], stack[3]); bad == 0 {
			if buf, ok = in.memory("sql_query", stack[4], stack[5]); ok {
				stack[0] = in.doSQL(string(query), args, buf)
				return
			}
			bad = abi.Fault
		}
	}
	stack[0] = code(bad)
}

func (in *instance) doSQL(query string, text, buf []byte) uint64 {
	if bad := in.mayCall("sql_query"); bad < 0 {
		return code(bad)
	}
	if in.sql == nil {
		return in.refuse(abi.Failed, "the benchmark has no target with a dsn")
	}
	args, err := arguments(text)
	if err != nil {
		return in.refuse(abi.Invalid, "the arguments are no JSON array: %v", err)
	}
	answer, err := in.rows(query, args)
	var refused *pgconn.PgError
	var long *pgproto3.ExceededMaxBodyLenErr
	switch {
	case in.ctx.Err() != nil:
		return in.refuse(abi.Stopped, "the time is over")
	case errors.Is(err, errTooLarge), errors.As(err, &long):
		in.note(abi.ClassLimit, "the database's answer has more than the limit of %d bytes for results", in.m.limits.Result)
		return in.refuse(abi.TooLarge, "the answer is too large")
	case errors.As(err, &refused):
		return in.refuse(abi.Failed, "%s (SQLSTATE %s)", refused.Message, refused.Code)
	case err != nil:
		return in.refuse(abi.Failed, "%s", netError(err))
	}
	return give(buf, answer)
}

// arguments reads a JSON array. Whole numbers are int64, others float64.
func arguments(text []byte) ([]any, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var args []any
	if err := d.Decode(&args); err != nil {
		return nil, err
	}
	for i, a := range args {
		n, ok := a.(json.Number)
		if !ok {
			continue
		}
		if whole, err := n.Int64(); err == nil {
			args[i] = whole
		} else if args[i], err = n.Float64(); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// rows runs a query and returns its rows as JSON, between the stamps of the op.
func (in *instance) rows(query string, args []any) ([]byte, error) {
	if in.sql.conn.IsClosed() {
		if err := in.sql.open(in.ctx); err != nil {
			return nil, errors.New("the database cannot be reached any more") // the address is the host's to know
		}
	}
	defer in.stamps()()
	rows, err := in.sql.conn.Query(in.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []byte{'['}
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return nil, err
		}
		row, err := json.Marshal(values)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		if out = append(out, row...); int64(len(out)) >= in.m.limits.Result {
			return nil, errTooLarge
		}
	}
	return append(out, ']'), rows.Err()
}
