package main

import (
	"math"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

// cmdCapacity checks a run's only search: what it found, and that the rounds at
// capacity are in the document. Whatever the machine does meanwhile, nothing
// above what the server can may have held.
func cmdCapacity(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: capacity FILE LOW HIGH BY")
	}
	run, err := store.ReadRun(ts.MkAbs(args[0]))
	ts.Check(err)
	low, err := strconv.ParseFloat(args[1], 64)
	ts.Check(err)
	high, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	b := run.Benchmarks[0]
	c := b.Capacity
	if c == nil {
		ts.Fatalf("there is no search in %s", args[0])
	}
	for _, p := range c.Probes {
		if p.Rate > 1.05*200 && p.Outcome == result.HeldRate {
			ts.Fatalf("%v/s held, which the server cannot: %+v", p.Rate, p)
		}
	}
	if c.LimitedBy == result.LimitGenerator || !c.Confirmed {
		ts.Logf("this machine is too busy to find the capacity: limited by the %s, %s; nothing above it held", c.LimitedBy, c.Ended)
		if c.Value != nil && *c.Value > high {
			ts.Fatalf("the capacity is %v, above %v", *c.Value, high)
		}
		return
	}
	if c.LimitedBy != args[3] || *c.Value < low || *c.Value > high {
		ts.Fatalf("the capacity is %v, limited by the %s, want %v to %v, limited by the %s", *c.Value, c.LimitedBy, low, high, args[3])
	}
	if len(b.Rounds) != c.Confirm || b.Load.Rate != *c.Value {
		ts.Fatalf("%d rounds at %v/s, want %d at the capacity", len(b.Rounds), b.Load.Rate, c.Confirm)
	}
	if q := b.Lookup(result.CapacityMetric); q.Value == nil || math.Abs(*q.Value-*c.Value) > 1e-6 {
		ts.Fatalf("the metric is %+v", q)
	}
}
