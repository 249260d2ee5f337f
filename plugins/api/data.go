package api

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// Limits of a data file: what a setup may keep in memory.
const (
	maxDataFile = 64 << 20 // bytes
	maxDataLine = 4 << 20  // bytes of one JSONL row
)

// record is one row of data: values by column. Those of a CSV file are
// strings; those of JSONL are what encoding/json makes of them, with numbers
// kept as they are written.
type record map[string]any

// lookup finds a column by its name, or by a dotted path into nested values.
func (r record) lookup(column string) (any, bool) {
	if v, ok := r[column]; ok {
		return v, true
	}
	if !strings.Contains(column, ".") {
		return nil, false
	}
	return dotted(map[string]any(r), column)
}

// dataFile is where rows come from: a file, rows in the config, or nothing.
type dataFile struct {
	name string // for errors; "" if there are no rows
	text []byte // content of the file
	rows []record
}

// openData reads the parameters data and rows. path is relative to the
// working directory.
func openData(path string, rows []map[string]json.RawMessage) (*dataFile, error) {
	switch {
	case path != "" && len(rows) > 0:
		return nil, sdk.BadParam("rows", "is given beside data; want one of them")
	case path != "":
		return readDataFile(path)
	case len(rows) == 0:
		return &dataFile{}, nil
	}
	d := &dataFile{name: "rows"}
	for i, raw := range rows {
		r := record{}
		for k, v := range raw {
			x, err := decodeJSON(v)
			if err != nil {
				return nil, sdk.BadParam(fmt.Sprintf("rows[%d].%s", i, k), "is not JSON: %v", err)
			}
			r[k] = x
		}
		d.rows = append(d.rows, r)
	}
	return d, nil
}

func readDataFile(path string) (*dataFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, sdk.BadParam("data", "cannot be read: %v", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxDataFile+1))
	if err != nil {
		return nil, sdk.BadParam("data", "cannot be read: %v", err)
	}
	if len(text) > maxDataFile {
		return nil, sdk.BadParam("data", "is larger than %d MiB: %s", maxDataFile>>20, path)
	}
	parse := parseJSONL
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".csv":
		parse = parseCSV
	case ".jsonl", ".ndjson":
	default:
		return nil, sdk.BadParam("data", "is %s; want a file named .csv, .jsonl or .ndjson", path)
	}
	rows, err := parse(text)
	if err == nil && len(rows) == 0 {
		err = errors.New("no rows")
	}
	if err != nil {
		return nil, sdk.BadParam("data", "is wrong: %s: %v", path, err)
	}
	return &dataFile{name: path, text: text, rows: rows}, nil
}

// digest identifies the content of the file; "" without one.
func (d *dataFile) digest() string {
	if d.text == nil {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(d.text))
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// parseCSV reads a header row and the rows under it (RFC 4180).
func parseCSV(text []byte) ([]record, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, byteOrderMark)))
	header, err := r.Read()
	if err == io.EOF {
		return nil, errors.New("empty; want a header row with the names of the columns")
	}
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, name := range header {
		if name == "" || seen[name] {
			return nil, fmt.Errorf("line 1: the name of column %d is empty or used twice: %q", i+1, name)
		}
		seen[name] = true
	}
	var rows []record
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		row := make(record, len(header))
		for i, name := range header {
			row[name] = fields[i]
		}
		rows = append(rows, row)
	}
}

// parseJSONL reads one JSON object a line; blank lines are skipped.
func parseJSONL(text []byte) ([]record, error) {
	s := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, byteOrderMark)))
	s.Buffer(nil, maxDataLine)
	var rows []record
	line := 0
	for s.Scan() {
		line++
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		v, err := decodeJSON(s.Bytes())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		row, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("line %d: want an object such as {\"id\": 1}", line)
		}
		rows = append(rows, row)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", line+1, err)
	}
	return rows, nil
}

// decodeJSON reads exactly one JSON value and keeps numbers as written.
func decodeJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}
