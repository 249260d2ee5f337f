// Package doctor says whether this machine is fit to measure on: it reads
// settings that make timings drift, and measures for a few seconds what a load
// generator depends on. Each finding is graded, and comes with why it matters
// and what to do.
//
// It changes nothing on the machine and judges no run: what happened to the
// machine during a run is package machine's. The limits are those of this
// package; where a limit follows from what harness does, its comment says so.
package doctor

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/benchharness/harness/internal/machine"
)

// Grade of a finding.
type Grade string

// Grades, from best to worst.
const (
	Good    Grade = "good"
	Unknown Grade = "unknown" // it cannot be read or measured here
	Warning Grade = "warning" // small differences drown
	Bad     Grade = "bad"     // numbers of this machine mislead
)

// Finding is one thing that was looked at.
type Finding struct {
	Name   string `json:"name"` // stable, snake case: "timer_latency"
	Grade  Grade  `json:"grade"`
	Value  string `json:"value"`            // with unit
	Why    string `json:"why"`              // why it matters
	Remedy string `json:"remedy,omitempty"` // what to do, where it is not good
}

// Schema is the value of Report.Schema.
const Schema = "harness.doctor/v1"

// Report is everything that was looked at, in a fixed order.
type Report struct {
	Schema    string    `json:"schema"`
	Created   time.Time `json:"created"`
	MachineID string    `json:"machine_id"`
	Findings  []Finding `json:"findings"`
}

// Worst is the worst grade of the findings. What is unknown is no worse than
// good.
func (r Report) Worst() Grade {
	worst := Good
	for _, f := range r.Findings {
		if f.Grade == Bad || f.Grade == Warning && worst == Good {
			worst = f.Grade
		}
	}
	return worst
}

// Examine looks at the machine. It takes about seven seconds, three of which keep every
// core busy. The error is that of ctx.
func Examine(ctx context.Context) (Report, error) {
	print := machine.Read(ctx)
	r := Report{Schema: Schema, Created: time.Now().UTC(), MachineID: print.ID}
	idle := machine.Observe(ctx, time.Second) // first: what follows would be seen as load
	r.Findings = append(r.Findings, settings(print)...)
	r.Findings = append(r.Findings, others(idle)...)
	for _, measure := range []func(context.Context) Finding{
		clockCost, granularity, timers, generator, scheduler, loopback, thermal,
	} {
		if ctx.Err() != nil {
			break
		}
		r.Findings = append(r.Findings, measure(ctx))
	}
	return r, context.Cause(ctx)
}

// graded grades a value by two limits: up to good it is good, above bad it is
// bad.
func graded[T float64 | time.Duration | uint64](v, good, bad T) Grade {
	switch {
	case v <= good:
		return Good
	case v > bad:
		return Bad
	}
	return Warning
}

// cores is how many cores can run at once.
func cores() int { return runtime.GOMAXPROCS(0) }

func percent(x float64) string { return fmt.Sprintf("%.1f%%", 100*x) }

// short is a time in three digits.
func short(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return fmt.Sprintf("%.3g µs", float64(d)/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.3g s", d.Seconds())
}
