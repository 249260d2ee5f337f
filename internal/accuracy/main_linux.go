package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == serveRole {
		if err := serve(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "accuracy server:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Stdout, os.Args[1:])
	switch {
	case ctx.Err() != nil:
		os.Exit(130)
	case errors.Is(err, flag.ErrHelp), errors.As(err, new(usageError)):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		os.Exit(1)
	}
}

// usageError is a mistake on the command line, which has been told.
type usageError struct{ error }

// A part is a piece of the suite that runs by itself.
type part struct {
	name, doc string
	run       func(*bench) error
	showOnly  bool // it compares nothing with a limit
}

func parts() []part {
	return []part{
		{"latency", "servers of known latency: what the client says beside the server's own stamps", knownLatency, false},
		{"send", "a server that reads late: the time of the send is in the service clock", lateReader, false},
		{"stall", "the stall oracle: 200 ms of freeze in every 2 s, 1,000/s, 16 connections", stall, false},
		{"stopped", "the same with a server stopped by SIGSTOP", stopped, false},
		{"queue", "the same with a listen queue that overflows: a connection for each request, SYNs sent again after 1 s", overflowingQueue, false},
		{"reset", "a server that resets one connection in 50 requests", resets, false},
		{"lag", "a generator that is stopped itself: the lag is shown as its own", ownLag, false},
		{"arrivals", "when requests arrive, by the server's stamps", arrivals, false},
		{"overload", "three times what the server can do: never a pass", overload, false},
		{"limit", "answers after more than the histograms' 60 s are counted", overLimit, false},
		{"beside", "wrk and ab on the same server, pgbench on the same database", beside, false},
		{"peers", "what others report of the stall oracle", peers, true},
		{"mutations", "harness broken on purpose has to be found", mutations, false},
	}
}

type options struct {
	harness string
	only    string
	source  string
	peers   string
	keep    bool
}

func run(ctx context.Context, out io.Writer, args []string) error {
	var o options
	fs := flag.NewFlagSet("accuracy", flag.ContinueOnError)
	fs.StringVar(&o.harness, "harness", "bin/harness", "the built binary")
	fs.StringVar(&o.only, "only", "", "parts to run, by name, with commas; all without it")
	fs.StringVar(&o.source, "source", ".", "the repository's root, of which mutations are built")
	fs.StringVar(&o.peers, "peers", ".build/peers", "a folder with load generators, before those in PATH")
	fs.BoolVar(&o.keep, "keep", false, "keep configs, documents and the server's logs")
	if err := fs.Parse(args); err != nil {
		return usageError{err}
	}
	chosen, err := choose(o.only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		return usageError{err}
	}
	bin, err := filepath.Abs(o.harness)
	if err != nil {
		return fmt.Errorf("find the binary: %w", err)
	}
	if _, err := os.Stat(bin); err != nil {
		return fmt.Errorf("find the binary: %w; make build makes it", err)
	}
	dir, err := os.MkdirTemp("", "harness-accuracy-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Fprintln(out, "files are kept in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	return runParts(ctx, out, chosen, &bench{ctx: ctx, bin: bin, dir: dir, options: o})
}

func choose(only string) ([]part, error) {
	all := parts()
	if only == "" {
		return all, nil
	}
	var chosen []part
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(p part) bool { return p.name == name })
		if i < 0 {
			var names []string
			for _, p := range all {
				names = append(names, p.name)
			}
			return nil, fmt.Errorf("part %q is unknown, want some of %s", name, strings.Join(names, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// runParts runs them one after the other, because they measure. A part that
// failed is run once more, both results stand in the output: a machine that
// did not run for 10 ms fails a check of 6 ms, and a harness that is wrong
// fails it every time.
func runParts(ctx context.Context, out io.Writer, chosen []part, b *bench) error {
	start := time.Now()
	checks, failed, again := 0, []string{}, []string{}
	for _, p := range chosen {
		fmt.Fprintf(out, "\n%s: %s\n", p.name, p.doc)
		ok := false
		for attempt := 1; attempt <= 2 && !ok && ctx.Err() == nil; attempt++ {
			if attempt == 2 {
				fmt.Fprintln(out, "  once more, because a check failed:")
				again = append(again, p.name)
			}
			n := 0
			n, ok = attemptPart(out, p, b)
			checks += n
		}
		if !ok {
			failed = append(failed, p.name)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	fmt.Fprintf(out, "\n%d checks in %s", checks, time.Since(start).Round(time.Second))
	if len(again) > 0 {
		fmt.Fprintf(out, ", run a second time: %s", strings.Join(again, ", "))
	}
	fmt.Fprintln(out)
	if len(failed) > 0 {
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	}
	fmt.Fprintln(out, "every part passed")
	return nil
}

func attemptPart(out io.Writer, p part, b *bench) (checks int, ok bool) {
	own := *b
	own.out, own.rows = out, nil
	var err error
	if own.dir, err = os.MkdirTemp(b.dir, p.name+"-"); err != nil {
		fmt.Fprintf(out, "  FAILED %v\n", err)
		return 0, false
	}
	before := sample()
	start := time.Now()
	err = p.run(&own)
	fmt.Fprintf(out, "  %s; %s\n", time.Since(start).Round(100*time.Millisecond), sample().since(before))
	if err != nil {
		fmt.Fprintf(out, "  FAILED %v\n", err)
		return len(own.rows), false
	}
	return len(own.rows), p.showOnly || own.passed()
}
