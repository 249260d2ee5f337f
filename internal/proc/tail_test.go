package proc

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestTailKeepsTheLastLines(t *testing.T) {
	var twentyFive strings.Builder
	for i := range 25 {
		fmt.Fprintf(&twentyFive, "line %d\n", i)
	}
	lastTwenty := strings.Split(strings.TrimSuffix(twentyFive.String(), "\n"), "\n")[5:]
	for _, tt := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"nothing", nil, nil},
		{"whole lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"a line in pieces", []string{"a", "b", "c\nd\n"}, []string{"abc", "d"}},
		{"a line without an end", []string{"a\nfatal"}, []string{"a", "fatal"}},
		{"empty lines", []string{"\n\n"}, []string{"", ""}},
		{"carriage returns", []string{"a\r\nb\r\n"}, []string{"a", "b"}},
		{"the last twenty", []string{twentyFive.String()}, lastTwenty},
		{"a line that is too long, cut", []string{strings.Repeat("x", 3*tailBytes), "y\nz\n"}, []string{strings.Repeat("x", tailBytes), "z"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var passed []string
			tail := NewTail(func(line string) { passed = append(passed, line) })
			for _, w := range tt.writes {
				if n, err := tail.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatalf("write gave %d, %v", n, err)
				}
			}
			if got := tail.Lines(); !slices.Equal(got, tt.want) {
				t.Errorf("kept %q, want %q", got, tt.want)
			}
			if n := strings.Count(strings.Join(tt.writes, ""), "\n"); len(passed) != n {
				t.Errorf("passed on %d lines, want %d", len(passed), n)
			}
		})
	}
}

func TestTailIsSafeForManyWriters(t *testing.T) {
	tail := NewTail(nil)
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range 100 {
				fmt.Fprintln(tail, "line")
				tail.Lines()
			}
		})
	}
	writers.Wait()
	for _, line := range tail.Lines() {
		if line != "line" {
			t.Errorf("a line is %q", line)
		}
	}
}
