package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
)

// bench is where one part runs: the binary that it measures, and what it found.
type bench struct {
	options
	ctx  context.Context
	out  io.Writer // nil: nothing is printed
	bin  string
	dir  string // for files of the run
	runs int
	rows []row
}

// row is one comparison.
type row struct {
	what, got, want string
	ok              bool
}

func (b *bench) passed() bool {
	for _, r := range b.rows {
		if !r.ok {
			return false
		}
	}
	return len(b.rows) > 0
}

// check notes and prints one comparison.
func (b *bench) check(ok bool, what, got, want string) {
	b.rows = append(b.rows, row{what, got, want, ok})
	word := "ok"
	if !ok {
		word = "FAILED"
	}
	b.say("%-7s%-44s %-34s want %s", word, what, got, want)
}

// say prints a line that is no comparison.
func (b *bench) say(format string, args ...any) {
	if b.out != nil {
		fmt.Fprintln(b.out, strings.TrimRight("  "+fmt.Sprintf(format, args...), " "))
	}
}

// within checks that got is within a share of want.
func (b *bench) within(what string, got, want time.Duration, share float64) {
	b.check(near(got, want, share), what, fmt.Sprintf("%s beside %s (%s)", show(got), show(want), percent(float64(got), float64(want))),
		fmt.Sprintf("within %g%%", 100*share))
}

func near(got, want time.Duration, share float64) bool {
	return float64((got - want).Abs()) <= share*float64(want)
}

// same checks that two counts are the same.
func (b *bench) same(what string, got, want uint64) {
	b.check(got == want, what, fmt.Sprintf("%d", got), fmt.Sprintf("%d", want))
}

func percent(got, want float64) string {
	if want == 0 {
		return "n/a"
	}
	return fmt.Sprintf("%+.2f%%", 100*(got/want-1))
}

// show prints a latency to four digits.
func show(d time.Duration) string {
	switch a := d.Abs(); {
	case a < time.Millisecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case a < time.Second:
		return fmt.Sprintf("%.4g ms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.4g s", d.Seconds())
}
