package db

import "github.com/benchharness/harness/sdk"

func init() { sdk.Register(Plugin()) }

// Version is the plugin's version.
const Version = "0.1.0"

// Plugin returns the declaration of plugin db.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "db",
		Version: Version,
		Doc:     "Queries and transactions on PostgreSQL: pgbench's scripts, bulk loads, and transactions with retries.",
		Table: sdk.Table{
			Title:   "Database",
			Subject: "Workload",
			Columns: []sdk.Column{
				{Title: "Avg", Metric: "latency_mean"},
				{Title: "P95", Metric: "latency_p95"},
				{Title: "Throughput", Metric: "throughput"},
				{Title: "Success rate", Metric: "success_ratio"},
				{Title: "Retries", Metric: retriesMetric},
			},
		},
		Benchmarks: []sdk.Benchmark{pgbenchBenchmark(), bulkBenchmark(), transactionsBenchmark()},
		Clean:      clean,
	}
}
