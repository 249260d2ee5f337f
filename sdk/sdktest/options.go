package sdktest

import (
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/conform"
)

// Option says what the suite cannot know of a plugin.
type Option = conform.Option

// WithTarget gives the target for the benchmarks of kind t.Kind. Rounds of
// benchmarks whose kind of target is not given are skipped.
func WithTarget(t sdk.Target) Option { return conform.WithTarget(t) }

// WithParams sets parameters of a benchmark in every preparation, above those
// of its presets: the ones that are required, or that make it quick.
func WithParams(benchmark string, with map[string]any) Option {
	return conform.WithParams(benchmark, with)
}

// WithPresets bounds how many presets of each benchmark are set up and run;
// by default all, or one with `go test -short`.
func WithPresets(n int) Option { return conform.WithPresets(n) }

// WithEnv adds variables ("NAME=value") to the environment of a [Binary],
// which else is small: a harness hands on few.
func WithEnv(env ...string) Option { return conform.WithEnv(env...) }

// WithBound changes how long a cancelled round and a process may take to end;
// default 20 s. A plugin made with the sdk takes a few milliseconds.
func WithBound(d time.Duration) Option { return conform.WithBound(d) }
