package db

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// workDone is what a preset leaves in its tables after n ops.
var workDone = map[string]struct{ query, want string }{
	"select_only":        {"SELECT count(*), sum(abs(abalance)) FROM pgbench_accounts", "100000|0"},
	"select_only_simple": {"SELECT count(*), sum(abs(abalance)) FROM pgbench_accounts", "100000|0"},
	"simple_update":      {"SELECT count(*), count(DISTINCT aid) > 1 FROM pgbench_history", "40|t"},
	"tpcb_like":          {"SELECT count(*), count(DISTINCT tid) > 1 FROM pgbench_history", "40|t"},
	"bulk_load":          {"SELECT count(*), count(DISTINCT id) FROM bulk_rows", "40000|40000"},
	"transactions":       {"SELECT count(*), sum(balance) FROM txn_accounts", "1000|1000000"},
}

func TestEveryPresetWorksAndLeavesNothing(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, b := range Plugin().Benchmarks {
		presets := b.Presets
		if len(presets) == 0 {
			presets = []sdk.Preset{{Name: b.Name}}
		}
		for _, preset := range presets {
			t.Run(preset.Name, func(t *testing.T) {
				x := prepare(t, b.Name, dsn, preset.With)
				x.allOK(4, 40)
				done := workDone[preset.Name]
				if got := x.sql(done.query); len(got) != 1 || got[0] != done.want {
					t.Errorf("%s gives %q, want %q", done.query, got, done.want)
				}
				schema := x.session.schema
				x.close()
				if left := schemas(t, dsn); slices.Contains(left, schema) {
					t.Errorf("schemas %q are left, with %s", left, schema)
				}
				want := []string{"record schema " + schema, "forget schema " + schema}
				if !slices.Equal(x.book.events, want) {
					t.Errorf("journal saw %q, want %q", x.book.events, want)
				}
			})
		}
	}
}

// lines are the SQL lines of `pgbench --show-script`.
func lines(shown string) []string {
	var out []string
	for line := range strings.Lines(shown) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, `\`) {
			out = append(out, line)
		}
	}
	return out
}

func TestStatementsAreThoseOfPgbench(t *testing.T) {
	for name, script := range scripts {
		out, err := exec.CommandContext(t.Context(), pgbenchProgram(t), "--show-script="+strings.ReplaceAll(name, "_", "-")).CombinedOutput()
		if err != nil {
			t.Fatalf("pgbench --show-script: %v\n%s", err, out)
		}
		// With the variables for values, the text of the simple protocol is the script.
		names := [][]byte{[]byte(":aid"), []byte(":bid"), []byte(":tid"), []byte(":delta")}
		var got []string
		for _, s := range script {
			got = append(got, string(s.appendText(nil, names)))
		}
		if want := lines(string(out)); !slices.Equal(got, want) {
			t.Errorf("%s is\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestTablesAreThoseOfPgbench(t *testing.T) {
	const scale = 2
	server := sharedServer(t)
	pgbench(t, "-i", "-q", "-s", strconv.Itoa(scale), server.DSN())
	x := prepare(t, "pgbench", server.DSN(), map[string]any{"scale": scale})
	for what, query := range map[string]string{
		"columns": `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, c.reloptions
			FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
			WHERE c.relnamespace = '%[1]s'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 ORDER BY c.relname, a.attnum`,
		"indexes": `SELECT replace(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = '%[1]s' ORDER BY 1`,
		"pages": `SELECT relname, relkind, relpages, relallvisible FROM pg_class WHERE relnamespace = '%[1]s'::regnamespace
			AND relkind IN ('r', 'i') ORDER BY 1`,
		"accounts": `SELECT count(*), sum(aid::bigint), sum(aid::bigint * bid), sum(abalance), min(length(filler)), count(filler) FROM %[1]s.pgbench_accounts`,
		"tellers":  `SELECT count(*), sum(tid * bid), sum(tbalance), count(filler) FROM %[1]s.pgbench_tellers`,
		"branches": `SELECT count(*), sum(bid), sum(bbalance), count(filler) FROM %[1]s.pgbench_branches`,
	} {
		got, want := x.sql(fmt.Sprintf(query, x.session.schema)), x.sql(fmt.Sprintf(query, "public"))
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s are\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestBalancesAgreeWithTheHistoryUnderEveryProtocol(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, protocol := range []string{prepared, extended, simple} {
		t.Run(protocol, func(t *testing.T) {
			x := prepare(t, "pgbench", dsn, map[string]any{"script": tpcbLike, "protocol": protocol})
			const ops = 200
			res := x.allOK(4, ops)
			got := x.sql(`SELECT (SELECT sum(abalance) FROM pgbench_accounts) = sum(delta), (SELECT sum(tbalance) FROM pgbench_tellers) = sum(delta),
				(SELECT sum(bbalance) FROM pgbench_branches) = sum(delta), count(*), count(DISTINCT aid) > 190, min(delta) < -3000, max(delta) > 3000,
				count(DISTINCT tid), bool_and(mtime > now() - interval '1 hour') FROM pgbench_history`)
			if want := "t|t|t|200|t|t|t|10|t"; len(got) != 1 || got[0] != want {
				t.Errorf("balances and history are %q, want %q", got, want)
			}
			for _, s := range scripts[tpcbLike] {
				i := slices.IndexFunc(statementMetrics(), func(m sdk.Metric) bool { return m.Name == s.metric })
				v := res.Values[s.metric]
				if i < 0 || v.Count != ops || v.Min <= 0 || v.Max > 20 {
					t.Errorf("%s has values %+v, want %d of at most 20 s", s.metric, v, ops)
				}
			}
		})
	}
}

func TestStatementTimesAreRecordedWhenAskedFor(t *testing.T) {
	dsn := sharedServer(t).DSN()
	for _, c := range []struct {
		name string
		with map[string]any
		want int
	}{
		{"not for one statement", map[string]any{"script": selectOnly}, 0},
		{"for one when asked", map[string]any{"script": selectOnly, "statements": true}, 1},
		{"for each of several", map[string]any{"script": simpleUpdate}, 5},
		{"not when asked not to", map[string]any{"script": simpleUpdate, "statements": false}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := prepare(t, "pgbench", dsn, c.with)
			if got := x.allOK(1, 3).Values; len(nonEmpty(got)) != c.want {
				t.Errorf("values are %v, want %d metrics", got, c.want)
			}
		})
	}
}

func nonEmpty(values map[string]loop.Value) []string {
	var out []string
	for name, v := range values {
		if v.Count > 0 {
			out = append(out, name)
		}
	}
	return out
}

func TestADescriptionSaysWhatIsMeasured(t *testing.T) {
	dsn := sharedServer(t).DSN()
	with := map[string]any{"script": selectOnly, "protocol": extended, "pool": 2}
	x := prepare(t, "pgbench", dsn, with)
	info := x.session.Describe()
	for key, want := range map[string]string{
		"engine": "PostgreSQL", "protocol": "extended", "scale": "1", "script": selectOnly, "pool": "2 connections",
		"fsync": "on", "synchronous_commit": "on", "shared_buffers": "128MB", "max_connections": "100", "server_version": sharedServer(t).Version(),
	} {
		if got := info.Provenance[key]; got != want {
			t.Errorf("provenance %s is %q, want %q", key, got, want)
		}
	}
	var names []string
	for _, f := range info.Figures {
		names = append(names, f.Name)
		if f.Value <= 0 || f.Unit != "s" {
			t.Errorf("figure %+v, want seconds above 0", f)
		}
	}
	if !slices.Equal(names, []string{"load_seconds", "index_seconds"}) {
		t.Errorf("figures are %q", names)
	}
	again := prepare(t, "pgbench", dsn, with).session.Describe().WorkloadDigest
	if again != info.WorkloadDigest {
		t.Errorf("the same work has digests %s and %s", info.WorkloadDigest, again)
	}
	for change, value := range map[string]any{"script": simpleUpdate, "protocol": prepared, "pool": 1} {
		other := map[string]any{"script": selectOnly, "protocol": extended, "pool": 2, change: value}
		if prepare(t, "pgbench", dsn, other).session.Describe().WorkloadDigest == info.WorkloadDigest {
			t.Errorf("another %s has the same digest", change)
		}
	}
	seeded := prepare(t, "pgbench", dsn, with, func(r *sdk.SetupRequest) { r.Seed++ })
	if seeded.session.Describe().WorkloadDigest == info.WorkloadDigest {
		t.Error("another seed has the same digest")
	}
}

func TestAPoolSmallerThanItsUsersMakesThemWait(t *testing.T) {
	dsn := sharedServer(t).DSN()
	x := prepare(t, "pgbench", dsn, map[string]any{"script": tpcbLike, "pool": 2}, func(r *sdk.SetupRequest) { r.MaxWorkers = 8 })
	res := x.allOK(8, 200)
	open := x.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'harness' AND pid <> pg_backend_pid()")
	if open[0] != "2" {
		t.Errorf("%s connections are open, want 2", open[0])
	}
	// Six of eight users wait at any time, so most of a response is waiting.
	if wait, service := res.Clocks.Wait.Mean(), res.Clocks.Service.Mean(); wait < service {
		t.Errorf("mean wait is %v and service %v, want more waiting", time.Duration(wait), time.Duration(service))
	}
	alone := prepare(t, "pgbench", dsn, map[string]any{"script": selectOnly})
	if wait := alone.allOK(4, 200).Clocks.Wait.Max(); wait != 0 {
		t.Errorf("with connections of their own users wait up to %v", time.Duration(wait))
	}
}

func TestParametersAreChecked(t *testing.T) {
	for _, c := range []struct {
		benchmark, param string
		value            any
	}{
		{"pgbench", "script", "tpcc"}, {"pgbench", "scale", 0}, {"pgbench", "scale", largestScale + 1}, {"pgbench", "protocol", "binary"},
		{"pgbench", "pool", -1}, {"bulk_load", "rows", 0}, {"bulk_load", "table_rows", 10},
		{"transactions", "accounts", 1}, {"transactions", "isolation", "chaos"}, {"transactions", "max_retries", -1},
	} {
		t.Run(fmt.Sprintf("%s %s=%v", c.benchmark, c.param, c.value), func(t *testing.T) {
			b := benchmark(t, c.benchmark)
			r, _ := request(t, b, "", nil)
			r.Params[c.param] = fmt.Appendf(nil, "%#v", c.value)
			_, err := b.Setup(t.Context(), r)
			if p, ok := err.(*sdk.ParamError); !ok || p.Param != c.param {
				t.Errorf("got %v, want an error of parameter %s", err, c.param)
			}
		})
	}
}
