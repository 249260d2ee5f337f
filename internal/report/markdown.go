package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benchharness/harness/internal/result"
)

// Markdown writes the results document that a person sends on, in GitHub's
// flavour. Nothing in the run can add markup, mention anybody or break a
// table.
func Markdown(w io.Writer, run *result.Run) error {
	return writeMarkdown(w, "report", func(m *markdown) { m.view(newView(run)) })
}

// writeMarkdown lets draw write to w; what names it in an error.
func writeMarkdown(w io.Writer, what string, draw func(*markdown)) error {
	b := bufio.NewWriter(w)
	draw(&markdown{w: b})
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write markdown %s: %w", what, err)
	}
	return nil
}

type markdown struct{ w *bufio.Writer } // keeps the first error

func (m *markdown) printf(format string, args ...any) { fmt.Fprintf(m.w, format, args...) }

func (m *markdown) view(v *view) {
	m.printf("# %s\n\n", md(v.Title))
	m.printf("%s\n", md(strings.Join(v.Summary, " ")))
	for _, s := range v.Alarms {
		m.printf("\n> **%s**\n", md(s))
	}
	for _, s := range v.Cautions {
		m.printf("\n> Caution: %s\n", md(s))
	}
	m.printf("\n## Environment\n")
	m.facts(v.Facts)
	if v.Budgets != nil {
		m.table(v.Budgets)
		if v.GateNote != "" {
			m.printf("\n%s\n", md(v.GateNote))
		}
	}
	for i := range v.Plugins {
		m.table(&v.Plugins[i].Table)
		m.clocks(v.Plugins[i].Clocks)
	}
	m.meanings(v.Legend)
	m.table(v.Resources)
	m.table(v.Capacity)
	m.table(v.Figures)
	m.table(v.Until)
	m.missing(v.Missing)
	m.table(v.Measured)
	m.printf("\n## How to reproduce\n\nOn such a machine, with such targets:\n\n%s\n", codeBlock(v.Reproduce))
	m.folded(v.Clocks)
	m.folded(v.Probes)
	m.folded(v.Gauges)
	m.folded(v.Settings)
	m.printf("\n---\n\n%s\n", md(v.Footer))
}

func (m *markdown) facts(fs []fact) {
	m.printf("\n| Fact | Value |\n| --- | --- |\n")
	for _, f := range fs {
		m.printf("| %s | %s |\n", md(f.Name), md(f.Value))
	}
}

func (m *markdown) missing(ms []missing) {
	m.printf("\n## What was not measured, and why\n\n")
	if len(ms) == 0 {
		m.printf("Everything that was asked for was measured.\n")
	}
	for _, x := range ms {
		m.printf("- **%s** %s: %s", md(x.Benchmark), x.What, md(x.Why))
		if x.Remedy != "" {
			m.printf(". Remedy: %s", md(x.Remedy))
		}
		m.printf("\n")
	}
}

func (m *markdown) table(t *table) {
	if t == nil {
		return
	}
	m.printf("\n## %s\n\n", md(t.Title))
	m.rows(t)
}

// clocks follow the table that they belong to.
func (m *markdown) clocks(s *clockSection) {
	m.printf("\n### %s\n\n", md(s.title))
	m.rows(s.Scrolled())
}

func (m *markdown) meanings(legend string) {
	if legend != "" {
		m.printf("\n%s\n", md(legend))
	}
	m.printf("\n<details>\n<summary>What the clocks and validity mean</summary>\n\n    %s\n\n", clockPath)
	for _, c := range clocks {
		m.printf("- **%s**: %s\n", c.name, md(c.meaning))
	}
	m.printf("\n%s. %s\n\n", md(clockSum), md(strings.Join(clockNotes, " ")))
	for _, f := range validityWords {
		m.printf("- **%s**: %s\n", f.Name, md(f.Value))
	}
	m.printf("\n</details>\n")
}

func (m *markdown) folded(t *table) {
	if t == nil {
		return
	}
	m.printf("\n<details>\n<summary>%s</summary>\n\n", md(t.Title))
	m.rows(t)
	m.printf("\n</details>\n")
}

func (m *markdown) rows(t *table) {
	for _, c := range t.Columns {
		m.printf("| %s ", md(c.fullTitle()))
	}
	m.printf("|\n")
	for _, c := range t.Columns {
		if c.Number {
			m.printf("| ---: ")
		} else {
			m.printf("| --- ")
		}
	}
	m.printf("|\n")
	for _, r := range t.Rows {
		m.row(t, r)
	}
	notes := false
	for _, r := range t.Rows {
		for _, n := range r.Notes {
			if !notes {
				m.printf("\n")
			}
			notes = true
			m.printf("- %s: %s\n", md(rowName(t, r)), md(n))
		}
	}
	for _, f := range t.Footnotes {
		m.printf("\n%s\n", md(f))
	}
}

// rowName is what a note refers to: the name and the scenario.
func rowName(t *table, r row) string {
	if t.ID == "budgets" && len(r.Cells) > 2 {
		return fmt.Sprintf("%s on %s, %s", r.Cells[0].Text, r.Cells[1].Text, r.Cells[2].Text)
	}
	name := r.Cells[0].Text
	if len(t.Columns) > 1 && t.Columns[1].Title == "Users" && len(r.Cells) > 1 {
		name += ", " + paramText("concurrent_users", r.Cells[1].Text)
	}
	for i, c := range t.Columns[1:] {
		if c.Key && !c.Number && i+1 < len(r.Cells) {
			name += ", " + r.Cells[i+1].Text
		}
	}
	return name
}

func (m *markdown) row(t *table, r row) {
	for i, c := range r.Cells {
		text := md(c.Text)
		switch {
		case t.Judged && i == 0: // the row says in another cell what of it
		case r.State == invalid && i == 0:
			text += " **(invalid)**"
		case r.State == invalid && t.Columns[i].result():
			text = "~~" + text + "~~"
		case r.State == partial && i == 0:
			text += " **(not complete)**"
		case c.State == bad || c.State == invalid:
			text = "**" + text + "**"
		}
		if c.After != "" {
			text += " " + md(c.After)
		}
		m.printf("| %s ", text)
	}
	if r.Span != "" {
		m.printf("| %s ", md(r.Span))
		for range len(t.Columns) - len(r.Cells) - 1 {
			m.printf("| ")
		}
	}
	m.printf("|\n")
}

// md escapes text for use within a line of markdown or a cell of a table.
func md(s string) string {
	var out strings.Builder
	rs := []rune(clean(s))
	for i, r := range rs {
		switch {
		case r == '<':
			out.WriteString("&lt;")
		case r == '>':
			out.WriteString("&gt;")
		case r == '&':
			out.WriteString("&amp;")
		case (r == '@' || r == '#') && i < len(rs)-1 && isWord(rs[i+1]):
			// Breaks mentions and references, which GitHub looks for after
			// markup is gone.
			out.WriteRune(r)
			out.WriteString("<!-- -->")
		case r == '_' && inWord(rs, i):
			out.WriteRune(r) // is no emphasis there
		case strings.ContainsRune("\\`*_[]|~!", r):
			out.WriteRune('\\')
			out.WriteRune(r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

func inWord(rs []rune, i int) bool {
	return i > 0 && i < len(rs)-1 && isWord(rs[i-1]) && isWord(rs[i+1])
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// codeBlock fences text with more backticks than it holds.
func codeBlock(s string) string {
	fence := "```"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	return fence + "sh\n" + strings.ToValidUTF8(s, string(utf8.RuneError)) + "\n" + fence
}
