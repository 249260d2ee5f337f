// Package db measures PostgreSQL: pgbench's three scripts with pgbench's own
// statements, tables and protocols, bulk loads by COPY, and transactions that
// conflict and are retried.
//
// Every session works in a schema of its own, which it journals before it
// makes it and drops at its end. Nothing outside that schema is read or
// written, and no setting of the server is changed. Each session loads its own
// data, so that a result does not depend on what ran before it.
//
// The package is not a copy of pgbench: it draws keys uniformly, runs no
// scripts but the built-in ones, and leaves load, clocks and percentiles to the
// loop that every benchmark shares. It does not tune a server, and it starts
// none.
package db
