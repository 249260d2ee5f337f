package sdktest

import (
	"testing"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/conform"
)

// Run runs the suite against a plugin in this process, behind the server that
// the sdk gives every plugin.
func Run(t *testing.T, plugin sdk.Plugin, opts ...Option) {
	t.Helper()
	conform.InProcess(checked{t}, plugin, short(opts)...)
}

// Binary runs the suite against a plugin's program: its path and arguments, as
// the harness would start it.
func Binary(t *testing.T, command []string, opts ...Option) {
	t.Helper()
	conform.Program(checked{t}, command, short(opts)...)
}

func short(opts []Option) []Option {
	if testing.Short() {
		return append([]Option{WithPresets(1)}, opts...)
	}
	return opts
}

// checked lets a test be a check of the suite.
type checked struct{ *testing.T }

// Run makes a check within this one a subtest.
func (c checked) Run(name string, f func(conform.T)) bool {
	return c.T.Run(name, func(t *testing.T) { f(checked{t}) })
}
