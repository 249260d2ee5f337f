// Package journal keeps the objects that a run creates on disk, so that they
// can be removed after a crash.
//
// The file has one JSON object a line and is only ever appended to. Several
// processes of one run (the harness, its plugins, the reference stack) append
// to the same file: a line is one write of an O_APPEND descriptor, and it is
// on disk when Record returns. Each write begins a line of its own, so that one
// which a full disk cut short, by whomever, spoils no other. The package removes
// nothing itself.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk"
)

// EnvPath names the environment variable by which a child finds its run's
// journal.
const EnvPath = "HARNESS_JOURNAL"

// Verbs of a [Line].
const (
	VerbRun    = "run"    // the first line: who writes this journal
	VerbRecord = "record" // an object is about to be created
	VerbForget = "forget" // an object is gone
)

// Line is one line of a journal.
type Line struct {
	Verb   string      `json:"verb"`
	Time   time.Time   `json:"time"`
	Owner  string      `json:"owner,omitempty"`  // "harness", "reference", or the plugin whose Clean removes it
	Target string      `json:"target,omitempty"` // name of the target that holds it, "" for this machine
	Object *sdk.Object `json:"object,omitempty"`
	Run    *Run        `json:"run,omitempty"`
}

// Run is who writes a journal.
type Run struct {
	ID         string `json:"id"`
	PID        int    `json:"pid"`
	ConfigFile string `json:"config_file,omitempty"` // where its targets are named
	Dir        string `json:"dir,omitempty"`         // working directory, for .env
	// Keep says that what is left on targets was left there on purpose.
	Keep bool `json:"keep,omitempty"`
}

// File is an open journal, seen by one owner. It is a [sdk.Journal]. The zero
// File and nil accept everything and keep nothing.
type File struct {
	f      *os.File
	owner  string
	target string
}

// Create starts the journal of a run. It fails if the file exists.
func Create(path string, run Run) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	j := &File{f: f, owner: "harness"}
	if err := j.append(Line{Verb: VerbRun, Run: &run}); err != nil {
		f.Close()
		os.Remove(path) // it names nothing that there is
		return nil, err
	}
	return j, nil
}

// Open opens an existing journal to append to it as owner. An empty path
// gives a journal that keeps nothing.
func Open(path, owner string) (*File, error) {
	if path == "" {
		return &File{owner: owner}, nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &File{f: f, owner: owner}, nil
}

// For returns the journal as seen by another owner, for objects on the named
// target. It shares the file, which only the original closes.
func (j *File) For(owner, target string) *File {
	if j == nil {
		return nil
	}
	return &File{f: j.f, owner: owner, target: target}
}

// Record implements [sdk.Journal].
func (j *File) Record(o sdk.Object) error { return j.object(VerbRecord, o) }

// Forget implements [sdk.Journal].
func (j *File) Forget(o sdk.Object) error { return j.object(VerbForget, o) }

func (j *File) object(verb string, o sdk.Object) error {
	if j == nil || j.f == nil {
		return nil
	}
	return j.append(Line{Verb: verb, Owner: j.owner, Target: j.target, Object: &o})
}

func (j *File) append(l Line) error {
	l.Time = time.Now().UTC()
	b, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("write journal %s: %w", j.f.Name(), err)
	}
	if len(b) > maxLine {
		return fmt.Errorf("write journal %s: an entry of %d bytes is longer than the %d that are read back", j.f.Name(), len(b), maxLine)
	}
	if l.Verb != VerbRun {
		b = append([]byte{'\n'}, b...)
	}
	if _, err := j.f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write journal %s: %w", j.f.Name(), err)
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("write journal %s: %w", j.f.Name(), err)
	}
	return nil
}

// Close closes the file.
func (j *File) Close() error {
	if j == nil || j.f == nil {
		return nil
	}
	return j.f.Close()
}

// Entry is an object that a journal says may still exist.
type Entry struct {
	Owner, Target string
	Object        sdk.Object
}

// Content is what a journal says.
type Content struct {
	Run  Run
	Left []Entry // in the order of their creation
}

// maxLine bounds a line of a journal: far above what anybody writes.
const maxLine = 1 << 20

// Read reads a journal. A line that was cut short, by a crash or a full disk,
// is ignored: whoever wrote it was told, and its object was never created. Any
// other malformed line is an error.
func Read(r io.Reader) (Content, error) {
	var c Content
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine+1) // and its end
	for n := 1; s.Scan(); n++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 || cutShort(s.Bytes()) {
			continue
		}
		var l Line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return c, fmt.Errorf("line %d: %w", n, err)
		}
		if err := c.apply(l); err != nil {
			return c, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := s.Err(); err != nil {
		return c, err
	}
	if c.Run.ID == "" {
		return c, errors.New("no run line: not a journal, or cut short before anything was created")
	}
	return c, nil
}

// cutShort says whether a line is the beginning of an entry.
func cutShort(line []byte) bool {
	var entry json.RawMessage
	return errors.Is(json.NewDecoder(bytes.NewReader(line)).Decode(&entry), io.ErrUnexpectedEOF)
}

func (c *Content) apply(l Line) error {
	switch {
	case l.Verb == VerbRun && l.Run != nil:
		c.Run = *l.Run
	case l.Verb == VerbRecord && l.Object != nil:
		c.Left = append(c.Left, Entry{l.Owner, l.Target, *l.Object})
	case l.Verb == VerbForget && l.Object != nil:
		for i, e := range c.Left {
			if e.Owner == l.Owner && e.Target == l.Target && e.Object.Kind == l.Object.Kind && e.Object.Name == l.Object.Name {
				c.Left = append(c.Left[:i], c.Left[i+1:]...)
				break
			}
		}
	default:
		return fmt.Errorf("unknown or empty entry %q", strings.ToValidUTF8(l.Verb, "?"))
	}
	return nil
}

// ReadFile reads the journal at path.
func ReadFile(path string) (Content, error) {
	f, err := os.Open(path)
	if err != nil {
		return Content{}, fmt.Errorf("read journal: %w", err)
	}
	defer f.Close()
	c, err := Read(f)
	if err != nil {
		return c, fmt.Errorf("read journal %s: %w", path, err)
	}
	return c, nil
}
