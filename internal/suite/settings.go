package suite

import (
	"slices"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/cpus"
)

// rank orders the places that a setting can come from.
type rank int

const (
	rankProfile rank = iota
	rankFile
	rankDotenv
	rankEnv
	rankFlag
)

// choice is a setting's effective value and where it came from.
type choice[T any] struct {
	value T
	from  origin
	rank  rank
}

// explicit says that a person chose the value, and not the profile.
func (c choice[T]) explicit() bool { return c.rank > rankProfile }

// settings are the effective settings. Those of load may still be overridden
// by the load of a single benchmark in the file.
type settings struct {
	duration, warmup, monitor, opTimeout choice[time.Duration]
	iterations, operations               choice[uint64]
	users, inFlight, rounds, seed        choice[uint64]
	rate, threshold                      choice[float64]
	baseline, out                        choice[string]
	reports                              choice[[]string]
	cleanup                              choice[bool]
	until                                choice[Until]
	maxRounds                            choice[uint64]
	generatorCPUs, targetCPUs            choice[cpus.Set]
	waitQuiet                            choice[time.Duration]
	shown                                []Setting
}

// sources are what settings are chosen from.
type sources struct {
	flags   *Flags
	env     environment
	file    string    // name for errors; "" without a config file
	load    *LoadSpec // of the suite; may be nil
	profile profile
}

// fileValue is what the config file says about a setting; absent when nil.
type fileValue[T any] struct {
	value T
	line  int
}

// choose takes a setting from the first place that has it.
func choose[T any](s *sources, name string, r rule[T], file *fileValue[T], otherwise T) (choice[T], error) {
	if text, ok := s.flags.text(name); ok {
		o := origin{subject: "flag --" + name}
		v, err := r.read(o, strings.TrimSpace(text))
		return choice[T]{v, o, rankFlag}, err
	}
	if text, o, rank, ok := s.env.setting(envNames[name]); ok {
		v, err := r.read(o, text)
		return choice[T]{v, o, rank}, err
	}
	if file != nil {
		return choice[T]{file.value, origin{file: s.file, line: file.line}, rankFile}, nil
	}
	return choice[T]{otherwise, origin{subject: "profile " + s.profile.name}, rankProfile}, nil
}

// fromLoad is a key of a load as a file value.
func fromLoad[S, T number](load *LoadSpec, key string, v *S) *fileValue[T] {
	if load == nil || v == nil {
		return nil
	}
	return &fileValue[T]{T(*v), load.Lines[key]}
}

// chooser collects settings and the first error.
type chooser struct {
	*sources
	out settings
	err error
}

func add[T any](c *chooser, dst *choice[T], name string, r rule[T], file *fileValue[T], otherwise T) {
	if c.err != nil {
		return
	}
	if *dst, c.err = choose(c.sources, name, r, file, otherwise); c.err == nil {
		c.out.shown = append(c.out.shown, Setting{name, r.text(dst.value), dst.from.String()})
	}
}

// chooseSettings takes every setting from the first place that has it.
func chooseSettings(s *sources, f *File, threshold *fileValue[float64]) (*settings, error) {
	c := &chooser{sources: s}
	o, p, load := &c.out, s.profile, s.load
	if load == nil {
		load = &LoadSpec{}
	}
	add(c, &o.duration, "duration", durationRule, fromLoad[Duration, time.Duration](load, "duration", load.Duration), p.duration)
	add(c, &o.warmup, "warmup", warmupRule, fromLoad[Warmup, time.Duration](load, "warmup", load.Warmup), p.warmup)
	add(c, &o.iterations, "iterations", totalRule, fromLoad[Count, uint64](load, "iterations", load.Iterations), p.iterations)
	add(c, &o.operations, "operations", totalRule, fromLoad[Count, uint64](load, "operations", load.Operations), p.operations)
	add(c, &o.users, "concurrent-users", usersRule, fromLoad[Users, uint64](load, "concurrent_users", load.ConcurrentUsers), p.users)
	o.inFlight = o.users
	if v := fromLoad[Users, uint64](load, "max_in_flight", load.MaxInFlight); v != nil && o.users.rank <= rankFile {
		o.inFlight = choice[uint64]{v.value, origin{file: s.file, line: v.line}, rankFile}
	}
	add(c, &o.rate, "rate", rateRule, fromLoad[Rate, float64](load, "rate", load.Rate), 0)
	add(c, &o.rounds, "rounds", roundsRule, fromLoad[Rounds, uint64](load, "rounds", load.Rounds), p.rounds)
	add(c, &o.monitor, "monitor-duration", durationRule, fromLoad[Duration, time.Duration](load, "monitor_duration", load.MonitorDuration), p.monitor)
	add(c, &o.opTimeout, "op-timeout", durationRule, fromLoad[Duration, time.Duration](load, "op_timeout", load.OpTimeout), p.opTimeout)
	add(c, &o.until, "until", untilRule, untilOf(load), Until{})
	add(c, &o.maxRounds, "max-rounds", maxRoundsRule, maxRoundsOf(load), untilRounds)
	add(c, &o.generatorCPUs, "generator-cpus", cpusRule, isolateOf(f, "generator_cpus", func(i *IsolateSpec) *CPUs { return i.GeneratorCPUs }), nil)
	add(c, &o.targetCPUs, "target-cpus", cpusRule, isolateOf(f, "target_cpus", func(i *IsolateSpec) *CPUs { return i.TargetCPUs }), nil)
	add(c, &o.waitQuiet, "wait-quiet", waitRule, nil, 0)
	add(c, &o.seed, "seed", seedRule, nil, defaultSeed)
	add(c, &o.out, "out", textRule("the path of a file"), nil, "run.json")
	add(c, &o.reports, "report", reportsRule(Formats), reportsOf(f), p.reports)
	add(c, &o.baseline, "baseline", textRule("a file or the name of a baseline"), nil, p.baseline)
	add(c, &o.threshold, "threshold", percentRule, threshold, p.threshold)
	add(c, &o.cleanup, "cleanup", boolRule, nil, true)
	if s.flags.NoCleanup && c.err == nil {
		from := origin{subject: "flag --no-cleanup"}
		o.cleanup = choice[bool]{false, from, rankFlag}
		o.shown[len(o.shown)-1] = Setting{"cleanup", "false", from.String()}
	}
	return o, c.err
}

func textRule(want string) rule[string] {
	return rule[string]{
		want:  want,
		parse: func(s string) (string, bool) { return s, s != "" && !strings.ContainsAny(s, "\n\r\x00") },
		text:  func(s string) string { return s },
	}
}

func reportsRule(formats []string) rule[[]string] {
	return rule[[]string]{
		want: "formats with commas, of: " + strings.Join(formats, ", "),
		parse: func(s string) ([]string, bool) {
			var out []string
			seen := map[string]bool{}
			for _, name := range strings.Split(s, ",") {
				name = strings.ToLower(strings.TrimSpace(name))
				if !slices.Contains(formats, name) {
					return nil, false
				}
				if !seen[name] {
					out = append(out, name)
				}
				seen[name] = true
			}
			return out, true
		},
		text: func(names []string) string { return strings.Join(names, ",") },
	}
}

func reportsOf(f *File) *fileValue[[]string] {
	if f == nil || f.Reports == nil {
		return nil
	}
	var out []string
	for _, r := range f.Reports {
		if !slices.Contains(out, string(r)) {
			out = append(out, string(r))
		}
	}
	return &fileValue[[]string]{out, f.Lines["reports"]}
}

// defaultSeed is the same in every run, so that runs do the same work and can
// be compared.
const defaultSeed = 1

// profile is a set of defaults: how long and how hard.
type profile struct {
	name                   string
	duration, warmup       time.Duration
	monitor, opTimeout     time.Duration
	iterations, operations uint64
	users, rounds          uint64
	threshold              float64
	reports                []string
	baseline               string // looked for in the working directory
}

var profiles = []profile{{
	// All five areas have to end in 60 s on two cores, set-up included. With
	// about 25 scenarios that leaves a second for each.
	name: "quick", duration: 900 * time.Millisecond, warmup: 150 * time.Millisecond,
	monitor: 2 * time.Second, opTimeout: 10 * time.Second,
	iterations: 1000, operations: 10_000, users: 8, rounds: 3,
	threshold: 0.10, reports: []string{"json", "html"},
}, {
	name: "standard", duration: 10 * time.Second, warmup: 2 * time.Second,
	monitor: 30 * time.Second, opTimeout: 30 * time.Second,
	iterations: 1000, operations: 10_000, users: 32, rounds: 5,
	threshold: 0.10, reports: []string{"json", "html"},
}, {
	// The defaults of the environment settings.
	name: "full", duration: 300 * time.Second, warmup: 30 * time.Second,
	monitor: 600 * time.Second, opTimeout: 30 * time.Second,
	iterations: 1000, operations: 10_000, users: 100, rounds: 5,
	threshold: 0.10, reports: []string{"json", "html"}, baseline: "baseline.json",
}}

// Profiles returns the names of the profiles; the first is the default.
func Profiles() []string {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		names[i] = p.name
	}
	return names
}

func chooseProfile(f *Flags) (profile, Setting, error) {
	name, given := f.text("profile")
	if !given {
		return profiles[0], Setting{"profile", profiles[0].name, "default"}, nil
	}
	o := origin{subject: "flag --profile"}
	for _, p := range profiles {
		if p.name == name {
			return p, Setting{"profile", name, o.String()}, nil
		}
	}
	return profile{}, Setting{}, o.errorf("is %s%s", show(name), didYouMean(name, Profiles()))
}
