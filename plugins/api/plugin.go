package api

import "github.com/benchharness/harness/sdk"

func init() { sdk.Register(Plugin()) }

// Version is the plugin's version.
const Version = "0.1.0"

// Plugin returns the declaration of plugin api.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "api",
		Version: Version,
		Doc:     "Endpoints of a service over HTTP, GraphQL and gRPC.",
		Table: sdk.Table{
			Title:   "API",
			Subject: "Endpoint",
			Columns: []sdk.Column{
				{Title: "Avg", Metric: "latency_mean"},
				{Title: "P95", Metric: "latency_p95"},
				{Title: "RPS", Metric: "throughput"},
				{Title: "Success rate", Metric: "success_ratio"},
			},
		},
		Benchmarks: []sdk.Benchmark{httpBenchmark(), graphqlBenchmark(), grpcBenchmark()},
	}
}

// The texts that the presets search for and embed: enough of them that no
// cache of one answer serves the run.
func presetRows() []map[string]any {
	texts := []string{
		"how do I rotate the signing keys",
		"delivery times for orders from overseas",
		"what changed in the last release",
		"a refund for a broken item",
		"set up two factor authentication",
		"export every invoice of last year",
		"the service answers slowly at night",
		"merge two accounts of one customer",
	}
	rows := make([]map[string]any, len(texts))
	for i, t := range texts {
		rows[i] = map[string]any{"text": t}
	}
	return rows
}

const presetCollection = "minilm_general"
