package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/benchharness/harness/internal/result"
)

// TextOptions say how text is laid out.
type TextOptions struct {
	// Color marks verdicts and headings with ANSI sequences.
	Color bool
	// Width in columns, 0 is 100. Texts and names are wrapped to it, numbers
	// never are: where a table is still too wide, columns that matter least are
	// left out.
	Width int
	// Clocks adds what each clock and validity means, all there is of the four
	// clocks, the settings and every gauge.
	Clocks bool
}

// Text writes the run for a terminal.
func Text(w io.Writer, run *result.Run, o TextOptions) error {
	return writeText(w, "report", o, func(t *textWriter) { t.view(newView(run)) })
}

// writeText lets draw write to w; what names it in an error.
func writeText(w io.Writer, what string, o TextOptions, draw func(*textWriter)) error {
	if o.Width <= 0 {
		o.Width = 100
	}
	b := bufio.NewWriter(w)
	draw(&textWriter{w: b, o: o})
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write text %s: %w", what, err)
	}
	return nil
}

type textWriter struct {
	w *bufio.Writer // keeps the first error
	o TextOptions
}

// ANSI styles.
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

var styles = map[state]string{good: green, bad: red, invalid: red, partial: yellow, absent: dim}

func (t *textWriter) style(s, code string) string {
	if !t.o.Color || code == "" || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *textWriter) line(s string) {
	fmt.Fprintln(t.w, strings.TrimRight(s, " "))
}

// wrapped writes a paragraph; further lines are indented like the first.
func (t *textWriter) wrapped(indent, s, code string) {
	hang := strings.Repeat(" ", utf8.RuneCountInString(indent))
	for i, l := range wrap(s, max(t.o.Width-len(hang), 20)) {
		if i > 0 {
			indent = hang
		}
		t.line(indent + t.style(l, code))
	}
}

func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

func (t *textWriter) view(v *view) {
	head := []string{v.Suite, v.When}
	if v.Took != "" {
		head = append(head, v.Took)
	}
	t.line(t.style("harness", bold) + " · " + strings.Join(head, " · "))
	t.wrapped("", v.Machine, dim)
	for _, s := range v.Summary[2:] { // the first two say what the head and the tables say
		t.wrapped("", s, "")
	}
	for _, s := range v.Alarms {
		t.wrapped("! ", s, red)
	}
	for _, s := range v.Cautions {
		t.wrapped("! caution: ", s, yellow)
	}
	for i := range v.Plugins {
		t.table(&v.Plugins[i].Table)
		t.clocks(v.Plugins[i].Clocks)
	}
	t.legend(v.Legend)
	t.table(v.Resources)
	t.table(v.Capacity)
	t.table(v.Figures)
	t.table(v.Until)
	t.table(v.Budgets)
	if v.GateNote != "" {
		t.wrapped("  ", v.GateNote, dim)
	}
	if t.o.Clocks {
		t.table(v.Clocks)
		t.meanings()
		t.table(v.Probes)
		t.table(v.Gauges)
	}
	t.missing(v.Missing)
	t.measured(v.Measured)
	t.line("")
	t.line(t.style("Environment", bold))
	t.facts(v.Facts)
	if t.o.Clocks {
		t.table(v.Settings)
	}
	t.line("")
	t.line(t.style("To reproduce", bold))
	t.line("  " + v.Reproduce)
}

// clocks writes as few lines a scenario as there is room for: one, three or
// four. None of the clocks is ever left out.
func (t *textWriter) clocks(s *clockSection) {
	if len(s.rows) == 0 {
		return
	}
	t.line("")
	if wide := s.wide(); tableWidth(naturalWidths(wide)) <= t.o.Width {
		t.body(wide)
		return
	}
	tall := s.tall()
	if narrow(tall, naturalWidths(tall), t.o.Width, longestPiece) <= 0 {
		t.body(tall)
		return
	}
	t.body(s.slim())
}

// legend stands once, below the last of the clocks.
func (t *textWriter) legend(s string) {
	if s == "" {
		return
	}
	t.line("")
	if !t.o.Clocks {
		s += " What each means: harness report --clocks"
	}
	t.wrapped("", s, dim)
}

func (t *textWriter) meanings() {
	var fs []fact
	for _, c := range clocks {
		fs = append(fs, fact{c.name, c.meaning})
	}
	t.line("")
	t.line(t.style("What the clocks mean", bold))
	t.line("  " + clockPath)
	t.facts(fs)
	for _, s := range append([]string{clockSum + "."}, clockNotes...) {
		t.wrapped("  ", s, dim)
	}
	t.line("")
	t.line(t.style("What validity means", bold))
	t.facts(validityWords)
}

func (t *textWriter) missing(ms []missing) {
	if len(ms) == 0 {
		return
	}
	t.line("")
	t.line(t.style("Not measured, and why", bold))
	for _, m := range ms {
		t.wrapped("  ", fmt.Sprintf("%s: %s: %s", m.Benchmark, m.What, m.Why), styles[m.State])
		if m.Remedy != "" {
			t.wrapped("    → ", m.Remedy, "")
		}
	}
}

// measured lists what was really measured: nothing of it may be cut.
func (t *textWriter) measured(tab *table) {
	if tab == nil {
		return
	}
	t.line("")
	t.line(t.style(tab.Title, bold))
	for _, r := range tab.Rows {
		t.wrapped("  ", r.Cells[0].Text+": "+r.Cells[1].Text, "")
		t.wrapped("    ", r.Cells[2].Text, dim)
	}
}

func (t *textWriter) facts(fs []fact) {
	width := 0
	for _, f := range fs {
		width = max(width, utf8.RuneCountInString(f.Name))
	}
	for _, f := range fs {
		t.wrapped(fmt.Sprintf("  %s%s  ", f.Name, strings.Repeat(" ", width-utf8.RuneCountInString(f.Name))), f.Value, "")
	}
}
