package db

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/benchharness/harness/sdk"
)

// schemaKind is the kind of our journalled objects.
const schemaKind = "schema"

// schemaPattern is how our schemas are named. Nothing else is ever dropped.
var schemaPattern = regexp.MustCompile(`^harness_[a-z0-9_]{1,40}_[0-9a-f]{12}$`)

// schemaName makes a name that no other session has: the same benchmark may be
// prepared twice in one run, and --no-cleanup leaves the first schema in place.
func schemaName(runID string) string {
	run := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(runID))
	if run == "" {
		run = "run"
	}
	if len(run) > 40 {
		run = run[:40]
	}
	var unique [6]byte
	_, _ = rand.Read(unique[:]) // never fails: the process ends instead
	return "harness_" + run + "_" + hex.EncodeToString(unique[:])
}

// quoted is a schema's name in SQL. Names that match schemaPattern hold no
// quotes.
func quoted(schema string) string { return `"` + schema + `"` }

// createSchema journals a new schema, makes it and puts it first in the
// connection's search path.
func createSchema(ctx context.Context, c *pgconn.PgConn, t *target, r sdk.SetupRequest) (string, error) {
	name := schemaName(r.RunID)
	if err := r.Journal.Record(schemaObject(t, name)); err != nil {
		return "", fmt.Errorf("journal schema %s: %w", name, err)
	}
	if err := run(ctx, c, "CREATE SCHEMA "+quoted(name), useSchema(name)); err != nil {
		// It may exist all the same, when the answer was lost.
		return "", errors.Join(fmt.Errorf("create schema %s: %w", name, t.down(ctx, err)), dropSchema(ctx, t, r.Journal, name))
	}
	return name, nil
}

func schemaObject(t *target, name string) sdk.Object {
	return sdk.Object{Kind: schemaKind, Name: name, Attrs: map[string]string{
		"address": address(t.config), "database": t.config.Database,
	}}
}

func useSchema(name string) string { return "SET search_path TO " + quoted(name) }

// dropSchema drops a schema over a connection of its own and forgets it. It
// does so when ctx has ended too, within 30 s.
func dropSchema(ctx context.Context, t *target, j sdk.Journal, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	c, err := t.connect(ctx)
	if err == nil {
		defer closeConn(ctx, c)
		err = drop(ctx, c, name)
	}
	if err != nil {
		return fmt.Errorf("drop schema %s: %w; it stays in the journal, and `harness clean` will drop it", name, err)
	}
	if err := j.Forget(schemaObject(t, name)); err != nil {
		return fmt.Errorf("forget schema %s: %w", name, err)
	}
	return nil
}

func drop(ctx context.Context, c *pgconn.PgConn, name string) error {
	if !schemaPattern.MatchString(name) {
		return fmt.Errorf("schema %q is not one of harness's: left alone", name)
	}
	// Without the first line the notice of every table that goes along is sent.
	return run(ctx, c, "SET client_min_messages TO warning", "DROP SCHEMA IF EXISTS "+quoted(name)+" CASCADE")
}

// run does statements one by one.
func run(ctx context.Context, c *pgconn.PgConn, statements ...string) error {
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql).ReadAll(); err != nil {
			return err
		}
	}
	return nil
}

// clean drops the schemas that a dead process of this plugin left behind.
func clean(ctx context.Context, r sdk.CleanRequest) error {
	if len(r.Objects) == 0 {
		return nil
	}
	t, err := parseTarget(r.Target, 0)
	if err != nil {
		return err
	}
	var names []string
	for _, o := range r.Objects {
		if o.Kind != schemaKind || !schemaPattern.MatchString(o.Name) {
			return fmt.Errorf("clean %s: %s %q is not a schema that harness made: nothing was dropped", t.label, o.Kind, o.Name)
		}
		// Dropping nothing on another server would look like success.
		for attr, now := range schemaObject(t, o.Name).Attrs {
			if was, ok := o.Attrs[attr]; ok && was != now {
				return fmt.Errorf("clean %s: schema %s was made at %s %s, and the target is at %s now: nothing was dropped; name the old target, or drop the schema by hand",
					t.label, o.Name, attr, was, now)
			}
		}
		names = append(names, o.Name)
	}
	c, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer closeConn(ctx, c)
	var errs []error
	for _, name := range names {
		if err := drop(ctx, c, name); err != nil {
			errs = append(errs, fmt.Errorf("clean %s: drop schema %s: %w", t.label, name, err))
		}
	}
	return errors.Join(errs...)
}
