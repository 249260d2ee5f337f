package conform

import (
	"context"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// example is a suite with one check of every kind.
func example(order *[]string, dir *string) func(T) {
	return func(t T) {
		t.Run("passes", func(t T) {
			*dir = t.TempDir()
			t.Cleanup(func() { *order = append(*order, "first") })
			t.Cleanup(func() { *order = append(*order, "last"); t.Fatal("a cleanup\x1b[31m fails") })
			if t.Context().Err() != nil {
				t.Error("the context has ended")
			}
		})
		t.Run("holds others", func(t T) {
			t.Run("skipped", func(t T) { t.Skipf("needs %s", "a moon") })
			if t.Run("fails #1", func(t T) { t.Errorf("2 lines\nof <text>"); t.Fatal("and", "ends"); t.Error("never") }) {
				t.Error("Run says that the check passed")
			}
			t.Run("fine", func(t T) { t.Logf("by the way") })
			if !t.Failed() {
				t.Fatal("Failed does not see the failure within")
			}
		})
	}
}

func record(t *testing.T) []Check {
	var order []string
	var dir string
	checks := Record(t.Context(), example(&order, &dir))
	if got := strings.Join(order, " "); got != "last first" {
		t.Errorf("cleanups in the order %q", got)
	}
	if _, err := os.Stat(dir); dir == "" || !os.IsNotExist(err) {
		t.Errorf("the folder %q is still there: %v", dir, err)
	}
	for i := range checks {
		checks[i].Took = time.Duration(i+1) * time.Millisecond
	}
	return checks
}

func TestARecorderKeepsWhatChecksSay(t *testing.T) {
	var got []string
	for _, c := range record(t) {
		got = append(got, string(c.Status)+" "+strings.Join(c.Name, "/")+" "+strings.Join(c.Messages, ";"))
	}
	want := []string{
		"fail passes a cleanup\x1b[31m fails",
		"skip holds others/skipped needs a moon",
		"fail holds others/fails #1 2 lines\nof <text>;and ends",
		"pass holds others/fine by the way",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestReportsOfTheChecks(t *testing.T) {
	checks := record(t)
	table := "fail  passes\n        a cleanup\uFFFD[31m fails\n" +
		"skip  holds others > skipped (needs a moon)\n" +
		"fail  holds others > fails #1\n        2 lines\n        of <text>\n        and ends\n" +
		"pass  holds others > fine\n\n1 passed, 2 failed, 1 skipped\n"
	tap := "TAP version 13\n1..4\nnot ok 1 - passes\n# a cleanup\uFFFD[31m fails\n" +
		"ok 2 - holds others > skipped # SKIP needs a moon\n" +
		"not ok 3 - holds others > fails \\#1\n# 2 lines\n# of <text>\n# and ends\n" +
		"ok 4 - holds others > fine\n"
	for _, c := range []struct {
		write func(io.Writer, []Check) error
		want  string
	}{{Table, table}, {TAP, tap}} {
		var b strings.Builder
		if err := c.write(&b, checks); err != nil {
			t.Fatal(err)
		}
		if b.String() != c.want {
			t.Errorf("got\n%s\nwant\n%s", b.String(), c.want)
		}
	}
}

func TestJUnitIsXMLThatCountsAndEscapes(t *testing.T) {
	var b strings.Builder
	if err := JUnit(&b, "demo", record(t)); err != nil {
		t.Fatal(err)
	}
	var s junitSuite
	if err := xml.Unmarshal([]byte(b.String()), &s); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	if s.Name != "demo" || s.Tests != 4 || s.Failures != 2 || s.Skipped != 1 || s.Time != "0.010" {
		t.Errorf("the suite is %+v", s)
	}
	if c := s.Cases[2]; c.Failure == nil || c.Failure.Message != "2 lines" || c.Failure.Text != "2 lines\nof <text>\nand ends" || c.Time != "0.003" {
		t.Errorf("the failed case is %+v", c)
	}
	if c := s.Cases[1]; c.Skipped == nil || c.Failure != nil {
		t.Errorf("the skipped case is %+v", c)
	}
}

func TestAnInterruptedSuiteDoesNotWaitForAProgramThatHangs(t *testing.T) {
	dir := t.TempDir()
	started, program := filepath.Join(dir, "started"), filepath.Join(dir, "hangs")
	script := "#!/bin/sh\ntrap '' TERM\ntouch '" + started + "'\nwhile :; do sleep 1; done\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Record(ctx, func(t T) { Program(t, []string{program}, WithBound(time.Hour)) })
	}()
	for _, err := os.Stat(started); err != nil; _, err = os.Stat(started) {
		time.Sleep(time.Millisecond)
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("it waits for the program")
	}
}
