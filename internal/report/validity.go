package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

const (
	maxCodes = 4  // of findings, beside one row
	maxCode  = 40 // bytes
)

// validityCell says in a word how far a scenario can be trusted, and by the
// codes of its findings why not further. A caution that many rows share stands
// as its mark.
func validityCell(run *result.Run, b *result.Benchmark, shared []sharedCaution) cell {
	findings := slices.Clone(b.Validity)
	s, word, _ := outcome(run, b)
	if _, ok := run.InvalidReason(); ok {
		findings = append(slices.Clone(run.Validity), findings...)
	}
	var codes []string
	cautious := false
	for _, f := range findings {
		code := result.Printable(f.Code, maxCode)
		if f.Level == "caution" {
			cautious = true
			if c := findShared(shared, f.Code); c != nil {
				code = c.mark
			}
		}
		if code != "" && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	out := cell{State: s, After: codeList(codes)}
	switch {
	case s == invalid || s == partial:
		out.Text = word
	case cautious:
		out.Text, out.State = "caution", partial
	default:
		out.Text, out.State = "valid", good
	}
	return out
}

func codeList(codes []string) string {
	if more := len(codes) - maxCodes; more > 0 {
		return strings.Join(codes[:maxCodes], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(codes, ", ")
}
