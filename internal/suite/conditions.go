package suite

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/sdk"
)

// IsolateSpec gives the generator and the target CPUs of their own.
type IsolateSpec struct {
	GeneratorCPUs *CPUs `json:"generator_cpus,omitempty" jsonschema:"CPUs of the plugin processes, which make the load, such as 0 or 0,2-4"`
	TargetCPUs    *CPUs `json:"target_cpus,omitempty" jsonschema:"CPUs of the targets that harness starts: the reference stack, and what variants serve"`
	Lines         Lines `json:"-"`
}

// Isolation are the CPUs that a run's processes may use; none is any.
type Isolation struct {
	Generator cpus.Set // of plugins
	Target    cpus.Set // of targets that harness starts
}

// cpusPattern is for the JSON Schema; the parser knows more.
const cpusPattern = `^[0-9]+(-[0-9]+)?( *, *[0-9]+(-[0-9]+)?)*$`

var cpusExpr = regexp.MustCompile(cpusPattern)

var cpusRule = rule[cpus.Set]{
	want: "CPU numbers and ranges, the lower end first, such as 0 or 0,2-4",
	parse: func(s string) (cpus.Set, bool) {
		set, err := cpus.Parse(s)
		return set, err == nil
	},
	text: func(s cpus.Set) string {
		if len(s) == 0 {
			return "any"
		}
		return s.String()
	},
}

// fromScalar takes what the schema can tell; what the numbers mean is checked
// by checkIsolate.
func (c *CPUs) fromScalar(text string, isNumber bool) string {
	if _, ok := cpusRule.parse(text); !cpusExpr.MatchString(text) || isNumber && !ok {
		return cpusRule.want
	}
	*c = CPUs(text)
	return ""
}

// checkIsolate reads the lists of the file.
func (l *loader) checkIsolate() error {
	i := l.file.Isolate
	if i == nil {
		return nil
	}
	for _, c := range []struct {
		key  string
		list *CPUs
	}{{"generator_cpus", i.GeneratorCPUs}, {"target_cpus", i.TargetCPUs}} {
		if c.list == nil {
			continue
		}
		if _, err := cpus.Parse(string(*c.list)); err != nil {
			return l.at(i.Lines[c.key], "isolate.%s is %s: %v", c.key, show(string(*c.list)), err)
		}
	}
	return nil
}

// isolateOf is a key of the file's isolate as a file value.
func isolateOf(f *File, key string, of func(*IsolateSpec) *CPUs) *fileValue[cpus.Set] {
	if f == nil || f.Isolate == nil || of(f.Isolate) == nil {
		return nil
	}
	set, _ := cpusRule.parse(string(*of(f.Isolate))) // checkIsolate has read it
	return &fileValue[cpus.Set]{set, f.Isolate.Lines[key]}
}

// isolation settles on which CPUs the run's processes run.
func (l *loader) isolation() error {
	s := l.settings
	for _, c := range []struct {
		choice[cpus.Set]
		key string
	}{{s.generatorCPUs, "generator_cpus"}, {s.targetCPUs, "target_cpus"}} {
		if len(c.value) == 0 {
			continue
		}
		o := c.from
		if o.file != "" {
			o.subject = "isolate." + c.key
		}
		allowed, err := l.allowedCPUs()
		if err != nil {
			return o.errorf("is %s, but %v", c.value, err)
		}
		if lacking := c.value.Without(allowed); len(lacking) > 0 {
			return o.errorf("is %s, but of these harness may not use %s; it may use %s", c.value, lacking, allowed)
		}
	}
	if shared := s.generatorCPUs.value.Shared(s.targetCPUs.value); len(shared) > 0 {
		o := s.targetCPUs.from
		if o.file != "" {
			o.subject = "isolate.target_cpus"
		}
		return o.errorf("is %s, but generator_cpus (%s) is %s: both have %s; give each CPU to one of them",
			s.targetCPUs.value, s.generatorCPUs.from, s.generatorCPUs.value, shared)
	}
	l.plan.Isolation = Isolation{Generator: s.generatorCPUs.value, Target: s.targetCPUs.value}
	l.warnForeignTargets()
	return nil
}

func (l *loader) allowedCPUs() (cpus.Set, error) {
	if l.in.CPUs != nil {
		return l.in.CPUs, nil
	}
	return cpus.Allowed()
}

// Started says whether harness itself starts what a benchmark is pointed at.
func (p *Plan) Started(b Benchmark) bool { return b.Target.Reference || p.Variant != nil }

// warnForeignTargets says of which targets harness cannot choose the CPUs.
func (l *loader) warnForeignTargets() {
	if len(l.plan.Isolation.Target) == 0 {
		return
	}
	var names []string
	for _, b := range l.plan.Benchmarks {
		if name := b.Target.Spec.Name; b.Target.Kind != "" && !l.plan.Started(b) && !slices.Contains(names, plain(name)) {
			names = append(names, plain(name))
		}
	}
	if len(names) > 0 {
		l.warnf("target_cpus (%s) has no effect on %s, which harness did not start: start it under taskset -c %s",
			l.settings.targetCPUs.from, strings.Join(names, ", "), l.plan.Isolation.Target)
	}
}

// UntilSpec says how well a metric has to be known before rounds end.
type UntilSpec struct {
	Metric    string     `json:"metric" jsonschema:"name of a metric of the benchmark"`
	Within    Percent    `json:"within" jsonschema:"half the width of its 95% interval over rounds, such as 5%; of ratios such as recall, in points"`
	MaxRounds *MaxRounds `json:"max_rounds,omitempty" jsonschema:"rounds after which to end in any case, 30 by default"`
	Lines     Lines      `json:"-"`
}

// Until ends a benchmark's rounds when a metric is known well enough. The zero
// value asks for nothing.
type Until struct {
	Metric    string
	Within    float64 // half the width of the interval: by ratio, or in points for absolute scale
	MaxRounds int     // after which the rounds end in any case
}

// Asked says that there is a rule.
func (u Until) Asked() bool { return u.Metric != "" }

func (u Until) String() string {
	if !u.Asked() {
		return "none"
	}
	return u.Metric + "=" + percentRule.text(u.Within)
}

// Bounds of the rounds of a load that ends when a metric is known: fewer than 5
// give an interval too wide to stop by, and more than maxRounds none may have.
const (
	MinUntilRounds   = 5
	untilRounds      = 30
	maxUntilInterval = 1.0
)

var untilRule = rule[Until]{
	want: "a metric and how well to know it, from 0.1% to 100%, such as latency_p95=5%",
	parse: func(s string) (Until, bool) {
		metric, within, found := strings.Cut(s, "=")
		p, ok := percentRule.parse(strings.TrimSpace(within))
		u := Until{Metric: strings.TrimSpace(metric), Within: p}
		return u, found && ok && u.Metric != "" && validWithin(p)
	},
	text: Until.String,
}

// waitRule is a duration that may be absent.
var waitRule = rule[time.Duration]{
	want:  durationRule.want,
	parse: durationRule.parse,
	text: func(d time.Duration) string {
		if d == 0 {
			return "none"
		}
		return d.String()
	},
}

// untilOf and maxRoundsOf are what the suite's load says.
func untilOf(load *LoadSpec) *fileValue[Until] {
	if load.Until == nil {
		return nil
	}
	u := Until{Metric: load.Until.Metric, Within: float64(load.Until.Within)}
	return &fileValue[Until]{u, load.Lines["until"]}
}

func maxRoundsOf(load *LoadSpec) *fileValue[uint64] {
	if load.Until == nil || load.Until.MaxRounds == nil {
		return nil
	}
	return &fileValue[uint64]{uint64(*load.Until.MaxRounds), load.Until.Lines["max_rounds"]}
}

func validWithin(p float64) bool { return p >= 0.001 && p <= maxUntilInterval }

var maxRoundsRule = countRule(MinUntilRounds, maxRounds)

func (m *MaxRounds) fromScalar(text string, isNumber bool) string {
	return fill(m, maxRoundsRule, text, isNumber)
}

// ofSearches is the metric that only a search for a capacity gives, and a search
// ends by rules of its own.
const ofSearches = "capacity"

// until is the rule of a benchmark: the flag's, its own load's, or the suite's.
func (l *loader) until(decl sdk.Benchmark, load *LoadSpec, path string) (Until, error) {
	c, spec := l.settings.until, load.Until
	if c.rank <= rankFile {
		if spec == nil {
			spec, path = l.suiteLoad().Until, l.suitePath+".load"
		}
		if spec == nil {
			return Until{}, nil
		}
		o := origin{file: l.fileName, line: spec.Lines["within"], subject: path + ".until.within"}
		if !validWithin(float64(spec.Within)) {
			return Until{}, o.errorf("is %s, want a percentage from 0.1%% to 100%%", percentRule.text(float64(spec.Within)))
		}
		o.line, o.subject = spec.Lines["metric"], path+".until.metric"
		c = choice[Until]{Until{Metric: spec.Metric, Within: float64(spec.Within)}, o, rankFile}
	}
	u := c.value
	u.MaxRounds = int(l.settings.maxRounds.value)
	if own := load.Until; own != nil && own.MaxRounds != nil && l.settings.maxRounds.rank <= rankFile {
		u.MaxRounds = int(*own.MaxRounds)
	}
	known := slices.Clone(sdk.StandardMetrics)
	for _, m := range append(slices.Clone(l.in.Metrics), decl.Metrics...) {
		if m.Name != ofSearches {
			known = append(known, m.Name)
		}
	}
	if !slices.Contains(known, u.Metric) {
		return u, c.from.errorf("is %s, which benchmark %s does not record%s", show(u.Metric), decl.Name, didYouMean(u.Metric, known))
	}
	return u, nil
}

// idleMaxRounds refuses --max-rounds where no benchmark has a rule to end by.
func (l *loader) idleMaxRounds() error {
	asked := slices.ContainsFunc(l.plan.Benchmarks, func(b Benchmark) bool { return b.Scenarios[0].Load.Until.Asked() })
	if m := l.settings.maxRounds; m.rank > rankFile && !asked {
		return m.from.errorf("has no effect without a rule to end by; add --until METRIC=P, such as latency_p95=5%%")
	}
	return nil
}
