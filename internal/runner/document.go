package runner

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/probe"
)

func (r *run) newBenchmark(b suite.Benchmark, s suite.Scenario, spec sdk.Target) *result.Benchmark {
	with, err := json.Marshal(b.Params)
	if err != nil || b.Params == nil {
		with = []byte("{}")
	}
	params := s.Params
	if params == nil {
		params = map[string]string{}
	}
	public := suite.Target{Kind: b.Target.Kind, Reference: b.Target.Reference, Spec: spec}.Redacted()
	doc := &result.Benchmark{
		ID: b.ID, Plugin: b.Plugin, Use: b.Use, Doc: b.Doc, Params: params, With: with,
		Target:     result.Target{Name: public.Name, Kind: public.Kind, URL: public.URL},
		Provenance: map[string]string{}, Status: result.Measured,
		Load:      loadOf(s.Load),
		Isolation: r.isolation(b),
		Figures:   []result.Figure{}, Rounds: []result.Round{}, Metrics: []result.Metric{}, Validity: []result.Finding{},
	}
	for _, p := range r.Run.Plugins {
		if p.Name == b.Plugin {
			doc.PluginDigest = p.Digest
		}
	}
	doc.Validity = append(doc.Validity, r.unpinned(b)...)
	return doc
}

func loadOf(l suite.Load) result.Load {
	out := result.Load{
		Model: string(l.Model), Rate: l.Rate, Workers: l.Workers, Warmup: l.Warmup.Seconds(),
		Duration: l.Duration.Seconds(), Operations: l.Ops, Rounds: l.Rounds, OpTimeout: l.OpTimeout.Seconds(),
		Think: l.Think.Seconds(), SkipLate: l.SkipLate.Seconds(),
	}
	for _, s := range l.Stages {
		out.Stages = append(out.Stages, result.Stage{Duration: s.Duration.Seconds(), From: s.From, To: s.To})
	}
	if len(l.Arrivals) > 0 {
		h := sha256.New()
		_ = binary.Write(h, binary.BigEndian, l.Arrivals) // a hash takes everything
		out.Replay = fmt.Sprintf("sha256:%x (%d arrivals)", h.Sum(nil), len(l.Arrivals))
	}
	return out
}

// maxSeries bounds the points of a series kept in the document.
const maxSeries = 120

// resources turns a probe's window into the document's form.
func resources(s probe.Series) []result.Resource {
	out := make([]result.Resource, 0, len(s.Gauges))
	for _, g := range s.Gauges {
		out = append(out, result.Resource{
			Name: g.Name, Unit: g.Unit, Average: g.Average, Peak: g.Peak,
			Unavailable: g.Unavailable, Series: thin(g.Samples, maxSeries),
		})
	}
	return out
}

// thin averages neighbours until at most n points are left.
func thin(xs []float32, n int) []float32 {
	for len(xs) > n {
		half := make([]float32, 0, (len(xs)+1)/2)
		for i := 0; i < len(xs); i += 2 {
			pair := xs[i:min(i+2, len(xs))]
			var sum float32
			for _, x := range pair {
				sum += x
			}
			half = append(half, sum/float32(len(pair)))
		}
		xs = half
	}
	return xs
}

// tree holds the roots of the process trees that the probe watches. The probe
// reads them from a goroutine of its own.
type tree struct{ plugin, target atomic.Int32 }

func (t *tree) pluginPIDs() []int32 { return pids(t.plugin.Load()) }
func (t *tree) targetPIDs() []int32 { return pids(t.target.Load()) }

func (t *tree) pids() (plugin, target int) { return int(t.plugin.Load()), int(t.target.Load()) }

func pids(pid int32) []int32 {
	if pid == 0 {
		return nil
	}
	return []int32{pid}
}
