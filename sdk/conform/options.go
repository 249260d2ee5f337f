package conform

import (
	"time"

	"github.com/benchharness/harness/sdk"
)

// Option says what the suite cannot know of a plugin.
type Option func(*config)

type config struct {
	targets map[string]sdk.Target
	params  map[string]map[string]any
	presets int
	env     []string
	bound   time.Duration
	watcher Watcher
}

// A Watcher watches over every process that the suite starts. It is called
// before the start, and returns further arguments for the process and a function
// that is called with its number; that one returns what ends the watch.
type Watcher func() (args []string, watch func(pid int) (stop func()), err error)

// WithWatcher has the processes of a [Program] watched, for those that may be
// in no state to end by themselves.
func WithWatcher(w Watcher) Option { return func(c *config) { c.watcher = w } }

// WithTarget gives the target for the benchmarks of kind t.Kind. Rounds of
// benchmarks whose kind of target is not given are skipped.
func WithTarget(t sdk.Target) Option { return func(c *config) { c.targets[t.Kind] = t } }

// WithParams sets parameters of a benchmark in every preparation, above those
// of its presets: the ones that are required, or that make it quick.
func WithParams(benchmark string, with map[string]any) Option {
	return func(c *config) { c.params[benchmark] = with }
}

// WithPresets bounds how many presets of each benchmark are set up and run;
// by default all.
func WithPresets(n int) Option { return func(c *config) { c.presets = n } }

// WithEnv adds variables ("NAME=value") to the environment of a [Program],
// which else is small: a harness hands on few.
func WithEnv(env ...string) Option { return func(c *config) { c.env = append(c.env, env...) } }

// WithBound changes how long a cancelled round and a process may take to end;
// default 20 s. A plugin made with the sdk takes a few milliseconds.
func WithBound(d time.Duration) Option { return func(c *config) { c.bound = d } }

func newConfig(opts []Option) config {
	c := config{targets: map[string]sdk.Target{}, params: map[string]map[string]any{}, presets: 1 << 20, bound: 20 * time.Second}
	for _, o := range opts {
		o(&c)
	}
	return c
}
