package report

import (
	"io"
	"strings"

	"github.com/benchharness/harness/internal/verdict"
)

// ComparisonMarkdown writes a comparison in GitHub's flavour. Its first line
// is the verdict. Nothing in the comparison can add markup, mention anybody or
// break a table.
func ComparisonMarkdown(w io.Writer, c *verdict.Comparison) error {
	return writeMarkdown(w, "comparison", func(m *markdown) { m.comparison(newComparisonView(c)) })
}

func (m *markdown) comparison(v *comparisonView) {
	m.printf("# %s\n\n%s", md(v.Sentence), md(v.Sides))
	var parts []string
	for _, t := range v.Tally {
		text := "**" + t.Number + "** "
		if t.Of != "" {
			text = "**" + t.Number + "** of " + t.Of + " "
		}
		parts = append(parts, text+md(t.What))
	}
	if len(parts) > 0 {
		m.printf(" — %s", strings.Join(parts, ", "))
	}
	m.printf("\n")
	for _, s := range v.Alarms {
		m.printf("\n> **%s**\n", md(s))
	}
	for _, s := range v.Cautions {
		m.printf("\n> Caution: %s\n", md(s))
	}
	m.facts(v.Facts)
	for i := range v.Groups {
		g := &v.Groups[i]
		g.Table.Title += " (" + number(len(g.Table.Rows)) + ")"
		if g.Folded {
			m.folded(&g.Table)
			continue
		}
		m.printf("\n## %s\n\n", md(g.Table.Title))
		if g.Lead != "" {
			m.printf("%s\n\n", md(g.Lead))
		}
		m.rows(&g.Table)
	}
	m.printf("\n---\n\n%s\n", md(strings.TrimSpace(v.When+" · "+v.Footer)))
}
