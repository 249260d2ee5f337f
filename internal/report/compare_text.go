package report

import (
	"io"
	"strings"

	"github.com/benchharness/harness/internal/verdict"
)

// ComparisonText writes a comparison for a terminal. Its first line is the
// verdict, and is never wrapped. The unchanged metrics are only counted, unless
// o.Clocks asks for every table.
func ComparisonText(w io.Writer, c *verdict.Comparison, o TextOptions) error {
	return writeText(w, "comparison", o, func(t *textWriter) { t.comparison(newComparisonView(c)) })
}

func (t *textWriter) comparison(v *comparisonView) {
	code := bold
	if s := styles[v.State]; s != "" {
		code += ";" + s
	}
	t.line(t.style(v.Sentence, code))
	t.wrapped("", v.Sides, dim)
	t.line("")
	t.facts(v.Facts)
	if len(v.Alarms)+len(v.Cautions) > 0 {
		t.line("")
	}
	for _, s := range v.Alarms {
		t.wrapped("! ", s, red)
	}
	for _, s := range v.Cautions {
		t.wrapped("! caution: ", s, yellow)
	}
	for i := range v.Groups {
		g := &v.Groups[i]
		g.Table.Title += " (" + number(len(g.Table.Rows)) + ")"
		if g.Folded && !t.o.Clocks {
			t.line("")
			t.line(t.style(g.Table.Title, bold))
			t.wrapped("  ", g.Lead, dim)
			continue
		}
		t.table(&g.Table)
	}
	t.line("")
	t.wrapped("", strings.TrimSpace(v.When+" · "+v.Footer), dim)
}
