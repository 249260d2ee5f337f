package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// cannotConnectNow is the SQLSTATE of a server that is starting or stopping.
const cannotConnectNow = "57P03"

// awaitReady connects until the server answers, exits, or refuses for a reason
// that will not pass.
func (s *Server) awaitReady(ctx context.Context) error {
	for {
		err := s.describe(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w; last: %w%s", context.Cause(ctx), err, lastLines([]byte(s.LogTail()), 12))
		}
		if refusal := (*pgconn.PgError)(nil); errors.As(err, &refusal) && refusal.Code != cannotConnectNow {
			return fmt.Errorf("connect: %w%s", err, lastLines([]byte(s.LogTail()), 12))
		}
		select {
		case <-s.process.Done():
			cause := s.process.Wait()
			if cause == nil {
				cause = errors.New("exit status 0")
			}
			return fmt.Errorf("the server ended before it was ready: %w%s", cause, lastLines([]byte(s.LogTail()), 12))
		case <-time.After(pollEvery):
		case <-ctx.Done():
		}
	}
}

// describe connects and asks what a report has to say about the server.
func (s *Server) describe(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := conn.QueryRow(ctx, "show server_version").Scan(&s.version); err != nil {
		return err
	}
	rows, err := conn.Query(ctx, `select name, current_setting(name) from pg_settings where name in
		('fsync', 'synchronous_commit', 'full_page_writes', 'wal_level', 'shared_buffers', 'max_connections', 'data_checksums')`)
	if err != nil {
		return err
	}
	settings := map[string]string{}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		settings[name] = value
		return nil
	})
	s.settings = settings
	return err
}

// admitTCP sets the password that TCP asks for. Until then nobody gets in that
// way, since a role without a password fails SCRAM.
func (s *Server) admitTCP(ctx context.Context, port int) error {
	if !s.opts.TCP {
		return nil
	}
	password := rand.Text() // letters and digits
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "alter role "+superuser+" password '"+password+"'"); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	s.tcpDSN = (&url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}).String()
	return nil
}
