package store

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/benchharness/harness/internal/result"
)

// maxRunsSize is the size in bytes of the largest file that [ReadRuns] reads.
const maxRunsSize = 2 * result.MaxSize

// ReadRuns reads a file of one or more run documents, one after the other, and
// checks all of them but what is in their histograms, see
// [result.DecodeUnopened]. No two may be the same run.
func ReadRuns(path string) ([]*result.Run, error) {
	raw, err := readText(path)
	if err != nil {
		return nil, err
	}
	runs, err := decodeRuns(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return runs, nil
}

// ReadRunUnopened reads a run document, of which it checks all but what is in
// the histograms, see [result.DecodeUnopened].
func ReadRunUnopened(path string) (*result.Run, error) {
	runs, err := ReadRuns(path)
	if err != nil {
		return nil, err
	}
	if len(runs) > 1 {
		return nil, fmt.Errorf("%s: holds %d runs, want one", path, len(runs))
	}
	return runs[0], nil
}

// readText reads a file of run documents.
func readText(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, explain("read", path, err)
	}
	defer f.Close()
	text := &bytes.Buffer{}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("read %s: it is a folder; name a file in it", path)
	} else if err == nil && info.Mode().IsRegular() {
		text = bytes.NewBuffer(make([]byte, 0, min(info.Size(), maxRunsSize)+bytes.MinRead))
	}
	if _, err := text.ReadFrom(io.LimitReader(f, maxRunsSize+1)); err != nil {
		return nil, explain("read", path, err)
	}
	if text.Len() > maxRunsSize {
		return nil, fmt.Errorf("%s: is larger than %d MiB, which no baseline of harness is", path, maxRunsSize>>20)
	}
	return text.Bytes(), nil
}

func decodeRuns(raw []byte) ([]*result.Run, error) {
	var runs []*result.Run
	seen := map[string]bool{}
	for {
		run, rest, err := result.DecodeUnopened(raw)
		if err != nil {
			if len(runs) > 0 {
				return nil, fmt.Errorf("run %d of it: %w", len(runs)+1, err)
			}
			return nil, err
		}
		if seen[run.ID] {
			return nil, fmt.Errorf("run %s is in it twice", run.ID)
		}
		seen[run.ID] = true
		if runs = append(runs, run); len(runs) > MaxBaselineRuns {
			return nil, fmt.Errorf("has more than %d runs, which no baseline of harness has", MaxBaselineRuns)
		}
		if raw = rest; len(bytes.TrimSpace(raw)) == 0 {
			return runs, nil
		}
	}
}
