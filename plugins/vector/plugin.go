package vector

import "github.com/benchharness/harness/sdk"

func init() { sdk.Register(Plugin()) }

// Names of the metrics that ops record.
const (
	metricRecall  = "recall"
	metricQueries = "queries"
)

// Plugin describes the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "vector",
		Version: "0.1.0",
		Doc:     "Nearest-neighbour search over Qdrant's gRPC protocol, with recall against exact answers.",
		Table: sdk.Table{
			Title:   "Vector search",
			Subject: "Collection",
			Columns: []sdk.Column{
				{Title: "Avg", Metric: "latency_mean"},
				{Title: "P95", Metric: "latency_p95"},
				{Title: "Throughput", Metric: "throughput"},
				{Title: "Accuracy", Metric: metricRecall},
			},
		},
		Benchmarks: []sdk.Benchmark{searchBenchmark()},
		Clean:      clean,
	}
}

func searchBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:   "search",
		Doc:    "One nearest-neighbour query, its answer checked, recall computed.",
		Params: sdk.ParamsOf(defaults()),
		Metrics: []sdk.Metric{
			{
				Name: metricRecall, Unit: "ratio", Doc: "Share of the k nearest points, found exactly by harness, that the answer holds.",
				Better: sdk.Higher, Scale: sdk.Absolute, Aggregate: sdk.Mean, Gate: true,
			},
			{
				Name: metricQueries, Unit: "1/s", Doc: "Queries answered, where an op is a batch of several.",
				Better: sdk.Higher, Aggregate: sdk.Rate,
			},
		},
		Target:  sdk.TargetVector,
		Presets: presets(),
		Load:    sdk.LoadHint{Solo: true},
		Setup:   setup,
	}
}

// presets are the collections of the default suite. Their sizes let a machine
// with two cores prepare all of them in a few seconds, as the index grows
// slower with every dimension; `points` is there for more.
func presets() []sdk.Preset {
	return []sdk.Preset{
		{
			Name: "minilm_general", Doc: "384 dimensions, those of all-MiniLM-L6-v2.",
			With: map[string]any{"dim": 384, "points": 10000},
		},
		{
			Name: "mixtral_embeddings", Doc: "4096 dimensions, those of Mixtral's hidden layers.",
			With: map[string]any{"dim": 4096, "points": 2000},
		},
		{
			Name: "phi3_embeddings", Doc: "3072 dimensions, those of Phi-3-mini's hidden layers.",
			With: map[string]any{"dim": 3072, "points": 2500},
		},
	}
}
