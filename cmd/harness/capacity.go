package main

import (
	"github.com/benchharness/harness/internal/suite"
)

// searched is the first benchmark of a plan whose capacity is searched for, or
// "".
func searched(plan suite.Plan) string {
	for _, b := range plan.Benchmarks {
		for _, s := range b.Scenarios {
			if s.Load.Capacity != nil {
				return b.ID
			}
		}
	}
	return ""
}
