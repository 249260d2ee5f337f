package proc

import (
	"bytes"
	"strings"
	"sync"
)

// Tail is a writer that keeps the last lines written to it and passes
// everything on to another, if there is one. It is safe for concurrent use.
type Tail struct {
	mu    sync.Mutex
	pass  func(line string)
	lines []string
	part  []byte
}

// tailLines and tailBytes bound what is kept: enough to say why a process
// died, not enough to matter.
const (
	tailLines = 20
	tailBytes = 2000
)

// NewTail returns a Tail that hands every whole line to pass, unless nil.
func NewTail(pass func(line string)) *Tail { return &Tail{pass: pass} }

// Write implements io.Writer and never fails.
func (t *Tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	for len(b) > 0 {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		if room := tailBytes - len(t.part); room > 0 {
			t.part = append(t.part, line[:min(len(line), room)]...)
		}
		if whole {
			t.add(string(t.part))
			t.part = t.part[:0]
		}
		b = rest
	}
	return n, nil
}

func (t *Tail) add(line string) {
	line = strings.TrimRight(line, "\r")
	if t.pass != nil {
		t.pass(line)
	}
	t.lines = append(t.lines, line)
	if len(t.lines) > tailLines {
		t.lines = t.lines[1:]
	}
}

// Lines returns the last lines, a started one included.
func (t *Tail) Lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := append([]string(nil), t.lines...)
	if len(t.part) > 0 {
		out = append(out, string(t.part))
	}
	return out
}
