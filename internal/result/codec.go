package result

import (
	"fmt"
	"io"
)

// MaxSize is the size in bytes of the largest document that [Decode] reads.
const MaxSize = 256 << 20

// Encode writes the document as indented JSON whose bytes depend on nothing
// but its content. It fills in run.Schema and run.Checksum, and makes nil
// lists and maps of run empty ones, so that readers never meet null where
// they expect a list. Text that comes from plugins is made printable first: a
// plugin cannot make a run that is impossible to write. Any other document
// that [Validate] would refuse is refused here too, except that histograms are
// taken as encoded by [NewHistogram].
//
// The checksum is the SHA-256 of the document's JSON text without
// insignificant whitespace and with the checksum's value empty.
func Encode(w io.Writer, run *Run) error {
	run.Schema = Schema
	tidy(run)
	FillEmpty(run)
	if err := validate(run, false); err != nil {
		return fmt.Errorf("encode run: %w", err)
	}
	return runFormat.Encode(w, run, &run.Checksum)
}

// Decode reads a document, which may come from anywhere, and checks all of
// it: size, schema, checksum and everything that [Validate] checks. Fields
// that this version does not know are ignored. The errors say what a person
// can do.
func Decode(r io.Reader) (*Run, error) { return decodeLimited(r, MaxSize) }

// DecodeUnopened reads the document that text begins with, and returns the text
// behind it. It is [Decode] for those who judge by the values of rounds: the
// histograms stay closed, which takes a small part of the time. All else is
// checked. Whoever needs a histogram of it opens it with [Histogram.Open],
// which checks it then.
func DecodeUnopened(text []byte) (run *Run, rest []byte, err error) {
	run = &Run{}
	if rest, err = runFormat.decode(text, run, &run.Checksum); err != nil {
		return nil, nil, fmt.Errorf("read run: %w", err)
	}
	if len(text)-len(rest) > MaxSize {
		return nil, nil, tooLarge(runFormat)
	}
	if err := accept(run, false); err != nil {
		return nil, nil, err
	}
	return run, rest, nil
}

var runFormat = Format{Name: "run", Schema: Schema, MaxSize: MaxSize}

func decodeLimited(r io.Reader, size int64) (*Run, error) {
	var run Run
	f := runFormat
	f.MaxSize = size
	if err := f.Decode(r, &run, &run.Checksum); err != nil {
		return nil, err
	}
	if err := accept(&run, true); err != nil {
		return nil, err
	}
	return &run, nil
}

// accept completes and checks a run that was read.
func accept(run *Run, histograms bool) error {
	FillEmpty(run)
	if err := validate(run, histograms); err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	return nil
}
