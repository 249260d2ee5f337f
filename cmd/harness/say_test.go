package main

import (
	"bytes"
	"errors"
	"testing"
)

func TestWhatIsSaidCannotDriveATerminal(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain text stays", "\nwrote run.json, report.html", "\nwrote run.json, report.html"},
		{"so do lines below and their indentation", "plugin x crashed\n  its last lines: a\n  | b", "plugin x crashed\n  its last lines: a\n  | b"},
		{"escape sequences go", "x: \x1b[31;1mred\x1b[0m", "x: red"},
		{"as do bytes that are no text", "x: caf\xe9 \x07\u202eo", "x: caf\uFFFD   o"},
		{"and a line that would write over itself", "x: a\rb", "x: a b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			a := &app{stderr: &stderr}
			a.say("%s", tt.text)
			if got := stderr.String(); got != tt.want+"\n" {
				t.Errorf("said %q, want %q", got, tt.want)
			}
			stderr.Reset()
			if exitCode(&stderr, errors.New(tt.text)); stderr.String() != printable("harness: "+tt.text)+"\n" {
				t.Errorf("an error is said as %q", stderr.String())
			}
		})
	}
}
