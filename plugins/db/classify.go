package db

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

// Classes of failed ops.
const (
	classSerialization = "serialization_failure"
	classDeadlock      = "deadlock"
	classConnection    = "connection"
	classTimeout       = "timeout"
	classWrongRows     = "wrong_rows"
)

// classify puts an op's error into a class by its SQLSTATE, or by what broke
// where the server said nothing. An error that has a class keeps it, and one of
// the op's context is left for the loop to tell.
func classify(err error) error {
	switch {
	case err == nil, sdk.Class(err) != sdk.ClassUnclassified, errors.Is(err, context.Canceled):
		return err
	}
	return sdk.Classify(classOf(err), err)
}

func classOf(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var n net.Error
		if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout() {
			return classTimeout
		}
		return classConnection
	}
	switch {
	case pg.Code == "40001":
		return classSerialization
	case pg.Code == "40P01":
		return classDeadlock
	case pg.Code == "57014", pg.Code == "55P03":
		return classTimeout // statement_timeout, lock_timeout
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"):
		return classConnection // lost, or the server is going down or coming up
	}
	return "sqlstate_" + pg.Code
}
