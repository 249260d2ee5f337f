package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/benchharness/harness/internal/cpus"
	"github.com/benchharness/harness/sdk"
)

// Inputs are what a plan is made from.
type Inputs struct {
	Flags   Flags
	Environ []string // as os.Environ returns it
	Dir     string   // working directory: .env and harness.yaml are looked for here
	Catalog Catalog
	// Metrics are those that the harness adds to what benchmarks declare,
	// such as gpu_util. Budgets and thresholds may name them.
	Metrics []sdk.Metric
	// CPUs are those that harness may use; none: the system is asked.
	CPUs cpus.Set
}

// PathAdder is implemented by a [Catalog] that can take in a plugin by its
// path, which the config file's `plugins:` may hold.
type PathAdder interface {
	// AddPath makes the plugin at path known and returns its name.
	AddPath(ctx context.Context, path string) (name string, err error)
}

// configNames are the config files that are found without --config.
var configNames = []string{"harness.yaml", "harness.yml"}

// defaultSuite is the suite that runs when --suite is not given, and the name
// of the built-in one.
const defaultSuite = "default"

// Resolve makes the plan of a run. A mistake in the inputs is a *[ConfigError];
// any other error means that a file could not be read or that a plugin could
// not be described.
func Resolve(ctx context.Context, in Inputs) (Plan, error) {
	l, err := newLoader(ctx, in)
	if err != nil {
		return Plan{}, err
	}
	if err := l.choose(); err != nil {
		return Plan{}, err
	}
	if l.suite == nil {
		err = l.defaultBenchmarks()
	} else {
		err = l.configBenchmarks()
	}
	if err == nil {
		err = l.checkTargetFlags()
	}
	if err == nil {
		err = l.finishCapacity()
	}
	if err != nil {
		return Plan{}, err
	}
	if err := l.limits(); err != nil {
		return Plan{}, err
	}
	if err := l.isolation(); err != nil {
		return Plan{}, err
	}
	if err := l.idleMaxRounds(); err != nil {
		return Plan{}, err
	}
	return l.plan, nil
}

// loader is a plan in the making.
type loader struct {
	ctx       context.Context
	in        Inputs
	env       environment
	file      *File  // nil without a config file
	fileName  string // for errors and sources
	suite     *SuiteSpec
	suitePath string // "suites.default"
	profile   profile
	settings  *settings
	targets   targetFlags
	described map[string]sdk.Plugin
	selected  []string // plugins to run, in order
	filtered  bool     // --plugins names some
	planning  string   // plugin whose benchmark is being planned
	plan      Plan
}

func newLoader(ctx context.Context, in Inputs) (*loader, error) {
	dotenv, err := readDotenv(in.Dir)
	if err != nil {
		return nil, err
	}
	l := &loader{ctx: ctx, in: in, env: newEnvironment(in.Environ, dotenv), described: map[string]sdk.Plugin{}}
	l.plan.Warnings = l.env.slips()
	if err := l.readConfig(); err != nil {
		return nil, err
	}
	if err := l.variant(); err != nil {
		return nil, err
	}
	if l.targets, err = parseTargetFlags(in.Flags.Targets); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *loader) warnf(format string, args ...any) {
	l.plan.Warnings = append(l.plan.Warnings, fmt.Sprintf(format, args...))
}

// at makes an error about a line of the config file.
func (l *loader) at(line int, format string, args ...any) error {
	return origin{file: l.fileName, line: line}.errorf(format, args...)
}

// readConfig finds and parses the config file, if there is one.
func (l *loader) readConfig() error {
	name, given := l.in.Flags.text("config")
	source := "flag --config"
	if !given {
		source = "working directory"
		for _, n := range configNames {
			if _, err := os.Lstat(filepath.Join(l.in.Dir, n)); err != nil {
				continue
			}
			if name != "" {
				l.warnf("%s is not read, because there is %s", n, name)
				continue
			}
			name = n
		}
		if name == "" {
			l.plan.Settings = append(l.plan.Settings, Setting{"config", "none", "default"})
			return nil
		}
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.in.Dir, path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find config file %s: %w", show(name), err)
	}
	name = printable(name)
	data, err := readConfigFile(path, name)
	if err != nil {
		return err
	}
	l.fileName, l.plan.ConfigFile = name, path
	l.plan.Settings = append(l.plan.Settings, Setting{"config", name, source})
	l.file, err = parseFile(name, data, l.env.lookup)
	if err != nil {
		return err
	}
	if err := l.checkIsolate(); err != nil {
		return err
	}
	if t, taken := l.file.Targets[referenceTarget]; taken {
		return l.at(t.Lines[""], "targets.%s takes a name that stands for the reference stack; choose another", referenceTarget)
	}
	return nil
}

func readConfigFile(path, name string) ([]byte, error) {
	fail := func(problem string) error { return &ConfigError{File: name, Problem: problem} }
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail("the config file does not exist")
	} else if err != nil {
		return nil, fail("the config file cannot be opened: " + reason(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fail("is a folder, want a config file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fail("the config file cannot be read: " + reason(err))
	}
	return data, nil
}

// choose settles suite, profile, settings and plugins.
func (l *loader) choose() error {
	if err := l.chooseSuite(); err != nil {
		return err
	}
	var shown Setting
	var err error
	if l.profile, shown, err = chooseProfile(&l.in.Flags); err != nil {
		return err
	}
	l.plan.Profile = l.profile.name
	l.plan.Settings = append(l.plan.Settings, shown)
	if l.profile.baseline != "" {
		if _, err := os.Stat(filepath.Join(l.in.Dir, l.profile.baseline)); err != nil {
			l.profile.baseline = ""
		}
	}
	s := &sources{flags: &l.in.Flags, env: l.env, file: l.fileName, profile: l.profile}
	if l.suite != nil && l.suite.Load != nil {
		s.load = l.suite.Load
		if err := l.checkLoad(s.load, ModelClosed, "", l.suitePath+".load"); err != nil {
			return err
		}
	}
	if l.settings, err = chooseSettings(s, l.file, l.generalThreshold()); err != nil {
		return err
	}
	if err := l.choosePlugins(); err != nil {
		return err
	}
	o := l.settings
	l.plan.Settings = append(l.plan.Settings, o.shown...)
	l.plan.Seed, l.plan.Reports, l.plan.Out = o.seed.value, o.reports.value, o.out.value
	l.plan.Baseline, l.plan.Cleanup, l.plan.WaitQuiet = o.baseline.value, o.cleanup.value, o.waitQuiet.value
	return nil
}

func (l *loader) chooseSuite() error {
	name, given := l.in.Flags.text("suite")
	o := origin{subject: "flag --suite"}
	from := o.String()
	if !given {
		name, from = defaultSuite, "default"
	}
	defer func() {
		l.plan.Suite = name
		l.plan.Settings = append(l.plan.Settings, Setting{"suite", name, from})
	}()
	if l.file == nil || len(l.file.Suites) == 0 {
		if name == defaultSuite {
			return nil
		}
		if l.file == nil {
			return o.errorf("is %s, but there is no config file; write one, or leave the flag out to run the default suite", show(name))
		}
		return o.errorf("is %s, but %s has no suites", show(name), l.fileName)
	}
	suites := l.file.Suites
	if _, ok := suites[name]; !ok && !given && len(suites) == 1 {
		for only := range suites {
			name, from = only, origin{file: l.fileName, line: l.file.Lines["suites"]}.String()
		}
	}
	s, ok := suites[name]
	switch {
	case !ok && given:
		return o.errorf("is %s, which is no suite of %s%s", show(name), l.fileName, didYouMean(name, sortedKeys(suites)))
	case !ok:
		return l.at(l.file.Lines["suites"], "no suite is named default; choose one with --suite%s", didYouMean("", sortedKeys(suites)))
	}
	l.suite, l.suitePath = &s, "suites."+name
	return nil
}
