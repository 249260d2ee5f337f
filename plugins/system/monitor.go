package system

import (
	"context"
	"sync"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/probe"
)

// watched are the gauges that monitor records as metrics. The harness's own
// probe reports every gauge beside them.
var watched = []struct{ gauge, metric, unit, doc string }{
	{"host.cpu", "cpu_util", "ratio", "Share of all cores that worked."},
	{"host.memory_used", "memory_used", "B", "Memory that programs hold."},
	{"host.steal", "cpu_steal", "ratio", "Share of CPU time that the hypervisor took."},
	{"disk.read", "disk_read", "B/s", "Read from physical disks."},
	{"disk.write", "disk_write", "B/s", "Written to physical disks."},
	{"net.in", "net_in", "B/s", "Received by network interfaces, without loopback."},
	{"net.out", "net_out", "B/s", "Sent by network interfaces, without loopback."},
	{"gpu.util", "gpu_util", "ratio", "Mean utilisation of the GPUs."},
}

func monitorBenchmark() sdk.Benchmark {
	b := sdk.Benchmark{
		Name:  "monitor",
		Doc:   "Utilisation of the machine while other things run, ten samples a second.",
		Load:  sdk.LoadHint{Monitor: true, Rate: 10},
		Setup: setupMonitor,
	}
	for _, w := range watched {
		// Every one may be zero for a whole round, and the mean over the rounds
		// has to be that over the time: one in which no disk was written to must
		// not make the rest of the writing vanish.
		b.Metrics = append(b.Metrics, sdk.Metric{Name: w.metric, Unit: w.unit, Doc: w.doc, Scale: sdk.Absolute})
	}
	return b
}

// monitor takes one sample per op: what happened since the op before, whoever
// did that.
type monitor struct {
	sampler *probe.Sampler
	first   probe.Series

	mu     sync.Mutex
	window *probe.Window
}

func setupMonitor(context.Context, sdk.SetupRequest) (sdk.Session, error) {
	m := &monitor{sampler: probe.New(probe.Options{})}
	m.first, m.window = m.sampler.Open().Cut()
	return m, nil
}

func (m *monitor) Worker(context.Context, int) (sdk.Worker, error) { return m, nil }

func (m *monitor) Do(_ context.Context, op *sdk.Op) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var seen probe.Series
	seen, m.window = m.window.Cut()
	for _, w := range watched {
		if g, ok := seen.Gauge(w.gauge); ok && g.Average != nil {
			op.Record(w.metric, *g.Average)
		}
	}
	return nil
}

func (m *monitor) Close(context.Context) error {
	m.sampler.Stop()
	return nil
}

// Describe says which metrics this machine cannot have, and why.
func (m *monitor) Describe() sdk.SessionInfo {
	info := sdk.SessionInfo{Provenance: map[string]string{"engine": "gopsutil"}}
	for _, w := range watched {
		if g, ok := m.first.Gauge(w.gauge); ok && g.Unavailable != "" && g.Unavailable != probe.TooShort {
			info.Provenance[w.metric] = "unavailable: " + g.Unavailable
		}
	}
	return info
}
