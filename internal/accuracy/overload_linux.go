package main

import (
	"fmt"

	"github.com/benchharness/harness/internal/accuracy/known"
)

// overload offers three times what a server of 8 slots of 5 ms can do: 4,800/s
// instead of 1,600. Whatever harness says of such a round, it must not pass,
// and a budget that any number meets must not either.
func overload(b *bench) error {
	for _, model := range []string{"open", "poisson"} {
		for _, workers := range []int{16, 512} {
			for seed := 1; seed <= 3; seed++ {
				if err := b.oneOverload(model, workers, seed); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *bench) oneOverload(model string, workers, seed int) error {
	const slots, each, times = 8, 5 * ms, 3
	load := open(float64(times*slots)/each.Seconds(), workers, 1500*ms)
	load["model"], load["op_timeout"] = model, "1s"
	s, err := b.serve(known.Spec{Slots: slots, Latency: known.Latency{Kind: known.Constant, A: each}})
	if err != nil {
		return err
	}
	defer s.kill()
	o, err := b.measured(job{url: s.url(), load: load, seed: seed, budget: true})
	if err != nil {
		return err
	}
	b.judgeOverload(o, fmt.Sprintf("%s, %d in flight, seed %d", model, workers, seed))
	return nil
}

func (b *bench) judgeOverload(o *outcome, name string) {
	c := o.round.Counts
	verdict := "no budget"
	if len(o.doc.Budgets) > 0 {
		verdict = o.doc.Budgets[0].Verdict
	}
	invalid := o.findings("invalid")
	b.check(invalid != "" && o.code != 0 && verdict != "pass", name,
		fmt.Sprintf("invalid %q, budget %s, exit %d", invalid, verdict, o.code), "invalid, no pass, exit code not 0")
	b.same(name+": ok + failed + timed out + skipped", c.OK+c.Failed+c.TimedOut+c.Skipped, c.Scheduled)
	b.same(name+": latencies", o.round.Clocks.Response.Count, c.OK+c.TimedOut+c.Skipped)
}
