package report

import (
	"io"

	"github.com/benchharness/harness/internal/verdict"
)

// ComparisonJSON writes the document itself, see [verdict.EncodeComparison].
func ComparisonJSON(w io.Writer, c *verdict.Comparison) error {
	return verdict.EncodeComparison(w, c)
}
