package verdict

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/stats"
)

const minBaseRuns = stats.MinBaseRuns

// set is one collection of rounds of both sides, and the metrics that come
// from it.
type set struct {
	policy  Policy
	design  Design
	base    []*result.Run
	head    *result.Run
	metrics []*candidate
}

// source is a scenario in one run.
type source struct {
	run   *result.Run
	bench *result.Benchmark
}

// pairing is one scenario on both sides; either may be absent.
type pairing struct {
	base []source // in the order of the base runs
	head source
}

func newSet(base []*result.Run, head *result.Run, p Policy, d Design) *set {
	s := &set{policy: p, design: d, base: base, head: head}
	for _, pr := range pairings(base, head) {
		s.metrics = append(s.metrics, s.scenario(pr)...)
	}
	return s
}

// pairings finds the scenarios of both sides, in head's order, followed by
// those that only a base run has.
func pairings(base []*result.Run, head *result.Run) []pairing {
	index := map[string]int{}
	var out []pairing
	at := func(b *result.Benchmark) *pairing {
		key := scenarioKey(b.ID, b.Params)
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, pairing{})
		}
		return &out[i]
	}
	for i := range head.Benchmarks {
		b := &head.Benchmarks[i]
		if p := at(b); p.head.bench == nil {
			p.head = source{head, b}
		}
	}
	for _, run := range base {
		for i := range run.Benchmarks {
			b := &run.Benchmarks[i]
			p := at(b)
			if n := len(p.base); n == 0 || p.base[n-1].run != run {
				p.base = append(p.base, source{run, b})
			}
		}
	}
	return joinChangedParams(out)
}

// joinChangedParams puts the only unpaired scenario of a benchmark in head
// together with the only one in base: they differ in parameters, and to say so
// helps more than to call one new and the other missing.
func joinChangedParams(all []pairing) []pairing {
	type ends struct{ head, base []int }
	unpaired := map[string]*ends{}
	of := func(id string) *ends {
		if unpaired[id] == nil {
			unpaired[id] = &ends{}
		}
		return unpaired[id]
	}
	for i, p := range all {
		switch {
		case len(p.base) == 0:
			e := of(p.head.bench.ID)
			e.head = append(e.head, i)
		case p.head.bench == nil:
			e := of(p.base[0].bench.ID)
			e.base = append(e.base, i)
		}
	}
	gone := map[int]bool{}
	for _, e := range unpaired {
		if len(e.head) == 1 && len(e.base) == 1 {
			all[e.head[0]].base = all[e.base[0]].base
			gone[e.base[0]] = true
		}
	}
	var out []pairing
	for i, p := range all {
		if !gone[i] {
			out = append(out, p)
		}
	}
	return out
}

// scenario makes the metrics of one scenario, in head's order, then those that
// only base has.
func (s *set) scenario(p pairing) []*candidate {
	if p.head.bench == nil {
		return s.onlyBase(p, Missing, "head does not have this benchmark")
	}
	if len(p.base) == 0 {
		return s.onlyHead(p, New, "base does not have this benchmark")
	}
	if why := unusable(p.head); why != "" {
		return s.onlyBase(p, Missing, "head: "+why)
	}
	found := s.choose(p)
	if found.verdict == New {
		return s.onlyHead(p, New, found.reason)
	}
	var out []*candidate
	inHead := map[string]bool{}
	for _, m := range p.head.bench.Metrics {
		if inHead[m.Name] {
			continue
		}
		inHead[m.Name] = true
		if c := s.candidate(p.head.bench, m, found); c != nil {
			out = append(out, c)
		}
	}
	last := found.base[len(found.base)-1].bench
	for _, m := range last.Metrics {
		if !inHead[m.Name] && m.Value != nil {
			inHead[m.Name] = true
			out = append(out, s.lone(last, m, Missing, "head does not record this metric"))
		}
	}
	s.weighSuccess(out)
	return out
}

// unusable says why a scenario has no numbers to compare, or "".
func unusable(s source) string {
	switch b := s.bench; b.Status {
	case result.NotMeasured, result.Failed:
		return fmt.Sprintf("%s: %s", statusWords[b.Status], b.Reason)
	}
	return ""
}

func (s *set) onlyBase(p pairing, v Verdict, reason string) []*candidate {
	return s.lonely(p.base[len(p.base)-1].bench, v, reason)
}

func (s *set) onlyHead(p pairing, v Verdict, reason string) []*candidate {
	return s.lonely(p.head.bench, v, reason)
}

func (s *set) lonely(b *result.Benchmark, v Verdict, reason string) []*candidate {
	var out []*candidate
	for _, m := range b.Metrics {
		if m.Value != nil {
			out = append(out, s.lone(b, m, v, reason))
		}
	}
	return out
}

// selection is what of the base can be compared with head, and what is to be
// said of it. A verdict settles all metrics of the scenario.
type selection struct {
	base     []source
	verdict  Verdict
	reason   string
	cautions []string
	// apart is why only the capacities can be compared: their other metrics were
	// measured at each capacity.
	apart string
}

// choose leaves out base runs that cannot be compared with head. When none is
// left the reason is that of the last one.
func (s *set) choose(p pairing) selection {
	if why, ok := invalid(p.head); ok {
		return selection{base: p.base, verdict: Invalid, reason: "head: " + why}
	}
	if p.head.bench.Status == result.Partial {
		return selection{base: p.base, verdict: Incomparable, reason: "head is not complete: " + p.head.bench.Reason}
	}
	var out selection
	var left selection // the last reason for leaving one out
	for _, b := range p.base {
		v, why, cautions := s.obstacle(b, p.head)
		if v != "" {
			left.verdict, left.reason = v, why
			continue
		}
		out.base = append(out.base, b)
		out.cautions = cautions // of the last
		if why := ratesApart(b.bench, p.head.bench); why != "" {
			out.apart = why
		}
	}
	if len(out.base) == 0 {
		left.base = p.base
		return left
	}
	if n := len(p.base) - len(out.base); n > 0 {
		out.cautions = append(out.cautions, fmt.Sprintf("%d of %d base runs are left out: %s", n, len(p.base), left.reason))
	}
	return out
}

// obstacle says why a base run cannot be compared with head.
func (s *set) obstacle(b, head source) (v Verdict, reason string, cautions []string) {
	if why := unusable(b); why != "" {
		return New, "base: " + why, nil
	}
	if why, ok := invalid(b); ok {
		return Invalid, "base: " + why, nil
	}
	if b.bench.Status == result.Partial {
		return Incomparable, "base is not complete: " + b.bench.Reason, nil
	}
	if b.run.MachineID != head.run.MachineID {
		why := fmt.Sprintf("other machine: base ran on %s, head on %s", name(b.run.MachineID), name(head.run.MachineID))
		if !s.policy.AllowOtherMachine {
			return Incomparable, why, nil
		}
		cautions = append(cautions, why)
	} else if head.run.MachineID == "" {
		cautions = append(cautions, "neither run says on which machine it was made")
	}
	if why := differences(b.bench, head.bench); why != "" {
		return Incomparable, why, nil
	}
	if s.design == Interleaved && len(b.bench.Rounds) != len(head.bench.Rounds) {
		return Incomparable, fmt.Sprintf("rounds are not in pairs: base has %d, head has %d", len(b.bench.Rounds), len(head.bench.Rounds)), nil
	}
	if b.bench.PluginDigest != head.bench.PluginDigest {
		cautions = append(cautions, fmt.Sprintf("plugin %s differs: %s and %s", head.bench.Plugin, name(b.bench.PluginDigest), name(head.bench.PluginDigest)))
	}
	for _, side := range []struct {
		name string
		of   *result.Until
	}{{"base", b.bench.Until}, {"head", head.bench.Until}} {
		if side.of != nil && side.of.Ended == result.UntilReached {
			cautions = append(cautions, fmt.Sprintf("the rounds of %s ended as soon as %s was known to ±%.3g%%: its spread looks smaller than it is", side.name, name(side.of.Metric), 100*side.of.Within))
		}
	}
	return "", "", cautions
}

func invalid(s source) (string, bool) {
	if why, ok := s.bench.InvalidReason(); ok {
		return why, true
	}
	return s.run.InvalidReason()
}

// differences says in what two scenarios differ that decides what was
// measured. The number of rounds does not: duration and operations are
// compared for each round.
func differences(b, h *result.Benchmark) string {
	var out []string
	differ := func(what, base, head string) {
		if base != head {
			out = append(out, fmt.Sprintf("%s: %s in base, %s in head", what, name(base), name(head)))
		}
	}
	differ("parameters", strings.TrimPrefix(scenarioID("", b.Params), "/"), strings.TrimPrefix(scenarioID("", h.Params), "/"))
	differ("workload", b.WorkloadDigest, h.WorkloadDigest)
	bl, hl := b.Load, h.Load
	if b.Capacity != nil && h.Capacity != nil { // what was found is no difference of what was asked for
		bl.Rate, bl.Duration, bl.Rounds = hl.Rate, hl.Duration, hl.Rounds
	}
	differ("load model", bl.Model, hl.Model)
	differ("stages", stages(bl), stages(hl))
	differ("replay", bl.Replay, hl.Replay)
	differ("CPUs of the plugin", isolation(b).Generator, isolation(h).Generator)
	differ("CPUs of the target", isolation(b).Target, isolation(h).Target)
	for _, n := range []struct {
		what       string
		base, head float64
	}{
		{"rate", bl.Rate, hl.Rate},
		{"workers", float64(bl.Workers), float64(hl.Workers)},
		{"warm-up in s", bl.Warmup, hl.Warmup},
		{"duration of a round in s", perRound(bl.Duration, bl), perRound(hl.Duration, hl)},
		{"operations of a round", perRound(float64(bl.Operations), bl), perRound(float64(hl.Operations), hl)},
		{"time limit of an op in s", bl.OpTimeout, hl.OpTimeout},
		{"think time in s", bl.Think, hl.Think},
		{"lateness at which ops are skipped in s", bl.SkipLate, hl.SkipLate},
	} {
		differ(n.what, fmt.Sprintf("%.4g", n.base), fmt.Sprintf("%.4g", n.head))
	}
	return strings.Join(out, "; ")
}

// isolation are the CPUs that a scenario's processes were bound to. Other CPUs,
// or a share of all of them, are other conditions of work, as other workers are.
func isolation(b *result.Benchmark) result.Isolation {
	if b.Isolation == nil {
		return result.Isolation{Generator: "any", Target: "any"}
	}
	return result.Isolation{Generator: cmp.Or(b.Isolation.Generator, "any"), Target: cmp.Or(b.Isolation.Target, "any")}
}

// stages tells loads with stages apart.
func stages(l result.Load) string {
	var out []string
	for _, s := range l.Stages {
		out = append(out, fmt.Sprintf("%.4g s from %.4g/s to %.4g/s", s.Duration, s.From, s.To))
	}
	return strings.Join(out, ", ")
}

func perRound(total float64, l result.Load) float64 { return total / float64(max(1, l.Rounds)) }

// name shows an identity, or that there is none.
func name(s string) string {
	return cmp.Or(result.Printable(s, 80), "none")
}

// rounds is the most of any benchmark of head.
func (s *set) rounds() int {
	n := 0
	for i := range s.head.Benchmarks {
		n = max(n, len(s.head.Benchmarks[i].Rounds))
	}
	return n
}
