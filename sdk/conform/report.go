package conform

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
)

// Counts are the numbers of checks that passed, failed and were skipped.
func Counts(checks []Check) (passed, failed, skipped int) {
	for _, c := range checks {
		switch c.Status {
		case Fail:
			failed++
		case Skip:
			skipped++
		default:
			passed++
		}
	}
	return passed, failed, skipped
}

func (c Check) title() string { return printable(strings.Join(c.Name, " > ")) }

// printable is text of a plugin without what moves a terminal's cursor or ends
// a line of a format.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// lines are the messages of a check, printable line by line.
func (c Check) lines() []string {
	var out []string
	for _, m := range c.Messages {
		for line := range strings.Lines(m) {
			out = append(out, printable(strings.TrimRight(line, "\n")))
		}
	}
	return out
}

// Table writes a line for each check, what it said below it, and the sum.
func Table(w io.Writer, checks []Check) error {
	var b strings.Builder
	for _, c := range checks {
		fmt.Fprintf(&b, "%-4s  %s", c.Status, c.title())
		if c.Status == Pass {
			b.WriteByte('\n')
			continue
		}
		lines := c.lines()
		if c.Status == Skip && len(lines) == 1 {
			fmt.Fprintf(&b, " (%s)\n", lines[0])
			continue
		}
		b.WriteByte('\n')
		for _, line := range lines {
			fmt.Fprintf(&b, "        %s\n", line)
		}
	}
	passed, failed, skipped := Counts(checks)
	fmt.Fprintf(&b, "\n%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	_, err := io.WriteString(w, b.String())
	return err
}

// TAP writes the checks in version 13 of the Test Anything Protocol.
func TAP(w io.Writer, checks []Check) error {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 13\n1..%d\n", len(checks))
	for i, c := range checks {
		title := strings.ReplaceAll(c.title(), "#", `\#`)
		switch c.Status {
		case Fail:
			fmt.Fprintf(&b, "not ok %d - %s\n", i+1, title)
		case Skip:
			fmt.Fprintf(&b, "ok %d - %s # SKIP %s\n", i+1, title, strings.Join(c.lines(), " "))
			continue
		default:
			fmt.Fprintf(&b, "ok %d - %s\n", i+1, title)
			continue
		}
		for _, line := range c.lines() {
			fmt.Fprintf(&b, "# %s\n", line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"` // s
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	Time    string      `xml:"time,attr"`
	Failure *junitState `xml:"failure"`
	Skipped *junitState `xml:"skipped"`
}

type junitState struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes the checks as a test suite of that name, in the XML that CI
// systems read.
func JUnit(w io.Writer, name string, checks []Check) error {
	s := junitSuite{Name: printable(name), Tests: len(checks)}
	_, s.Failures, s.Skipped = Counts(checks)
	var sum time.Duration
	for _, c := range checks {
		sum += c.Took
		one := junitCase{Class: s.Name, Name: c.title(), Time: seconds(c.Took)}
		lines := c.lines()
		state := &junitState{Text: strings.Join(lines, "\n")}
		if len(lines) > 0 {
			state.Message = lines[0]
		}
		switch c.Status {
		case Fail:
			one.Failure = state
		case Skip:
			one.Skipped = state
		}
		s.Cases = append(s.Cases, one)
	}
	s.Time = seconds(sum)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
