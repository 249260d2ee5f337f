package verdict

import (
	"fmt"
	"io"

	"github.com/benchharness/harness/internal/result"
)

// MaxSize is the size in bytes of the largest comparison that
// [DecodeComparison] reads.
const MaxSize = 64 << 20

var format = result.Format{Name: "comparison", Schema: ComparisonSchema, MaxSize: MaxSize}

// EncodeComparison writes the document as a run is written: indented JSON with
// a checksum. It fills in c.Schema and c.Checksum and makes nil lists of c
// empty ones.
func EncodeComparison(w io.Writer, c *Comparison) error {
	c.Schema = ComparisonSchema
	result.FillEmpty(c)
	if err := check(c); err != nil {
		return fmt.Errorf("encode comparison: %w", err)
	}
	return format.Encode(w, c, &c.Checksum)
}

// DecodeComparison reads a document, which may come from anywhere, and checks
// all of it. The errors say what a person can do.
func DecodeComparison(r io.Reader) (*Comparison, error) {
	var c Comparison
	if err := format.Decode(r, &c, &c.Checksum); err != nil {
		return nil, err
	}
	result.FillEmpty(&c)
	if err := check(&c); err != nil {
		return nil, fmt.Errorf("read comparison: %w", err)
	}
	return &c, nil
}
