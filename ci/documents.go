package ci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

// Names of the documents in a folder.
const (
	ComparisonFile = "comparison.json"
	baseFile       = "base.json"
	headFile       = "head.json"
	baseRepeatFile = "base-repeat.json"
	headRepeatFile = "head-repeat.json"
	runFile        = "run.json"
)

// Limits of a document, so that a stranger's cannot keep the bot busy for long.
const (
	MaxDocument   = 64 << 20 // bytes
	maxBenchmarks = 20_000
	// maxValues is what fits into MaxDocument as harness writes it, a value on a
	// line of its own. Written as 0,0,0 it would be ten times as many, and some GB
	// once they are read.
	maxValues = 4_000_000
)

// Documents are what one comparison left behind. What is not there is nil.
type Documents struct {
	// Name tells legs of a matrix apart; "" where there is one.
	Name string
	// Comparison is the verdict as it was written where it was measured.
	Comparison *verdict.Comparison
	// Set and Repeat are the runs of an interleaved comparison.
	Set, Repeat *verdict.Pair
	// Head is the run that was judged against a stored base.
	Head *result.Run
}

// IsFolder says whether a folder holds documents itself, rather than one
// folder for each leg.
func IsFolder(fsys fs.FS) bool {
	for _, name := range []string{ComparisonFile, headFile, runFile} {
		if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// Read reads the documents of one leg. comparison is the name of its
// comparison document, or "" where what it says would not be believed anyway.
// Run documents that stand beside a comparison of other runs are left out.
//
// Everything is read to its end and checked: size, schema, checksum, content.
func Read(fsys fs.FS, comparison string) (Documents, error) {
	var d Documents
	var err error
	if comparison != "" {
		if d.Comparison, err = readComparison(fsys, comparison); err != nil {
			return d, err
		}
	}
	runs := map[string]*result.Run{}
	for _, name := range []string{baseFile, headFile, baseRepeatFile, headRepeatFile, runFile} {
		run, err := readRun(fsys, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil && d.Comparison == nil:
			return d, err
		case err == nil:
			runs[name] = run
		}
	}
	d.take(runs)
	if d.Comparison == nil && d.Set == nil && d.Head == nil {
		return d, errors.New("there are no run documents to judge by: want base.json and head.json of harness ab, or run.json")
	}
	return d, nil
}

// take sorts run documents into what they are.
func (d *Documents) take(runs map[string]*result.Run) {
	base, head := runs[baseFile], runs[headFile]
	if base != nil && head != nil && d.about(base, head) {
		d.Set = &verdict.Pair{Base: base, Head: head}
		if runs[baseRepeatFile] != nil || runs[headRepeatFile] != nil {
			d.Repeat = &verdict.Pair{Base: runs[baseRepeatFile], Head: runs[headRepeatFile]}
		}
		return
	}
	for _, run := range []*result.Run{head, runs[runFile]} {
		if run != nil && d.about(nil, run) {
			d.Head = run
			return
		}
	}
}

// about says whether the comparison, if there is one, is of these runs.
func (d *Documents) about(base, head *result.Run) bool {
	c := d.Comparison
	if c == nil {
		return true
	}
	is := func(s verdict.Side, run *result.Run) bool { return len(s.RunIDs) == 1 && s.RunIDs[0] == run.ID }
	if base != nil {
		return c.Method.Design == verdict.Interleaved && is(c.Base, base) && is(c.Head, head)
	}
	return is(c.Head, head)
}

// runs are all of the documents' run documents.
func (d *Documents) runs() []*result.Run {
	var out []*result.Run
	for _, p := range []*verdict.Pair{d.Set, d.Repeat} {
		if p != nil && p.Base != nil && p.Head != nil {
			out = append(out, p.Base, p.Head)
		}
	}
	if d.Head != nil {
		out = append(out, d.Head)
	}
	return out
}

func readComparison(fsys fs.FS, name string) (*verdict.Comparison, error) {
	f, err := open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := verdict.DecodeComparison(limited(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

func readRun(fsys fs.FS, name string) (*result.Run, error) {
	f, err := open(fsys, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	run, err := result.Decode(limited(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(run.Benchmarks) > maxBenchmarks {
		return nil, fmt.Errorf("%s: holds %d benchmarks, at most %d are read", name, len(run.Benchmarks), maxBenchmarks)
	}
	return run, nil
}

// limited reads no more of a document than its limits allow.
func limited(r io.Reader) io.Reader {
	return &valueReader{r: io.LimitReader(r, MaxDocument+1), left: maxValues}
}

// valueReader fails where a document holds too many values, which are told by
// the commas between them.
type valueReader struct {
	r    io.Reader
	left int
}

func (v *valueReader) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	if v.left -= bytes.Count(p[:n], []byte{','}); v.left < 0 {
		return 0, fmt.Errorf("it holds more than %d values, which no document of a comparison does", maxValues)
	}
	return n, err
}

// open opens a regular file of an acceptable size: anything else in its place
// could be read for ever.
func open(fsys fs.FS, name string) (fs.File, error) {
	info, err := fs.Stat(fsys, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: is not a file", name)
	case info.Size() > MaxDocument:
		return nil, fmt.Errorf("%s: is larger than %d MiB, which no document of a comparison is", name, MaxDocument>>20)
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, reason(err))
	}
	return f, nil
}

// reason is an error without the path, which is said already.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
