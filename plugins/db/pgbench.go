package db

import (
	"context"
	"fmt"
	"strconv"

	"github.com/benchharness/harness/sdk"
)

// Scripts, as pgbench's -b names them but for the hyphens.
const (
	selectOnly   = "select_only"
	simpleUpdate = "simple_update"
	tpcbLike     = "tpcb_like"
)

// The largest scale whose account ids are int, as pgbench has it.
const largestScale = 19_999

type pgbenchParams struct {
	Script     string `json:"script" doc:"Built-in script of pgbench." enum:"select_only,simple_update,tpcb_like"`
	Scale      int    `json:"scale" doc:"Scale factor: 100,000 accounts, 10 tellers and 1 branch each. At scale 1 every tpcb_like transaction updates the same branch; use at least the number of users to measure more than that lock." min:"1" max:"19999"`
	Protocol   string `json:"protocol" doc:"prepared parses each statement once per connection, extended every time, simple sends the values in the text." enum:"prepared,simple,extended"`
	Pool       int    `json:"pool" doc:"Connections; 0 is one for each concurrent user. With fewer than users, the time until one is free shows as wait." min:"0" max:"100000"`
	Threads    int    `json:"threads" doc:"Threads of the client that run at a time in a closed round, as pgbench's -j; 0 is half of the CPUs where the server is on this machine, else all." min:"0" max:"1024"`
	Statements *bool  `json:"statements" doc:"Record the mean time of each statement; by default for scripts of more than one."`
}

func pgbenchBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:    "pgbench",
		Doc:     "pgbench's built-in scripts: the same SQL, tables, scale and protocols, keys drawn uniformly.",
		Params:  sdk.ParamsOf(pgbenchParams{Script: tpcbLike, Scale: 1, Protocol: prepared}),
		Metrics: statementMetrics(),
		Target:  sdk.TargetPostgres,
		Presets: []sdk.Preset{
			{Name: selectOnly, Doc: "One account's balance by primary key.", With: map[string]any{"script": selectOnly}},
			{Name: simpleUpdate, Doc: "Update and read one account, append to the history.", With: map[string]any{"script": simpleUpdate}},
			{Name: tpcbLike, Doc: "Five statements on four tables in one transaction.", With: map[string]any{"script": tpcbLike}},
			{Name: "select_only_simple", Doc: "One account's balance, parsed and planned each time.", With: map[string]any{"script": selectOnly, "protocol": simple}},
		},
		Load:  sdk.LoadHint{CountedBy: "operations"},
		Setup: setupPgbench,
	}
}

// The variables of the scripts, in the order in which they are drawn.
var scriptVariables = []string{"aid", "bid", "tid", "delta"}

// The statements of the scripts, in pgbench's words.
var (
	begin          = scriptStatement("begin", 0, "BEGIN")
	updateAccounts = scriptStatement("update_accounts", 1, "UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid")
	selectAccounts = scriptStatement("select", 1, "SELECT abalance FROM pgbench_accounts WHERE aid = :aid")
	updateTellers  = scriptStatement("update_tellers", 1, "UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid")
	updateBranches = scriptStatement("update_branches", 1, "UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid")
	insertHistory  = scriptStatement("insert_history", 1, "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP)")
	end            = scriptStatement("end", 0, "END")
)

func scriptStatement(what string, rows int64, text string) statement {
	return newStatement("stmt_"+what+"_seconds", rows, text+";", scriptVariables...)
}

// scripts are the statements of each script; none is sent together with another.
var scripts = map[string][]statement{
	selectOnly:   {selectAccounts},
	simpleUpdate: {begin, updateAccounts, selectAccounts, insertHistory, end},
	tpcbLike:     {begin, updateAccounts, selectAccounts, updateTellers, updateBranches, insertHistory, end},
}

func statementMetrics() []sdk.Metric {
	var out []sdk.Metric
	for _, s := range scripts[tpcbLike] {
		out = append(out, sdk.Metric{Name: s.metric, Unit: "s", Doc: "Mean time of " + s.sql + " from send to answer."})
	}
	return out
}

func setupPgbench(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	var p pgbenchParams
	if err := r.Params.Decode(&p); err != nil {
		return nil, err
	}
	script, ok := scripts[p.Script]
	switch {
	case !ok:
		return nil, sdk.BadParam("script", "is %q, want %s, %s or %s", p.Script, selectOnly, simpleUpdate, tpcbLike)
	case p.Scale < 1 || p.Scale > largestScale:
		return nil, sdk.BadParam("scale", "is %d, want 1 to %d", p.Scale, largestScale)
	case p.Protocol != prepared && p.Protocol != simple && p.Protocol != extended:
		return nil, sdk.BadParam("protocol", "is %q, want %s, %s or %s", p.Protocol, prepared, simple, extended)
	case p.Threads < 0 || p.Threads > 1024:
		return nil, sdk.BadParam("threads", "is %d, want 0 to 1024", p.Threads)
	case p.Pool < 0:
		return nil, sdk.BadParam("pool", "is %d, want 0 or more", p.Pool)
	}
	timed := len(script) > 1
	if p.Statements != nil {
		timed = *p.Statements
	}
	return newSession(ctx, r, p.Pool, workload{
		protocol: p.Protocol, statements: script, threads: p.Threads,
		load:   pgbenchLoader(p.Scale).load,
		newJob: func(int) job { return newScriptJob(script, p.Scale, timed) },
		provenance: map[string]string{
			"script": p.Script, "scale": strconv.Itoa(p.Scale),
			"data": fmt.Sprintf("pgbench tables, %d accounts", p.Scale*accountsPerScale),
		},
		// Timing the statements does not change them, so it is not part of the work.
		digest: digest("pgbench", r.Seed, p.Script, p.Scale, p.Protocol, p.Pool),
	})
}
