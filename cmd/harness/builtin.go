package main

import (
	"github.com/benchharness/harness/sdk"

	_ "github.com/benchharness/harness/plugins/api"
	_ "github.com/benchharness/harness/plugins/db"
	_ "github.com/benchharness/harness/plugins/embedding"
	_ "github.com/benchharness/harness/plugins/system"
	_ "github.com/benchharness/harness/plugins/vector"
)

// areas is the order of the built-in plugins in every table.
var areas = []string{"embedding", "vector", "api", "db", "system"}

func builtins() []sdk.Plugin {
	out := make([]sdk.Plugin, 0, len(areas))
	for _, name := range areas {
		if p, ok := sdk.Lookup(name); ok {
			out = append(out, p)
		}
	}
	return out
}
