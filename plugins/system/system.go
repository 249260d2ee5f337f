package system

import "github.com/benchharness/harness/sdk"

func init() {
	sdk.Register(sdk.Plugin{
		Name:    "system",
		Version: "0.1.0",
		Doc:     "Utilisation of the machine, and micro-measurements of CPU, memory, files and loopback.",
		Table: sdk.Table{
			Title:   "System",
			Subject: "Measurement",
			Columns: []sdk.Column{
				{Title: "Avg", Metric: "latency_mean"},
				{Title: "P95", Metric: "latency_p95"},
				{Title: "Throughput", Metric: "throughput"},
				{Title: "Bandwidth", Metric: bandwidth},
			},
		},
		Benchmarks: []sdk.Benchmark{monitorBenchmark(), cpuBenchmark(), memoryBenchmark(), fileBenchmark(), loopbackBenchmark()},
	})
}

// bandwidth is the metric of every benchmark that moves bytes: ops record
// bytes, the harness divides by the round's seconds.
const bandwidth = "bandwidth"

func bandwidthMetric(doc string) sdk.Metric {
	return sdk.Metric{Name: bandwidth, Unit: "B/s", Doc: doc, Better: sdk.Higher, Aggregate: sdk.Rate}
}
