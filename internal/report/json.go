package report

import (
	"io"

	"github.com/benchharness/harness/internal/result"
)

// JSON writes the document itself, see [result.Encode].
func JSON(w io.Writer, run *result.Run) error { return result.Encode(w, run) }
