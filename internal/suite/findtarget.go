package suite

import (
	"fmt"
	"os"

	"github.com/benchharness/harness/sdk"
)

// FindTarget returns a target by its name in a config file, secrets filled in
// from the environment and from .env in dir. It is for cleaning up after a run
// that died: what such a run had created is known, how to get there is not,
// because secrets are never written down. extra are --target flags.
func FindTarget(configFile, dir, name string, extra []string) (sdk.Target, error) {
	flags, err := parseTargetFlags(extra)
	if err != nil {
		return sdk.Target{}, err
	}
	if v, ok := flags.take(name); ok {
		t := sdk.Target{Name: name}
		setAddress(&t, v)
		return t, nil
	}
	if configFile == "" {
		return sdk.Target{}, fmt.Errorf("the run took it from a flag: pass it again with --target %s=URL", name)
	}
	dotenv, err := readDotenv(dir)
	if err != nil {
		return sdk.Target{}, err
	}
	l := &loader{in: Inputs{Dir: dir, Environ: os.Environ(), Flags: Flags{Config: &configFile}}, env: newEnvironment(os.Environ(), dotenv)}
	if err := l.readConfig(); err != nil {
		return sdk.Target{}, err
	}
	spec, ok := l.file.Targets[name]
	if !ok {
		return sdk.Target{}, fmt.Errorf("%s has no target %q any more: pass it with --target %s=URL", configFile, name, name)
	}
	return spec.resolve(name, ""), nil
}
