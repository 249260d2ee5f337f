package db

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

// target is the server and how to reach it.
type target struct {
	config  *pgconn.Config
	label   string // name, address and database, without secrets
	timeout time.Duration
}

// longestConnect bounds one attempt to connect where the op's time limit does
// not.
const longestConnect = 10 * time.Second

func parseTarget(t sdk.Target, timeout time.Duration) (*target, error) {
	name := t.Name
	if name == "" {
		name = "postgres"
	}
	if t.DSN == "" {
		return nil, sdk.TargetDown(name, errors.New("it has no connection string"), "set its dsn")
	}
	config, err := pgconn.ParseConfig(t.DSN)
	if err != nil {
		// The parser's message may quote the string, with the password in it.
		return nil, sdk.TargetDown(name, errors.New("its connection string is malformed"),
			"write dsn: postgres://user:password@host:5432/database, with special characters percent-encoded")
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "harness"
	}
	config.DialFunc = dialTurns(config.DialFunc)
	if timeout <= 0 || timeout > longestConnect {
		timeout = longestConnect
	}
	if config.ConnectTimeout == 0 || config.ConnectTimeout > timeout {
		config.ConnectTimeout = timeout
	}
	return &target{
		config:  config,
		label:   fmt.Sprintf("%s (%s, database %s)", name, address(config), config.Database),
		timeout: timeout,
	}, nil
}

func address(c *pgconn.Config) string {
	if strings.HasPrefix(c.Host, "/") {
		return c.Host
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// connect opens a connection for preparing and cleaning up. Its errors say what
// a person can do.
func (t *target) connect(ctx context.Context) (*pgconn.PgConn, error) {
	c, err := pgconn.ConnectConfig(ctx, t.config)
	if err != nil {
		return nil, t.down(ctx, err)
	}
	return c, nil
}

// down makes an error of the target out of one that happened on it. What failed
// because ctx ended is not the target's.
func (t *target) down(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return interrupted(ctx, err)
	}
	var pg *pgconn.PgError
	known := errors.As(err, &pg)
	err = lastAttempt(err)
	if !known {
		return sdk.TargetDown(t.label, fmt.Errorf("no connection: %w", err), "start the server, or correct the target's dsn")
	}
	switch pg.Code {
	case "28P01", "28000":
		return sdk.TargetDown(t.label, fmt.Errorf("authentication refused: %w", err), "correct user and password in the target's dsn")
	case "3D000":
		return sdk.TargetDown(t.label, err, "create the database, or name another in the target's dsn")
	case "53300":
		return sdk.TargetDown(t.label, fmt.Errorf("too many connections: %w", err), connectionsRemedy)
	case "42501":
		return sdk.TargetDown(t.label, err, "grant the user CREATE on the database: every benchmark makes a schema of its own")
	}
	return sdk.TargetDown(t.label, err, "")
}

// lastAttempt is how the last of the attempts to connect ended. pgx makes one
// with and one without TLS for each address, and tells all of them.
func lastAttempt(err error) error {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return err
	}
	attempts, ok := connect.Unwrap().(interface{ Unwrap() []error })
	if !ok || len(attempts.Unwrap()) == 0 {
		return err
	}
	return attempts.Unwrap()[len(attempts.Unwrap())-1]
}

const connectionsRemedy = "lower --concurrent-users, set the parameter pool, or raise the server's max_connections"

// capacity checks that the server admits n connections beside those it has, not
// counting c, which is closed before they are opened. It waits a moment for
// those that others have just closed: their backends take a while to go.
func (t *target) capacity(ctx context.Context, c *pgconn.PgConn, n int) error {
	const patience, pollEvery = 2 * time.Second, 50 * time.Millisecond
	for deadline := time.Now().Add(patience); ; {
		free, limit, err := freeConnections(ctx, c)
		if err != nil {
			return fmt.Errorf("count the connections of %s: %w", t.label, err)
		}
		if free >= n {
			return nil
		}
		if limit < n || time.Now().After(deadline) {
			return sdk.TargetDown(t.label, fmt.Errorf("%d connections are wanted and %d are free (max_connections is %d)", n, max(free, 0), limit), connectionsRemedy)
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// freeConnections counts what the server still admits, as if c were closed, and
// returns max_connections with it. What kind of backend another user's is may be
// hidden from us; then it counts.
func freeConnections(ctx context.Context, c *pgconn.PgConn) (free, limit int, err error) {
	row, err := queryRow(ctx, c, `SELECT current_setting('max_connections')::int
		- CASE WHEN current_setting('is_superuser') = 'on' THEN 0 ELSE current_setting('superuser_reserved_connections')::int END
		- (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL AND pid <> pg_backend_pid()
			AND coalesce(backend_type, 'client backend') = 'client backend'),
		current_setting('max_connections')`)
	if err != nil {
		return 0, 0, err
	}
	if free, err = strconv.Atoi(row[0]); err != nil {
		return 0, 0, err
	}
	limit, err = strconv.Atoi(row[1])
	return free, limit, err
}

// provenance says what the server is and under which of the settings that
// decide what a figure means.
func (t *target) provenance(ctx context.Context, c *pgconn.PgConn) (map[string]string, error) {
	settings := []string{"server_version", "fsync", "synchronous_commit", "shared_buffers", "max_connections"}
	p := map[string]string{"engine": "PostgreSQL", "client": "pgx/v5 pgconn"}
	for _, name := range settings {
		row, err := queryRow(ctx, c, "SHOW "+name)
		if err != nil {
			return nil, fmt.Errorf("show %s of %s: %w", name, t.label, err)
		}
		p[name] = row[0]
	}
	return p, nil
}

// queryRow returns the one row of a query, as text.
func queryRow(ctx context.Context, c *pgconn.PgConn, sql string) ([]string, error) {
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return nil, fmt.Errorf("%q did not give one row", sql)
	}
	var row []string
	for _, v := range results[0].Rows[0] {
		row = append(row, string(v))
	}
	return row, nil
}

// closeConn ends a connection, with what is left of it in the background.
func closeConn(ctx context.Context, c *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = c.Close(ctx) // nothing to lose: every transaction has ended
	select {
	case <-c.CleanupDone():
	case <-ctx.Done():
	}
}
