package suite

// Judging is what it takes to compare runs that exist already: no plan, no
// plugin and no target.
type Judging struct {
	Thresholds []Threshold // in order; the last match wins
	Policy     Policy
	Budgets    []Budget // of the config file
	ConfigFile string   // absolute path, or ""
	Warnings   []string
}

// ResolveJudging reads what comparing needs from flags (--config and
// --threshold), environment, .env and config file, as [Resolve] does for a run.
// Secrets need not be there, and of in only Flags, Environ, Dir and Metrics are
// used. A mistake in them is a *[ConfigError].
func ResolveJudging(in Inputs) (Judging, error) {
	dotenv, err := readDotenv(in.Dir)
	if err != nil {
		return Judging{}, err
	}
	l := &loader{in: in, env: newEnvironment(in.Environ, dotenv), filtered: true}
	l.env.unsetIsEmpty = true
	l.plan.Warnings = l.env.slips()
	if err := l.readConfig(); err != nil {
		return Judging{}, err
	}
	s := &sources{flags: &l.in.Flags, env: l.env, file: l.fileName, profile: profiles[0]}
	c := &chooser{sources: s}
	l.settings = &c.out
	add(c, &l.settings.threshold, "threshold", percentRule, l.generalThreshold(), s.profile.threshold)
	if c.err != nil {
		return Judging{}, c.err
	}
	if err := l.thresholds(); err != nil {
		return Judging{}, err
	}
	if l.file != nil {
		if err := l.budgets(); err != nil {
			return Judging{}, err
		}
	}
	return Judging{
		Thresholds: l.plan.Thresholds, Policy: l.file.policy(), Budgets: l.plan.Budgets,
		ConfigFile: l.plan.ConfigFile, Warnings: l.plan.Warnings,
	}, nil
}
