package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/benchharness/harness/internal/result"
)

// maxRunsSize is the size in bytes of the largest file that [ReadRuns] reads.
const maxRunsSize = 2 * result.MaxSize

// ReadRuns reads a file of one or more run documents, one after the other, and
// checks each of them. No two may be the same run.
func ReadRuns(path string) ([]*result.Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, explain("read", path, err)
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("read %s: it is a folder; name a file in it", path)
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxRunsSize+1))
	if err != nil {
		return nil, explain("read", path, err)
	}
	if len(raw) > maxRunsSize {
		return nil, fmt.Errorf("%s: is larger than %d MiB, which no baseline of harness is", path, maxRunsSize>>20)
	}
	runs, err := decodeRuns(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return runs, nil
}

func decodeRuns(raw []byte) ([]*result.Run, error) {
	var runs []*result.Run
	seen := map[string]bool{}
	for {
		one, rest := firstDocument(raw)
		run, err := result.Decode(bytes.NewReader(one))
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

// firstDocument cuts off the first JSON value. What is not JSON is left whole,
// for the decoder of documents to say what is wrong with it.
func firstDocument(raw []byte) (one, rest []byte) {
	d := json.NewDecoder(bytes.NewReader(raw))
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return raw, nil
	}
	return value, raw[d.InputOffset():]
}
