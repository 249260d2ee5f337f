package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/benchharness/harness/internal/result"
)

// TextOptions say how text is laid out.
type TextOptions struct {
	// Color marks verdicts and headings with ANSI sequences.
	Color bool
	// Width in columns; texts are wrapped and names cut to it, numbers never
	// are. 0 is 100.
	Width int
	// Clocks adds the table of the four clocks, and with it the settings and
	// every gauge.
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
	}
	t.table(v.Resources)
	t.table(v.Figures)
	t.table(v.Budgets)
	if v.GateNote != "" {
		t.wrapped("  ", v.GateNote, dim)
	}
	if t.o.Clocks {
		t.table(v.Clocks)
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

// marks are shown in front of rows whose numbers are not to be taken as they
// are.
var marks = map[state]string{bad: "✗ ", invalid: "✗ ", partial: "! ", absent: "– "}

func (t *textWriter) table(tab *table) {
	if tab == nil {
		return
	}
	t.line("")
	t.line(t.style(tab.Title, bold))
	widths := columnWidths(tab, t.o.Width)
	header := make([]cell, len(tab.Columns))
	for i, c := range tab.Columns {
		header[i].Text = c.Title
	}
	if hasNumbers(tab) {
		t.line("  " + t.style(strings.TrimRight(t.cells(tab, header, widths, fine), " "), dim))
	}
	for _, r := range tab.Rows {
		mark := "  "
		if m := marks[r.State]; m != "" {
			mark = t.style(m, styles[r.State])
		}
		line := mark + t.cells(tab, r.Cells, widths, r.State)
		if r.Span == "" {
			t.line(line)
		} else {
			t.span(line, 2+sum(widths[:len(r.Cells)])+2*len(r.Cells), r)
		}
		for _, n := range r.Notes {
			t.wrapped("    └ ", n, noteStyle(n, r.State))
		}
	}
	for _, f := range tab.Footnotes {
		t.wrapped("  ", f, dim)
	}
}

// hasNumbers says whether a table is more than reasons why there is none.
func hasNumbers(tab *table) bool {
	return slices.ContainsFunc(tab.Rows, func(r row) bool { return r.Span == "" })
}

// span puts a text beside a row's cells, or below them where it is too long.
func (t *textWriter) span(line string, at int, r row) {
	if at+utf8.RuneCountInString(r.Span) <= t.o.Width {
		t.line(line + t.style(r.Span, styles[r.State]))
		return
	}
	t.line(line)
	t.wrapped("    └ ", r.Span, styles[r.State])
}

func noteStyle(note string, s state) string {
	if strings.HasPrefix(note, "caution: ") {
		return yellow
	}
	if s == fine {
		return yellow
	}
	return styles[s]
}

func (t *textWriter) cells(tab *table, cells []cell, widths []int, s state) string {
	var out strings.Builder
	for i, c := range cells {
		text := cut(c.Text, widths[i])
		if s == invalid && tab.Columns[i].result() {
			text = cut("("+c.Text+")", widths[i])
		}
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		text = t.style(text, styles[c.State])
		if tab.Columns[i].Number {
			out.WriteString(pad + text)
		} else {
			out.WriteString(text + pad)
		}
		out.WriteString("  ")
	}
	return out.String()
}

// columnWidths are the widths of the longest texts. Where they do not fit
// side by side, names are cut, but not below 16 columns.
func columnWidths(tab *table, width int) []int {
	ws := make([]int, len(tab.Columns))
	for i, c := range tab.Columns {
		ws[i] = utf8.RuneCountInString(c.Title)
	}
	for _, r := range tab.Rows {
		for i, c := range r.Cells {
			n := utf8.RuneCountInString(c.Text)
			if r.State == invalid && tab.Columns[i].result() {
				n += 2 // parentheses
			}
			ws[i] = max(ws[i], n)
		}
	}
	over := 2 + sum(ws) + 2*(len(ws)-1) - width
	for over > 0 {
		widest := -1
		for i, c := range tab.Columns {
			if !c.Number && ws[i] > 16 && (widest < 0 || ws[i] > ws[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		ws[widest]--
		over--
	}
	return ws
}

func sum(xs []int) int {
	n := 0
	for _, x := range xs {
		n += x
	}
	return n
}

func cut(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(width-1, 0)]) + "…"
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
