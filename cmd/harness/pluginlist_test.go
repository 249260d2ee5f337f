package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheNameOfAFileDrivesNoTerminal(t *testing.T) {
	p := newPlace(t)
	dir := filepath.Join(p.dir, ".harness", "plugins")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a\x1b]0;title\x07", "b\nsystem  9.9.9", "c\x1b[31mred"} {
		if err := os.WriteFile(filepath.Join(dir, "harness-plugin-"+name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"plugin", "list"}, {"list"}} {
		out := p.must(args...).stdout
		if strings.ContainsAny(out, "\x1b\x07") {
			t.Errorf("harness %v prints what drives a terminal: %q", args, out)
		}
		if strings.Contains(out, "\nsystem  9.9.9") {
			t.Errorf("harness %v prints a line that a file's name made up:\n%s", args, out)
		}
	}
}
