// Command faulty is a plugin whose benchmarks go wrong in ways that a harness
// has to survive.
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
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
		"stubborn": func(context.Context, *sdk.Op) error { // ends only when it is killed
			signal.Ignore(syscall.SIGTERM, os.Interrupt)
			return nil
		},
		"breeds": func(_ context.Context, op *sdk.Op) error { // one child stays in the group, the other leaves it
			if op.Index > 0 {
				return nil
			}
			for _, attr := range []*syscall.SysProcAttr{{}, {Setsid: true}} {
				cmd := exec.Command("sleep", "1000")
				cmd.SysProcAttr, cmd.Stdout, cmd.Stderr = attr, os.Stdout, os.Stderr
				if err := cmd.Start(); err != nil {
					return err
				}
				f, err := os.OpenFile(os.Getenv("TMPDIR")+"/../pids", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
				if err != nil {
					return err
				}
				fmt.Fprintln(f, cmd.Process.Pid)
				f.Close()
			}
			return nil
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
	for _, name := range []string{"exits", "panics", "freezes", "deaf", "stubborn", "breeds", "chatty", "nan"} {
		p.Benchmarks = append(p.Benchmarks, sdk.Benchmark{
			Name: name, Doc: "Goes wrong.", Setup: sdk.Func(ops[name]), Load: sdk.LoadHint{Serial: true},
			Metrics: []sdk.Metric{{Name: "quality", Unit: "ratio", Better: sdk.Higher, Scale: sdk.Absolute}},
		})
	}
	sdk.Register(p)
}

func main() { serve.Main() }
