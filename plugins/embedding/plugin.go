package embedding

import (
	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/sdk"
)

func init() { sdk.Register(Plugin()) }

// Version is the plugin's version.
const Version = "0.1.0"

// Plugin returns the declaration of plugin embedding.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name:    "embedding",
		Version: Version,
		Doc:     "Embeddings of texts, made in this process or by an endpoint.",
		Table: sdk.Table{
			Title:   "Embedding generation",
			Subject: "Model",
			Columns: []sdk.Column{
				{Title: "Avg", Metric: "latency_mean"},
				{Title: "P95", Metric: "latency_p95"},
				{Title: "Throughput", Metric: "throughput"},
				{Title: "Texts/s", Metric: textsPerSecond},
				{Title: "GPU util", Metric: "gpu.util"},
			},
		},
		Benchmarks: []sdk.Benchmark{textBenchmark(encoder.Open), endpointBenchmark()},
	}
}

// What ops record: the number of texts, and of tokens, which the harness
// divides by the round's seconds.
const (
	textsPerSecond  = "texts_per_second"
	tokensPerSecond = "tokens_per_second"
)

func metrics() []sdk.Metric {
	return []sdk.Metric{
		{Name: textsPerSecond, Unit: "1/s", Doc: "Texts embedded a second, all workers together.", Better: sdk.Higher, Aggregate: sdk.Rate},
		{Name: tokensPerSecond, Unit: "1/s", Doc: "Tokens taken in a second, special tokens included; absent where a server does not count them.", Better: sdk.Higher, Aggregate: sdk.Rate},
	}
}
