package suite

import (
	"fmt"
	"strings"
	"unicode"
)

// ConfigError is a mistake in the config file, the environment, .env or the
// flags. The command line exits with status 2 on it. It is one line, and holds
// no value of a target.
type ConfigError struct {
	File    string // as the person named it; "" when the mistake is in no file
	Line    int    // from 1; 0 when unknown
	Problem string // what is wrong and what is allowed
}

func (e *ConfigError) Error() string {
	switch {
	case e.File == "":
		return e.Problem
	case e.Line == 0:
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// origin is a place that a value came from.
type origin struct {
	file    string // with line, for the config file and .env
	line    int
	subject string // "flag --duration", "environment NAME", or the key in the file
}

// String is the origin as Setting.Source shows it.
func (o origin) String() string {
	switch {
	case o.file == "":
		return o.subject
	case o.line == 0:
		return o.file
	}
	return fmt.Sprintf("%s:%d", o.file, o.line)
}

// errorf makes a ConfigError about the thing that came from o.
func (o origin) errorf(format string, args ...any) error {
	problem := fmt.Sprintf(format, args...)
	if o.subject != "" {
		problem = o.subject + " " + problem
	}
	return &ConfigError{File: o.file, Line: o.line, Problem: problem}
}

// show quotes a value for an error: on one line, and not endless.
func show(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// plain makes a key printable without quotes, and not endless.
func plain(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return printable(s)
}

// printable keeps foreign text on one line and away from the terminal's
// controls.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
