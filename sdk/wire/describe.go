// Package wire translates between the sdk's types and the messages of
// sdk/proto. It is where wire types end: nobody else handles both.
package wire

import (
	"encoding/json"
	"fmt"

	"github.com/benchharness/harness/sdk"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
)

// SDK is what plugins made with this sdk call themselves.
const SDK = "go/0.1.0"

// DescribeToProto makes the description of a plugin.
func DescribeToProto(p sdk.Plugin) (*pluginv1.DescribeResponse, error) {
	out := &pluginv1.DescribeResponse{
		Name: p.Name, Version: p.Version, Doc: p.Doc, Cleans: p.Clean != nil, Sdk: SDK,
		Table: &pluginv1.Table{Title: p.Table.Title, Subject: p.Table.Subject},
	}
	for _, c := range p.Table.Columns {
		out.Table.Columns = append(out.Table.Columns, &pluginv1.Column{Title: c.Title, Metric: c.Metric})
	}
	for _, b := range p.Benchmarks {
		pb, err := benchmarkToProto(b)
		if err != nil {
			return nil, fmt.Errorf("describe benchmark %s/%s: %w", p.Name, b.Name, err)
		}
		out.Benchmarks = append(out.Benchmarks, pb)
	}
	return out, nil
}

func benchmarkToProto(b sdk.Benchmark) (*pluginv1.Benchmark, error) {
	params, err := json.Marshal(b.Params)
	if err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	out := &pluginv1.Benchmark{
		Name: b.Name, Doc: b.Doc, Params: params, Target: b.Target,
		Load: &pluginv1.LoadHint{
			Solo: b.Load.Solo, Serial: b.Load.Serial, Rate: b.Load.Rate,
			Monitor: b.Load.Monitor, CountedBy: b.Load.CountedBy, MaxOps: b.Load.MaxOps,
		},
	}
	for _, m := range b.Metrics {
		out.Metrics = append(out.Metrics, &pluginv1.Metric{
			Name: m.Name, Unit: m.Unit, Doc: m.Doc, Better: string(m.Better),
			Scale: string(m.Scale), Aggregate: string(m.Aggregate), Gate: m.Gate,
		})
	}
	for _, s := range b.Presets {
		with, err := json.Marshal(s.With)
		if err != nil {
			return nil, fmt.Errorf("preset %s: %w", s.Name, err)
		}
		out.Presets = append(out.Presets, &pluginv1.Preset{Name: s.Name, Doc: s.Doc, With: with})
	}
	return out, nil
}

// DescribeFromProto reads a description. Its functions are nil. The error
// says what is malformed: the message comes from foreign code.
func DescribeFromProto(d *pluginv1.DescribeResponse) (sdk.Plugin, error) {
	p := sdk.Plugin{
		Name: d.GetName(), Version: d.GetVersion(), Doc: d.GetDoc(),
		Table: sdk.Table{Title: d.GetTable().GetTitle(), Subject: d.GetTable().GetSubject()},
	}
	for _, c := range d.GetTable().GetColumns() {
		p.Table.Columns = append(p.Table.Columns, sdk.Column{Title: c.GetTitle(), Metric: c.GetMetric()})
	}
	for _, b := range d.GetBenchmarks() {
		bm, err := benchmarkFromProto(b)
		if err != nil {
			return sdk.Plugin{}, fmt.Errorf("description of plugin %q: benchmark %q: %w", p.Name, b.GetName(), err)
		}
		p.Benchmarks = append(p.Benchmarks, bm)
	}
	if err := p.Validate(); err != nil {
		return sdk.Plugin{}, fmt.Errorf("description: %w", err)
	}
	return p, nil
}

func benchmarkFromProto(b *pluginv1.Benchmark) (sdk.Benchmark, error) {
	out := sdk.Benchmark{Name: b.GetName(), Doc: b.GetDoc(), Target: b.GetTarget()}
	if len(b.GetParams()) > 0 {
		if err := json.Unmarshal(b.GetParams(), &out.Params); err != nil {
			return out, fmt.Errorf("parameters: %w", err)
		}
	}
	for _, m := range b.GetMetrics() {
		out.Metrics = append(out.Metrics, sdk.Metric{
			Name: m.GetName(), Unit: m.GetUnit(), Doc: m.GetDoc(), Better: sdk.Better(m.GetBetter()),
			Scale: sdk.Scale(m.GetScale()), Aggregate: sdk.Aggregate(m.GetAggregate()), Gate: m.GetGate(),
		})
	}
	for _, s := range b.GetPresets() {
		preset := sdk.Preset{Name: s.GetName(), Doc: s.GetDoc()}
		if len(s.GetWith()) > 0 {
			if err := json.Unmarshal(s.GetWith(), &preset.With); err != nil {
				return out, fmt.Errorf("preset %q: %w", s.GetName(), err)
			}
		}
		out.Presets = append(out.Presets, preset)
	}
	if h := b.GetLoad(); h != nil {
		out.Load = sdk.LoadHint{
			Solo: h.GetSolo(), Serial: h.GetSerial(), Rate: h.GetRate(),
			Monitor: h.GetMonitor(), CountedBy: h.GetCountedBy(), MaxOps: h.GetMaxOps(),
		}
	}
	return out, nil
}
