package runner

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk/loop"
	"github.com/benchharness/harness/sdk/probe"
)

// isolation is what the benchmark's processes were bound to: what cannot be
// bound is not there, whatever was asked for.
func (r *run) isolation(b suite.Benchmark) *result.Isolation {
	asked := r.Plan.Isolation
	out := result.Isolation{Generator: asked.Generator.String()}
	if b.Target.Kind != "" && r.Plan.Started(b) {
		out.Target = asked.Target.String()
	}
	if out == (result.Isolation{}) {
		return nil
	}
	return &out
}

// unpinned is the caution for a target that could not be bound.
func (r *run) unpinned(b suite.Benchmark) []result.Finding {
	target := r.Plan.Isolation.Target
	if len(target) == 0 || b.Target.Kind == "" || r.Plan.Started(b) {
		return nil
	}
	return []result.Finding{{
		Level: string(loop.Caution), Code: "target_not_pinned",
		Message: fmt.Sprintf("the target was not bound to CPUs %s, because harness did not start it: start it under taskset -c %[1]s", target),
	}}
}

// quiet lets the scenario begin when the machine is quiet.
func (r *run) quiet(ctx context.Context) {
	if r.Quiet == nil {
		return
	}
	r.Quiet(ctx, func(ctx context.Context, d time.Duration) probe.Series {
		w := r.sampler.Open()
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
		return w.Close()
	})
}

// diagnose names the resources that error texts tell the end of.
func (r *run) diagnose(texts ...string) (out []result.Finding) {
	if r.Diagnose == nil {
		return nil
	}
	for _, text := range texts {
		f, ok := r.Diagnose(text)
		if ok && !slices.ContainsFunc(out, func(have result.Finding) bool { return have.Code == f.Code }) {
			out = append(out, f)
		}
	}
	return out
}

// blame adds to a failure which resource was at its end, and what helps.
func (r *run) blame(doc *result.Benchmark, err error) {
	for _, f := range r.diagnose(err.Error()) {
		doc.Validity = append(doc.Validity, f)
		if doc.Remedy == "" {
			doc.Remedy = f.Message
		}
	}
}
