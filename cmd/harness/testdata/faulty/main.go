// Command faulty is a plugin whose benchmarks go wrong in ways that a harness
// has to survive.
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"syscall"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/serve"
)

func init() {
	ops := map[string]func(context.Context, *sdk.Op) error{
		"exits": func(_ context.Context, op *sdk.Op) error {
			if op.Index == 5 {
				fmt.Fprintln(os.Stderr, "out of luck")
				os.Exit(3)
			}
			return nil
		},
		"panics": func(context.Context, *sdk.Op) error { panic("out of luck") },
		"freezes": func(_ context.Context, op *sdk.Op) error {
			return syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		},
		"deaf": func(context.Context, *sdk.Op) error { // to the end of its context
			fmt.Fprintln(os.Stderr, "I hear nothing")
			select {}
		},
		"chatty": func(_ context.Context, op *sdk.Op) error {
			fmt.Println("hello")
			return nil
		},
		"nan": func(_ context.Context, op *sdk.Op) error {
			op.Record("quality", math.NaN())
			return nil
		},
	}
	p := sdk.Plugin{Name: "faulty", Version: "1.0.0", Doc: "Goes wrong."}
	for _, name := range []string{"exits", "panics", "freezes", "deaf", "chatty", "nan"} {
		p.Benchmarks = append(p.Benchmarks, sdk.Benchmark{
			Name: name, Doc: "Goes wrong.", Setup: sdk.Func(ops[name]), Load: sdk.LoadHint{Serial: true},
			Metrics: []sdk.Metric{{Name: "quality", Unit: "ratio", Better: sdk.Higher, Scale: sdk.Absolute}},
		})
	}
	sdk.Register(p)
}

func main() { serve.Main() }
