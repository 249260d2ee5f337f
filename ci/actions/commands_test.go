package actions

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMessagesCannotStartAnotherCommand(t *testing.T) {
	for _, tt := range []struct{ title, message, want string }{
		{"", "plain", "::error::plain\n"},
		{"harness ci", "100% slower", "::error title=harness ci::100%25 slower\n"},
		{"a,b:c", "x", "::error title=a%2Cb%3Ac::x\n"},
		{"t\n::set-env name=PATH::/evil", "m\r\n::add-path::/evil", "::error title=t%0A%3A%3Aset-env name=PATH%3A%3A/evil::m%0D%0A::add-path::/evil\n"},
	} {
		var out strings.Builder
		Error(&out, tt.title, tt.message)
		if out.String() != tt.want {
			t.Errorf("got %q, want %q", out.String(), tt.want)
		}
	}
}

// TestTextIsNoCommand reads the log as the runner does: between stop-commands
// and its word nothing is a command.
func TestTextIsNoCommand(t *testing.T) {
	for _, text := range []string{"::error::x", "a\n::stop-commands::b\n::b::\n::warning::c\n", "", "##[error]x\n"} {
		var out strings.Builder
		if err := Text(&out, text); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		word, ok := strings.CutPrefix(lines[0], "::stop-commands::")
		if !ok || len(word) < 20 {
			t.Fatalf("begins with %q", lines[0])
		}
		for i, line := range lines[1:] {
			if (line == "::"+word+"::") != (i == len(lines)-2) {
				t.Errorf("commands are on again at line %d of %q", i+1, out.String())
			}
		}
		if inner := strings.Join(lines[1:len(lines)-1], "\n"); strings.TrimRight(text, "\n") != inner {
			t.Errorf("got %q, want %q", inner, text)
		}
	}
}

// A line is read as the runner reads it: in its second form a command may stand
// anywhere.
func TestAQuietLineIsNoCommand(t *testing.T) {
	for line, want := range map[string]string{
		"harness: plain: 3::4 ## [x] #[y]":            "harness: plain: 3::4 ## [x] #[y]",
		"harness: api/x ##[set-output name=code]0: a": "harness: api/x ## [set-output name=code]0: a",
		"###[error]x ##[add-mask]a":                   "### [error]x ## [add-mask]a",
		" \u2003::add-mask::a":                        " \u2003: :add-mask::a",
		"::::error::a":                                ": :::error::a",
	} {
		if got := Quiet(line); got != want || strings.Contains(got, "##[") || strings.HasPrefix(strings.TrimSpace(got), "::") {
			t.Errorf("Quiet(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestSummaryGrowsUpToItsLimit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	for _, text := range []string{"# one\n\n", "| two |"} {
		if err := AppendSummary(file, text); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, file); got != "# one\n\n| two |\n" {
		t.Errorf("got %q", got)
	}
	before := read(t, file)
	rest := MaxSummary - len(before) - 2 // an empty line before, an end of line after
	if err := AppendSummary(file, strings.Repeat("x", rest+1)); !errors.Is(err, ErrSummaryTooLarge) {
		t.Errorf("one byte too many: %v", err)
	}
	if read(t, file) != before {
		t.Error("something was written all the same")
	}
	if err := AppendSummary(file, strings.Repeat("x", rest)); err != nil {
		t.Errorf("as large as may be: %v", err)
	}
	if got := len(read(t, file)); got != MaxSummary {
		t.Errorf("%d bytes, want %d", got, MaxSummary)
	}
}

func TestWithoutAFileThereIsNoSummaryAndNoOutput(t *testing.T) {
	for _, err := range []error{AppendSummary("", "x"), SetOutput("", "a", "b")} {
		if err == nil || !strings.Contains(err.Error(), "no job of Actions") {
			t.Errorf("got %v", err)
		}
	}
}

// TestAnOutputHoldsAnyText reads the file as the runner does.
func TestAnOutputHoldsAnyText(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	values := []string{"", "plain", "two\nlines", "end\n", "a<<EOF\nEOF\nevil=1\n", "harness_\nx=y"}
	for _, v := range values {
		if err := SetOutput(file, "verdict", v); err != nil {
			t.Fatal(err)
		}
	}
	rest := read(t, file)
	first := regexp.MustCompile(`^verdict<<(harness_[A-Z2-7]{26})\n`)
	for _, want := range values {
		m := first.FindStringSubmatch(rest)
		if m == nil {
			t.Fatalf("no output begins here: %q", rest)
		}
		rest = rest[len(m[0]):]
		value, after, ok := strings.Cut(rest, "\n"+m[1]+"\n")
		if !ok || value != want {
			t.Fatalf("got %q, want %q", value, want)
		}
		rest = after
	}
	if rest != "" {
		t.Errorf("left over: %q", rest)
	}
	for _, name := range []string{"", "a b", "a=b", "a\nb", "a<<b"} {
		if err := SetOutput(file, name, "x"); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	if _, err := heredoc("a", "has the word", "word"); err == nil {
		t.Error("a value that ends itself was taken")
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
