package db

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

// workload is what a benchmark does with the connections of a session.
type workload struct {
	protocol   string
	threads    int // as asked; 0 leaves it to the session
	statements []statement
	// load makes the tables, over a connection whose search path is the
	// session's schema. It returns what it measured.
	load func(ctx context.Context, c *pgconn.PgConn) ([]sdk.Figure, error)
	// newJob makes what one worker keeps between ops.
	newJob     func(worker int) job
	provenance map[string]string
	digest     string
}

// job does one worker's ops.
type job interface {
	do(c *conn, op *sdk.Op) error
}

// slot is a place for one connection, which is nil before the first op and
// after it broke.
type slot struct{ conn *conn }

// session is a loaded schema and the connections that work in it.
type session struct {
	workload
	request sdk.SetupRequest
	target  *target
	schema  string
	pool    int
	threads int // of closed rounds
	info    sdk.SessionInfo
	idle    chan *slot // of a pool; nil where every worker has a slot of its own

	mu      sync.Mutex
	slots   []*slot
	guards  []*guard
	closing sync.WaitGroup // connections that broke
}

// newSession prepares a schema. pool is the number of connections, 0 for one
// for each worker.
func newSession(ctx context.Context, r sdk.SetupRequest, pool int, w workload) (sdk.Session, error) {
	t, err := parseTarget(r.Target, r.Timeout)
	if err != nil {
		return nil, err
	}
	s := &session{workload: w, request: r, target: t, pool: max(r.MaxWorkers, 1), threads: threadsFor(w.threads, t.config)}
	if pool > 0 && pool < s.pool {
		s.pool = pool
		s.idle = make(chan *slot, pool)
	}
	c, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer closeConn(ctx, c)
	if err := t.capacity(ctx, c, s.pool); err != nil {
		return nil, err
	}
	s.info.Provenance, err = t.provenance(ctx, c)
	if err != nil {
		return nil, err
	}
	s.info.Provenance["protocol"] = w.protocol
	s.info.Provenance["pool"] = s.poolText()
	s.info.Provenance["threads"] = strconv.Itoa(s.threads) + " in closed rounds"
	maps.Copy(s.info.Provenance, w.provenance)
	s.info.WorkloadDigest = w.digest
	if s.schema, err = createSchema(ctx, c, t, r); err != nil {
		return nil, err
	}
	if s.info.Figures, err = w.load(ctx, c); err != nil {
		if ctx.Err() != nil {
			err = interrupted(ctx, err)
		}
		closeConn(ctx, c) // its transaction may still hold the tables
		return nil, errors.Join(fmt.Errorf("load schema %s of %s: %w", s.schema, t.label, err), dropSchema(ctx, t, r.Journal, s.schema))
	}
	return s, nil
}

func (s *session) poolText() string {
	if s.idle == nil {
		return "one connection for each worker"
	}
	return fmt.Sprintf("%d connections", s.pool)
}

func (s *session) Describe() sdk.SessionInfo { return s.info }

// Worker opens the worker's connection, or, of a pool, the next one.
func (s *session) Worker(ctx context.Context, n int) (sdk.Worker, error) {
	w := &worker{session: s, job: s.newJob(n)}
	if s.idle == nil || n < s.pool {
		own := &slot{}
		var err error
		if own.conn, err = open(ctx, s.target, s.schema, s.protocol, s.statements); err != nil {
			return nil, s.target.down(ctx, err)
		}
		if s.idle == nil {
			w.own = own
		} else {
			s.idle <- own
		}
		s.mu.Lock()
		s.slots = append(s.slots, own)
		s.mu.Unlock()
	}
	s.mu.Lock()
	s.guards = append(s.guards, &w.guard)
	s.mu.Unlock()
	return w, nil
}

// Close ends the connections and drops the schema. Every worker has returned.
func (s *session) Close(ctx context.Context) error {
	for _, g := range s.guards {
		g.close()
	}
	for _, own := range s.slots {
		if own.conn != nil {
			closeConn(ctx, own.conn.pg)
		}
	}
	s.closing.Wait()
	if s.request.KeepData {
		s.request.Log.Info("kept", "schema", s.schema, "target", s.target.label)
		return nil
	}
	return dropSchema(ctx, s.target, s.request.Journal, s.schema)
}

// discard ends a broken connection in the background: the server may still be
// busy with its last statement, and is asked to stop.
func (s *session) discard(own *slot) {
	s.closing.Go(own.conn.cancel)
	own.conn = nil
}

// worker does ops over its own connection or over one of the pool's.
type worker struct {
	*session
	job   job
	own   *slot
	guard guard
}

// Do does one op. The op is sent when it has a connection; until then it
// waits, for one of the pool or for a new one in place of one that broke.
func (w *worker) Do(ctx context.Context, op *sdk.Op) error {
	own := w.own
	if own == nil {
		select {
		case own = <-w.idle:
		case <-ctx.Done():
			return fmt.Errorf("wait for one of %d connections: %w", w.pool, context.Cause(ctx))
		}
		defer func() { w.idle <- own }()
	}
	if own.conn == nil {
		var err error
		if own.conn, err = open(ctx, w.target, w.schema, w.protocol, w.statements); err != nil {
			return ended(ctx, fmt.Errorf("connect anew: %w", err))
		}
		op.Sent()
	} else if w.own == nil {
		op.Sent()
	}
	return w.do(ctx, own, op)
}

func (w *worker) do(ctx context.Context, own *slot, op *sdk.Op) error {
	err := w.guard.begin(ctx, own.conn.pg.Conn())
	if err == nil {
		if err = w.job.do(own.conn, op); err != nil {
			own.conn.rollBack()
		}
	}
	if w.guard.end() || !own.conn.healthy() {
		w.discard(own)
	}
	if err == nil {
		return nil
	}
	return ended(ctx, err)
}

// ended gives an op's error its class, or, where the op's context has ended,
// the reason for that.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return interrupted(ctx, err)
	}
	return classify(err)
}

// interrupted is an error that happened because ctx ended: what a connection
// says when it is interrupted does not tell.
func interrupted(ctx context.Context, err error) error {
	return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
}

// seconds is a figure of a duration.
func seconds(name string, d time.Duration) sdk.Figure {
	return sdk.Figure{Name: name, Unit: "s", Value: d.Seconds()}
}
