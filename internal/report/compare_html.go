package report

import (
	"bufio"
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

//go:embed compare.gohtml
var comparisonTemplate string

// comparisonPage shares the tables of the report's page.
var comparisonPage = template.Must(template.Must(page.Clone()).New("comparison").Parse(comparisonTemplate))

type comparisonHTML struct {
	*comparisonView
	Cards     cards
	Resources []sideSpark
}

// ComparisonHTML writes one page that needs nothing else. The runs may be nil;
// with both, the distributions of their response latency and what the machine
// did are drawn too. past is the history of any metrics.
func ComparisonHTML(w io.Writer, c *verdict.Comparison, base, head *result.Run, past ...History) error {
	b := bufio.NewWriter(w)
	v := comparisonHTML{newComparisonView(c), newCards(c, base, head, past), sideSparks(base, head)}
	if err := comparisonPage.Execute(b, v); err != nil {
		return fmt.Errorf("write HTML comparison: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write HTML comparison: %w", err)
	}
	return nil
}
