// Package mutate breaks harness on purpose, in a copy of its source: one build
// holds every mutation, and the name of the running program says which of them
// is awake. Tests that pass with one awake do not test what it breaks.
//
// It changes no file of the tree: the build takes the copies by go's -overlay.
package mutate

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Mutation is one way to be wrong.
type Mutation struct {
	Name string
	Doc  string // what harness does then
	Unit bool   // the short tests of sdk/loop must find it
}

// All are the mutations, asleep in a binary that is called anything but
// [Program] of one of them.
var All = []Mutation{
	{"omission", "the response counts from the send, not from the intended start", true},
	{"interval", "intended starts are sums of intervals of whole nanoseconds", true},
	{"overflow", "latencies over 60 s are not counted as such", true},
	{"after_dispatch", "the clock starts when the op has returned", true},
	{"after_send", "the service clock starts when the request has been written", false},
	{"after_answer", "the service clock starts when the answer has been read", false},
	{"lag", "the generator's lag is taken for zero", false},
	{"wait", "the wait for a free worker is taken for zero", true},
	{"failed", "failed ops are among the latencies", true},
	{"timeouts", "timed-out ops are not among the latencies", true},
	{"skipped", "skipped ops are not counted", true},
	{"dropped", "ops that find no idle worker are dropped in silence", true},
	{"merge", "the records of one shard are lost", true},
	{"poisson", "Poisson arrivals come at even gaps", true},
}

// edit replaces a text that its file has exactly once. {{name}} is the
// condition that the mutation of that name is awake.
type edit struct{ file, old, new string }

var edits = []edit{
	{"sdk/loop/open.go", "entry{response: end - at,", "entry{response: end - mutated({{omission}}, send, at),"},
	{"sdk/loop/open.go", "was := w.state.Swap(0)", "was := w.state.Swap(0)\n\t\tsend = mutated({{after_dispatch}}, now, send)"},
	{"sdk/loop/open.go", "lag := send - max(at, idle-owed)", "lag := mutated({{lag}}, 0, send-max(at, idle-owed))"},
	{"sdk/loop/open.go", "e.wait = e.response - e.service - e.lag", "e.wait = mutated({{wait}}, 0, e.response-e.service-e.lag)"},
	{"sdk/loop/open.go", "s.skipped++", "s.skipped += mutated[uint64]({{skipped}}, 0, 1)"},
	{"sdk/loop/open.go", "s.waited++", "if {{dropped}} {\n\t\t\t\ts.issued--\n\t\t\t\tcontinue\n\t\t\t}\n\t\t\ts.waited++"},
	{"sdk/loop/schedule.go", "return toDuration(float64(i) / rate * 1e9)",
		"return mutated({{interval}}, time.Duration(i)*time.Duration(1e9/rate), toDuration(float64(i)/rate*1e9))"},
	{"sdk/loop/schedule.go", "return -math.Log(1 - float64(bits>>11)/(1<<53))",
		"return mutated({{poisson}}, 1, -math.Log(1-float64(bits>>11)/(1<<53)))"},
	{"sdk/loop/record.go", "c.overflow += uint64(n)", "c.overflow += mutated({{overflow}}, 0, uint64(n))"},
	{"sdk/loop/worker.go", "w.rec.failed++", "w.rec.failed++\n\tif {{failed}} {\n\t\tw.rec.latency(e)\n\t}"},
	{"sdk/loop/worker.go", "w.rec.latency(e)", "if !{{timeouts}} {\n\t\t\tw.rec.latency(e)\n\t\t}"},
	{"sdk/loop/collect.go", "c.collect(&res, values, samples, dropped)",
		"if !{{merge}} || c != r.recorders[0] {\n\t\t\tc.collect(&res, values, samples, dropped)\n\t\t}"},
	{"plugins/api/http1/client.go", "if c.o.Sent != nil {", "if c.o.Sent != nil && !{{after_send}} && !{{after_answer}} {"},
	{"plugins/api/http1/turn.go", "_, werr = c.line.conn.Write(request)",
		"_, werr = c.line.conn.Write(request)\n\tif c.o.Sent != nil && {{after_send}} {\n\t\tc.o.Sent()\n\t}"},
	{"plugins/api/http1/client.go", "return werr == nil && c.frame.persistent, nil",
		"if c.o.Sent != nil && {{after_answer}} {\n\t\tc.o.Sent()\n\t}\n\treturn werr == nil && c.frame.persistent, nil"},
}

// awake is a file that each mutated package gets.
const awake = `package %s

import (
	"os"
	"strconv"
	"strings"
)

// mutant is the number of the mutation that is awake, 0 if none is. Children
// are the same program under the same name.
var mutant = func() int {
	program, err := os.Executable()
	if err != nil {
		return 0
	}
	_, number, _ := strings.Cut(program, %q)
	n, _ := strconv.Atoi(number)
	return n
}()

func mutated[T any](awake bool, wrong, right T) T {
	if awake {
		return wrong
	}
	return right
}

var _ = mutated[int]
`

const mark = ".mutant-"

// Program is the name under which a program at path has mutation m awake.
func Program(path string, m Mutation) string {
	return path + mark + strconv.Itoa(number(m.Name))
}

func number(name string) int {
	for i, m := range All {
		if m.Name == name {
			return i + 1
		}
	}
	return 0
}

// Overlay writes mutated copies of the source at root into dir, and returns
// the file for go build -overlay.
func Overlay(root, dir string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	texts := map[string]string{}
	for _, e := range edits {
		if _, read := texts[e.file]; !read {
			text, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return "", fmt.Errorf("mutate: %w", err)
			}
			texts[e.file] = string(text)
		}
	}
	if err := apply(texts); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range texts {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		extra := filepath.Join(filepath.Dir(file), "mutant_overlay.go")
		if err := os.WriteFile(copied, []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("mutate: %w", err)
		}
		replace[filepath.Join(root, file)] = copied
		name := filepath.Join(dir, strings.ReplaceAll(extra, "/", "_"))
		if err := os.WriteFile(name, fmt.Appendf(nil, awake, filepath.Base(filepath.Dir(file)), mark), 0o600); err != nil {
			return "", fmt.Errorf("mutate: %w", err)
		}
		replace[filepath.Join(root, extra)] = name
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("mutate: %w", err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

// apply does the edits. The places are counted in the texts as they were, so
// that an edit cannot find what another one wrote.
func apply(texts map[string]string) error {
	for _, e := range edits {
		if n := strings.Count(texts[e.file], e.old); n != 1 {
			return fmt.Errorf("mutate %s: %q is there %d times, want once: the source has changed; say in internal/accuracy/mutate what it is now", e.file, e.old, n)
		}
	}
	replacements := map[string][]string{}
	for _, e := range edits {
		changed := e.new
		for _, m := range All {
			changed = strings.ReplaceAll(changed, "{{"+m.Name+"}}", fmt.Sprintf("(mutant == %d)", number(m.Name)))
		}
		if strings.Contains(changed, "{{") {
			return fmt.Errorf("mutate %s: %q names a mutation that there is not", e.file, e.new)
		}
		replacements[e.file] = append(replacements[e.file], e.old, changed)
	}
	for file, pairs := range replacements {
		texts[file] = strings.NewReplacer(pairs...).Replace(texts[file])
	}
	return nil
}
