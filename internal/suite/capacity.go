package suite

import (
	"strconv"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// CapacitySpec asks for the highest rate that holds, in place of a rate.
type CapacitySpec struct {
	From      *Rate     `json:"from,omitempty" jsonschema:"lowest rate that is tried, and the first; found out by default"`
	To        *Rate     `json:"to,omitempty" jsonschema:"highest rate that is tried"`
	Within    *Percent  `json:"within,omitempty" jsonschema:"how far apart the highest rate that holds and the lowest that does not may be, from 1% to 100%; 5% by default"`
	Confirm   *Rounds   `json:"confirm,omitempty" jsonschema:"rounds in a row that the rate found has to hold; 3 by default"`
	MaxProbes *Count    `json:"max_probes,omitempty" jsonschema:"rounds after which the search ends in any case; 50 by default"`
	MaxTime   *Duration `json:"max_time,omitempty" jsonschema:"time after which the search ends in any case; 1h by default"`
	Lines     Lines     `json:"-"`
}

// Capacity is a search for the highest rate that holds. The rounds of its load
// are those that confirm it.
type Capacity struct {
	From, To  float64 // 1/s; 0 is found out
	Within    float64
	MaxProbes int
	MaxTime   time.Duration
	// Stated says that a person chose how long a round is.
	Stated bool
}

// Defaults of a search.
const (
	capacityWithin  = 0.05
	capacityConfirm = 3
	capacityProbes  = 50
	maxProbes       = 1000
	capacityTime    = time.Hour
	// capacityRound is how long a round is at least where nobody says so: in
	// less a queue that grows by 5% cannot be told from one that does not.
	capacityRound = 2 * time.Second
)

// fixed are the keys that say at which rate ops arrive, or when rounds end,
// which a search does itself.
var fixed = []string{"rate", "stages", "replay", "think_time", "iterations", "operations", "until"}

// checkCapacitySpec reports what in a load does not go with its search.
func (l *loader) checkCapacitySpec(load *LoadSpec, model Model, from, path string) error {
	spec := load.FindCapacity
	if spec == nil {
		return nil
	}
	if model == ModelClosed {
		return l.at(load.Lines["find_capacity"], "%s.find_capacity belongs to open loops, but the model%s is closed; set model: open, or remove it", path, from)
	}
	for _, key := range fixed {
		if line := load.Lines[key]; line > 0 {
			return l.at(line, "%s.%s does not go with find_capacity, which chooses rates and rounds itself; remove one of them", path, key)
		}
	}
	path += ".find_capacity"
	switch {
	case spec.From != nil && spec.To != nil && *spec.From > *spec.To:
		return l.at(spec.Lines["from"], "%s.from is above to, so there is no rate between", path)
	case spec.Within != nil && !(*spec.Within >= 0.01 && *spec.Within <= 1):
		return l.at(spec.Lines["within"], "%s.within is %s, want 1%% to 100%%", path, percentRule.text(float64(*spec.Within)))
	case spec.MaxProbes != nil && *spec.MaxProbes > maxProbes:
		return l.at(spec.Lines["max_probes"], "%s.max_probes is %d, want at most %d", path, *spec.MaxProbes, maxProbes)
	}
	return nil
}

// searches says whether a benchmark's capacity is searched for, by which
// spec, and whether its own load asks for it. What its own load says of rates
// stands above the suite's search.
func (l *loader) searches(load *LoadSpec) (spec *CapacitySpec, asked, own bool) {
	suite := l.suiteLoad().FindCapacity
	switch {
	case load.FindCapacity != nil:
		return load.FindCapacity, true, true
	case suite != nil && (load.Rate != nil || len(load.Stages) > 0 || load.Replay != nil || load.ThinkTime != nil || load.Model != nil && *load.Model == ModelClosed):
		return nil, l.in.Flags.FindCapacity, false
	case suite != nil:
		return suite, true, false
	}
	return nil, l.in.Flags.FindCapacity, false
}

// unsearchable says why the capacity of a benchmark cannot be searched for.
func unsearchable(hint sdk.LoadHint, users choice[uint64]) string {
	switch {
	case hint.Monitor:
		return "it watches, and has no load"
	case hint.MaxOps > 0:
		return "its ops use up something that is prepared for a number of them"
	case hint.Serial && !users.explicit():
		return "it does one op at a time; --concurrent-users or max_in_flight says how many it may do"
	}
	return ""
}

// capacity plans the search for a benchmark's capacity. ok is false when none
// is asked for. No scenario with ok means that the benchmark is left out.
func (l *loader) capacity(decl sdk.Benchmark, load *LoadSpec, path string) (out []Scenario, ok bool, err error) {
	spec, asked, ownSpec := l.searches(load)
	if !asked {
		return nil, false, nil
	}
	users := own(l, l.settings.inFlight, load, "max_in_flight", load.MaxInFlight)
	if why := unsearchable(decl.Load, users); why != "" {
		switch {
		case ownSpec:
			return nil, true, l.at(load.Lines["find_capacity"], "%s.find_capacity: the capacity of %s/%s cannot be searched for: %s", path, l.planning, plain(decl.Name), why)
		case l.in.Flags.FindCapacity:
			l.warnf("%s/%s is left out: its capacity cannot be searched for: %s", l.planning, plain(decl.Name), why)
			return nil, true, nil
		}
		l.warnf("%s/%s is measured without a search for its capacity: %s", l.planning, plain(decl.Name), why)
		return nil, false, nil
	}
	if err := l.checkCapacityFlags(load, path); err != nil {
		return nil, true, err
	}
	if spec == nil {
		spec = &CapacitySpec{}
	}
	base, err := l.capacityLoad(load, spec)
	if err != nil {
		return nil, true, err
	}
	base.Workers = int(users.value)
	params := map[string]string{"load": "capacity", "max_in_flight": strconv.Itoa(base.Workers)}
	base.Model = loop.Constant
	if m := inheritModel(load, l.suiteLoad()); m == ModelPoisson {
		base.Model = loop.Poisson
		params["arrivals"] = string(ModelPoisson)
	}
	return []Scenario{{Params: params, Load: base}}, true, nil
}

func inheritModel(own, suite *LoadSpec) Model {
	for _, l := range []*LoadSpec{own, suite} {
		if l.Model != nil {
			return *l.Model
		}
	}
	return ModelOpen
}

// checkCapacityFlags refuses what would say when ops arrive beside the search.
func (l *loader) checkCapacityFlags(load *LoadSpec, path string) error {
	for _, name := range []string{"rate", "iterations", "operations", "until"} {
		if _, given := l.in.Flags.text(name); given {
			return origin{subject: "flag --" + name}.errorf("does not go with the search for a capacity (find_capacity), which chooses rates and rounds itself; leave one of them out")
		}
	}
	for _, at := range []struct {
		load *LoadSpec
		path string
	}{{load, path}, {l.suiteLoad(), l.suitePath + ".load"}} {
		for _, key := range []string{"stages", "replay", "think_time", "until"} {
			if line := at.load.Lines[key]; line > 0 {
				return l.at(line, "%s.%s does not go with the search for a capacity, which chooses rates and rounds itself; leave one of them out", at.path, key)
			}
		}
	}
	return nil
}

// capacityLoad is how long rounds are, how many confirm, and what bounds the
// search.
func (l *loader) capacityLoad(load *LoadSpec, spec *CapacitySpec) (Load, error) {
	duration := own(l, l.settings.duration, load, "duration", load.Duration)
	out, rounds := l.common(load)
	each := duration.value / time.Duration(out.Rounds)
	switch {
	case spec.Confirm != nil:
		out.Rounds = int(*spec.Confirm)
	case !rounds.explicit():
		out.Rounds = capacityConfirm
	}
	search := Capacity{Within: capacityWithin, MaxProbes: capacityProbes, MaxTime: capacityTime, Stated: duration.explicit()}
	if search.Stated {
		each = duration.value / time.Duration(out.Rounds)
	} else {
		each = max(each, capacityRound)
	}
	out.Duration = each * time.Duration(out.Rounds)
	out, err := l.finish(out, sdk.LoadHint{}, duration, rounds)
	if err != nil {
		return out, err
	}
	if spec.Within != nil {
		search.Within = float64(*spec.Within)
	}
	if spec.MaxProbes != nil {
		search.MaxProbes = int(*spec.MaxProbes)
	}
	if spec.MaxTime != nil {
		search.MaxTime = time.Duration(*spec.MaxTime)
	}
	if search.From, err = l.capacityRate("rate-from", spec.From); err != nil {
		return out, err
	}
	if search.To, err = l.capacityRate("rate-to", spec.To); err != nil {
		return out, err
	}
	if search.To > 0 && search.From > search.To {
		return out, origin{subject: "flag --rate-from"}.errorf("is %s, above the highest rate of the search, %s", rateRule.text(search.From), rateRule.text(search.To))
	}
	out.Capacity = &search
	return out, nil
}

// capacityRate is an end of the search: the flag's, else the file's, else 0.
func (l *loader) capacityRate(flag string, file *Rate) (float64, error) {
	if text, given := l.in.Flags.text(flag); given {
		return rateRule.read(origin{subject: "flag --" + flag}, strings.TrimSpace(text))
	}
	if file != nil {
		return float64(*file), nil
	}
	return 0, nil
}

// finishCapacity shows the settings of searches, and refuses flags of a search
// where there is none.
func (l *loader) finishCapacity() error {
	some := false
	for _, b := range l.plan.Benchmarks {
		some = some || b.Scenarios[0].Load.Capacity != nil
	}
	if l.in.Flags.FindCapacity {
		l.plan.Settings = append(l.plan.Settings, Setting{"find-capacity", "true", "flag --find-capacity"})
	}
	for _, name := range []string{"rate-from", "rate-to"} {
		text, given := l.in.Flags.text(name)
		if !given {
			continue
		}
		o := origin{subject: "flag --" + name}
		if !some {
			return o.errorf("belongs to the search for a capacity; add --find-capacity")
		}
		l.plan.Settings = append(l.plan.Settings, Setting{name, strings.TrimSpace(text), o.String()})
	}
	return nil
}
