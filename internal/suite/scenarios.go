package suite

import (
	"math"
	"strconv"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// safetyCap ends a benchmark that was asked for a count and not for a time,
// should its ops never reach the count.
const safetyCap = 30 * time.Minute

// The two totals that a LoadHint can name.
const (
	byIterations = "iterations"
	byOperations = "operations"
)

// checkLoad reports keys of a load that its model has no use for. inherited is
// the model when the load names none, and from is where that is written.
func (l *loader) checkLoad(load *LoadSpec, inherited Model, from, path string) error {
	model := inherited
	if load.Model != nil {
		model, from = *load.Model, ""
	}
	if from != "" {
		from = " at " + from
	}
	if load.FindCapacity != nil && load.Model == nil {
		model = ModelOpen
	}
	switch {
	case model != ModelClosed && load.ConcurrentUsers != nil:
		return l.at(load.Lines["concurrent_users"], "%s.concurrent_users belongs to closed loops, but the model%s is %s; use max_in_flight, or set model: closed", path, from, model)
	case model == ModelClosed && load.MaxInFlight != nil:
		return l.at(load.Lines["max_in_flight"], "%s.max_in_flight belongs to open loops, but the model%s is closed; use concurrent_users, or set model: open", path, from)
	case model == ModelClosed && load.Rate != nil:
		return l.at(load.Lines["rate"], "%s.rate belongs to open loops, but the model%s is closed; set model: open, or remove the rate", path, from)
	case model != ModelClosed && load.ThinkTime != nil:
		return l.at(load.Lines["think_time"], "%s.think_time belongs to closed loops, but the model%s is %s; remove it, or set model: closed", path, from, model)
	}
	if model == ModelClosed {
		for _, key := range []string{"stages", "replay", "skip_late"} {
			if line := load.Lines[key]; line > 0 {
				return l.at(line, "%s.%s belongs to open loops, but the model%s is closed; set model: open, or remove it", path, key, from)
			}
		}
	}
	for _, key := range []string{"rate", "duration"} {
		if line := load.Lines[key]; line > 0 && (len(load.Stages) > 0 || load.Replay != nil) {
			return l.at(line, "%s.%s is said by stages or replay already; remove one of them", path, key)
		}
	}
	if load.Replay != nil && model == ModelPoisson {
		return l.at(load.Lines["replay"], "%s.replay says when ops arrive, and the model%s is poisson; set model: open", path, from)
	}
	return l.checkCapacitySpec(load, model, from, path)
}

// own is the general setting, unless the benchmark's own load says otherwise;
// flags and environment stand above both.
func own[S, T number](l *loader, general choice[T], load *LoadSpec, key string, v *S) choice[T] {
	if v == nil || general.rank > rankFile {
		return general
	}
	return choice[T]{T(*v), origin{file: l.fileName, line: load.Lines[key]}, rankFile}
}

// scenarios are the loads under which a benchmark is measured. load is the
// benchmark's own in the file, or nil.
func (l *loader) scenarios(decl sdk.Benchmark, load *LoadSpec, path string) ([]Scenario, error) {
	if load == nil {
		load = &LoadSpec{Lines: Lines{}}
	}
	if err := l.checkOwnLoad(decl, load, path); err != nil {
		return nil, err
	}
	if out, ok, err := l.capacity(decl, load, path); ok {
		return out, err
	}
	if decl.Load.Monitor {
		return l.monitor(decl, load)
	}
	shape, err := l.shape(load, path)
	if err != nil {
		return nil, err
	}
	model, err := l.model(decl, load, shape, path)
	if err != nil {
		return nil, err
	}
	if model == ModelClosed {
		shape.stages, shape.arrivals = nil, nil
	}
	base, err := l.bounds(decl, load, shape)
	if err != nil {
		return nil, err
	}
	users := own(l, l.settings.users, load, "concurrent_users", load.ConcurrentUsers)
	if model != ModelClosed {
		users = own(l, l.settings.inFlight, load, "max_in_flight", load.MaxInFlight)
	}
	if base.Until, err = l.until(decl, load, path); err != nil {
		return nil, err
	}
	if decl.Load.Serial && !users.explicit() {
		users.value = 1
	}
	if model == ModelClosed {
		base.Think = inherit(load.ThinkTime, l.suiteLoad().ThinkTime)
		return closedScenarios(base, users.value, decl.Load.Solo), nil
	}
	base.SkipLate = inherit(load.SkipLate, l.suiteLoad().SkipLate)
	base.Model = loop.Constant
	if model == ModelPoisson {
		base.Model = loop.Poisson
	}
	base.Workers = int(users.value)
	rate := shape.text
	switch {
	case len(shape.arrivals) > 0:
		base.Model, base.Arrivals = loop.Replay, shape.arrivals
	case len(shape.stages) > 0:
		base.Stages = shape.stages
	default:
		base.Rate = l.rate(decl, load)
		rate = strconv.FormatFloat(base.Rate, 'f', -1, 64)
	}
	open := Scenario{Params: map[string]string{"rate": rate, "max_in_flight": strconv.Itoa(base.Workers)}, Load: base}
	if model == ModelPoisson {
		open.Params["arrivals"] = string(ModelPoisson)
	}
	return []Scenario{open}, nil
}

// inherit is a value of the benchmark's own load, else of the suite's, else 0.
func inherit(own, suite *Duration) time.Duration {
	if own != nil {
		return time.Duration(*own)
	}
	if suite != nil {
		return time.Duration(*suite)
	}
	return 0
}

// closedScenarios is the load at full concurrency, after one at a single
// worker where the benchmark asks for it.
func closedScenarios(base Load, users uint64, solo bool) []Scenario {
	var out []Scenario
	if solo && users > 1 {
		out = append(out, closed(base, 1))
	}
	return append(out, closed(base, users))
}

func closed(base Load, users uint64) Scenario {
	base.Model, base.Workers = loop.Closed, int(users)
	return Scenario{Params: map[string]string{"concurrent_users": strconv.FormatUint(users, 10)}, Load: base}
}

func (l *loader) checkOwnLoad(decl sdk.Benchmark, load *LoadSpec, path string) error {
	inherited, from := ModelClosed, ""
	switch suite := l.suiteLoad(); {
	case suite.Model != nil:
		inherited, from = *suite.Model, origin{file: l.fileName, line: suite.Lines["model"]}.String()
	case suite.FindCapacity != nil:
		inherited = ModelOpen
	case validRate(decl.Load.Rate) && !decl.Load.Monitor:
		inherited, from = ModelOpen, "benchmark "+decl.Name
	}
	if decl.Load.Monitor {
		for _, key := range []string{"model", "rate", "concurrent_users", "max_in_flight", "duration", "warmup", "iterations", "operations", "stages", "replay", "think_time", "skip_late", "until", "find_capacity"} {
			if line := load.Lines[key]; line > 0 {
				return l.at(line, "%s.%s has no effect on a benchmark that watches; use monitor_duration, rounds or op_timeout", path, key)
			}
		}
	}
	return l.checkLoad(load, inherited, from, path)
}

func (l *loader) suiteLoad() *LoadSpec {
	if l.suite == nil || l.suite.Load == nil {
		return &LoadSpec{}
	}
	return l.suite.Load
}

// model is the load model: --rate makes everything open; then come the
// benchmark's own load, the suite's, and what the benchmark asks for.
func (l *loader) model(decl sdk.Benchmark, load *LoadSpec, shape shape, path string) (Model, error) {
	model, line := ModelClosed, 0
	switch suite := l.suiteLoad(); {
	case l.settings.rate.rank == rankFlag:
		return ModelOpen, nil
	case load.Model != nil:
		model, line = *load.Model, load.Lines["model"]
	case suite.Model != nil:
		model, line = *suite.Model, suite.Lines["model"]
	case suite.FindCapacity != nil && (load.Rate != nil || shape.some()):
		model = ModelOpen // a rate of its own in place of the suite's search
	case validRate(decl.Load.Rate):
		model = ModelOpen
	}
	if model != ModelClosed && !shape.some() && l.rate(decl, load) == 0 {
		if path == "" {
			path = l.suitePath + ".load"
		}
		return "", l.at(line, "%s has the model %s and no rate; add rate: 1000/s, or stages", path, model)
	}
	return model, nil
}

// rate is that of an open loop, or 0 when nobody gives one.
func (l *loader) rate(decl sdk.Benchmark, load *LoadSpec) float64 {
	r := own(l, l.settings.rate, load, "rate", load.Rate)
	if r.value == 0 && validRate(decl.Load.Rate) {
		return decl.Load.Rate
	}
	return r.value
}

// validRate guards against what a foreign plugin may declare.
func validRate(r float64) bool { return r > 0 && r <= maxRate && !math.IsNaN(r) }

// bounds are when a benchmark ends, and what else all its scenarios share. A
// bound that a person chose drives out those of the profile: asking for 1000
// iterations is not asking for as many as fit into the profile's second.
func (l *loader) bounds(decl sdk.Benchmark, load *LoadSpec, shape shape) (Load, error) {
	s, hint := l.settings, decl.Load
	duration := own(l, s.duration, load, "duration", load.Duration)
	out, rounds := l.common(load)
	var counted bool // a person chose a count that bounds this benchmark
	bound := func(c choice[uint64], name string) {
		// Without a preference either count bounds the benchmark when chosen,
		// and neither when it is only the profile's: time tells more.
		applies := hint.CountedBy == name || c.explicit() && hint.CountedBy != byIterations && hint.CountedBy != byOperations
		if !applies || duration.explicit() && !c.explicit() {
			return
		}
		counted = counted || c.explicit()
		out.Ops = least(out.Ops, c.value)
	}
	bound(own(l, s.iterations, load, "iterations", load.Iterations), byIterations)
	bound(own(l, s.operations, load, "operations", load.Operations), byOperations)
	out.Duration = duration.value
	if counted && !duration.explicit() {
		out.Duration = max(duration.value, safetyCap)
	}
	if shape.some() { // a round lasts as long as they say, and a flag may cut it short
		whole := shape.length * time.Duration(out.Rounds)
		if duration.rank <= rankFile || out.Duration > whole {
			out.Duration, duration = whole, choice[time.Duration]{whole, origin{file: l.fileName, line: shape.line}, rankFile}
		}
	}
	return l.finish(out, hint, duration, rounds)
}

// common is what bounds do not touch.
func (l *loader) common(load *LoadSpec) (Load, choice[uint64]) {
	rounds := own(l, l.settings.rounds, load, "rounds", load.Rounds)
	return Load{
		Warmup:    own(l, l.settings.warmup, load, "warmup", load.Warmup).value,
		OpTimeout: own(l, l.settings.opTimeout, load, "op_timeout", load.OpTimeout).value,
		Rounds:    int(rounds.value),
	}, rounds
}

// finish fits the rounds and ops to each other.
func (l *loader) finish(out Load, hint sdk.LoadHint, duration choice[time.Duration], rounds choice[uint64]) (Load, error) {
	if hint.MaxOps > 0 {
		most := uint64(maxCount)
		if hint.MaxOps < most/uint64(out.Rounds) {
			most = hint.MaxOps * uint64(out.Rounds)
		}
		out.Ops = least(out.Ops, most)
	}
	if out.Ops > 0 && out.Ops < uint64(out.Rounds) {
		out.Rounds = int(out.Ops)
	}
	if each := out.Duration / time.Duration(out.Rounds); each < minDuration {
		return out, origin{subject: "duration"}.errorf("%s (%s) over %d rounds (%s) is less than 1ms for each; give more time or fewer rounds",
			out.Duration, duration.from, out.Rounds, rounds.from)
	}
	return out, nil
}

// least is the smaller of two bounds, where 0 is none.
func least(a, b uint64) uint64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// monitor is the load of a benchmark that watches: one worker for as long as
// --monitor-duration says, at the rate that it asks for.
func (l *loader) monitor(decl sdk.Benchmark, load *LoadSpec) ([]Scenario, error) {
	duration := own(l, l.settings.monitor, load, "monitor_duration", load.MonitorDuration)
	out, rounds := l.common(load)
	out.Model, out.Workers, out.Warmup, out.Duration = loop.Closed, 1, 0, duration.value
	if validRate(decl.Load.Rate) {
		out.Model, out.Rate = loop.Constant, decl.Load.Rate
	}
	out, err := l.finish(out, decl.Load, duration, rounds)
	return []Scenario{{Params: map[string]string{}, Load: out}}, err
}
