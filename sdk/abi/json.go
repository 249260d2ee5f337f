package abi

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/benchharness/harness/sdk"
)

// Description is what describe replies with. Its fields are those of
// [sdk.Plugin], and so are those of what is in it.
type Description struct {
	Name       string      `json:"name"`
	Version    string      `json:"version"`
	Doc        string      `json:"doc,omitempty"`
	Table      *Table      `json:"table,omitempty"`
	Benchmarks []Benchmark `json:"benchmarks"`
}

// Table is [sdk.Table].
type Table struct {
	Title   string   `json:"title,omitempty"`
	Subject string   `json:"subject,omitempty"`
	Columns []Column `json:"columns,omitempty"`
}

// Column is [sdk.Column].
type Column struct {
	Title  string `json:"title"`
	Metric string `json:"metric"`
}

// Benchmark is [sdk.Benchmark].
type Benchmark struct {
	Name    string      `json:"name"`
	Doc     string      `json:"doc,omitempty"`
	Params  []sdk.Param `json:"params,omitempty"`
	Metrics []Metric    `json:"metrics,omitempty"`
	Target  string      `json:"target,omitempty"`
	Presets []Preset    `json:"presets,omitempty"`
	Load    *Load       `json:"load,omitempty"`
}

// Metric is [sdk.Metric].
type Metric struct {
	Name      string `json:"name"`
	Unit      string `json:"unit,omitempty"`
	Doc       string `json:"doc,omitempty"`
	Better    string `json:"better,omitempty"`
	Scale     string `json:"scale,omitempty"`
	Aggregate string `json:"aggregate,omitempty"`
	Gate      bool   `json:"gate,omitempty"`
}

// Preset is [sdk.Preset].
type Preset struct {
	Name string         `json:"name"`
	Doc  string         `json:"doc,omitempty"`
	With map[string]any `json:"with,omitempty"`
}

// Load is [sdk.LoadHint].
type Load struct {
	Solo      bool    `json:"solo,omitempty"`
	Serial    bool    `json:"serial,omitempty"`
	Rate      float64 `json:"rate,omitempty"`
	Monitor   bool    `json:"monitor,omitempty"`
	CountedBy string  `json:"counted_by,omitempty"`
	MaxOps    uint64  `json:"max_ops,omitempty"`
}

// Setup is what set up is about, under the key "setup".
type Setup struct {
	ID         string     `json:"id"`
	RunID      string     `json:"run_id"`
	Params     sdk.Params `json:"params"`
	Target     Target     `json:"target"`
	Seed       uint64     `json:"seed,string"`
	Worker     int        `json:"worker"` // of this instance
	MaxWorkers int        `json:"max_workers"`
	Timeout    int64      `json:"timeout_ns"` // of one op; 0: none
	KeepData   bool       `json:"keep_data,omitempty"`
}

// Target is what a guest may know of the system under test.
type Target struct {
	Name      string `json:"name,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Reference bool   `json:"reference,omitempty"`
}

// Info is [sdk.SessionInfo].
type Info struct {
	Provenance     map[string]string `json:"provenance,omitempty"`
	WorkloadDigest string            `json:"workload_digest,omitempty"`
	Figures        []Figure          `json:"figures,omitempty"`
}

// Figure is [sdk.Figure].
type Figure struct {
	Name  string  `json:"name"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
}

// Kinds of a [Problem].
const (
	NotMeasured = "not_measured" // [sdk.NotMeasured]
	Param       = "param"        // [sdk.BadParam]; Subject is the parameter
	TargetDown  = "target"       // [sdk.TargetDown]; Subject is the target
)

// Problem is why describe, set up or tear down failed.
type Problem struct {
	Kind    string `json:"kind,omitempty"` // "" for any other failure
	Message string `json:"message"`
	Subject string `json:"subject,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
}

// Describing makes the JSON of a plugin's description.
func Describing(p sdk.Plugin) ([]byte, error) {
	d := Description{Name: p.Name, Version: p.Version, Doc: p.Doc, Table: &Table{Title: p.Table.Title, Subject: p.Table.Subject}}
	for _, c := range p.Table.Columns {
		d.Table.Columns = append(d.Table.Columns, Column(c))
	}
	for _, b := range p.Benchmarks {
		load := Load(b.Load)
		out := Benchmark{Name: b.Name, Doc: b.Doc, Params: b.Params, Target: b.Target, Load: &load}
		for _, m := range b.Metrics {
			out.Metrics = append(out.Metrics, Metric{m.Name, m.Unit, m.Doc, string(m.Better), string(m.Scale), string(m.Aggregate), m.Gate})
		}
		for _, s := range b.Presets {
			out.Presets = append(out.Presets, Preset(s))
		}
		d.Benchmarks = append(d.Benchmarks, out)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("describe plugin %s: %w", p.Name, err)
	}
	return text, nil
}

// Described reads the JSON of a description, which comes from foreign code.
// The plugin is valid; its functions are nil.
func Described(text []byte) (sdk.Plugin, error) {
	var d Description
	if err := json.Unmarshal(text, &d); err != nil {
		return sdk.Plugin{}, fmt.Errorf("description: %w", err)
	}
	p := sdk.Plugin{Name: d.Name, Version: d.Version, Doc: d.Doc}
	if t := d.Table; t != nil {
		p.Table = sdk.Table{Title: t.Title, Subject: t.Subject}
		for _, c := range t.Columns {
			p.Table.Columns = append(p.Table.Columns, sdk.Column(c))
		}
	}
	for _, b := range d.Benchmarks {
		out := sdk.Benchmark{Name: b.Name, Doc: b.Doc, Params: b.Params, Target: b.Target}
		if b.Load != nil {
			out.Load = sdk.LoadHint(*b.Load)
		}
		for _, m := range b.Metrics {
			out.Metrics = append(out.Metrics, sdk.Metric{
				Name: m.Name, Unit: m.Unit, Doc: m.Doc, Gate: m.Gate,
				Better: sdk.Better(m.Better), Scale: sdk.Scale(m.Scale), Aggregate: sdk.Aggregate(m.Aggregate),
			})
		}
		for _, s := range b.Presets {
			out.Presets = append(out.Presets, sdk.Preset(s))
		}
		p.Benchmarks = append(p.Benchmarks, out)
	}
	if err := p.Validate(); err != nil {
		return sdk.Plugin{}, fmt.Errorf("description: %w", err)
	}
	return p, nil
}

// ProblemOf says what an error is.
func ProblemOf(err error) Problem {
	var notMeasured *sdk.NotMeasuredError
	var param *sdk.ParamError
	var target *sdk.TargetError
	switch {
	case errors.As(err, &notMeasured):
		return Problem{Kind: NotMeasured, Message: notMeasured.Reason, Remedy: notMeasured.Remedy}
	case errors.As(err, &param):
		return Problem{Kind: Param, Subject: param.Param, Message: param.Problem}
	case errors.As(err, &target):
		return Problem{Kind: TargetDown, Subject: target.Target, Message: target.Err.Error(), Remedy: target.Remedy}
	}
	return Problem{Message: err.Error()}
}

// Err is the inverse of [ProblemOf].
func (p Problem) Err() error {
	switch p.Kind {
	case NotMeasured:
		return sdk.NotMeasured(p.Message, p.Remedy)
	case Param:
		return &sdk.ParamError{Param: p.Subject, Problem: p.Message}
	case TargetDown:
		return sdk.TargetDown(p.Subject, errors.New(p.Message), p.Remedy)
	}
	return errors.New(p.Message)
}
