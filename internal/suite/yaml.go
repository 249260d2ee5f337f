package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const (
	maxFileBytes = 1 << 20
	// maxNodes bounds the values of a file with its aliases expanded, so that
	// a page of nested aliases cannot become a gigabyte.
	maxNodes = 100_000
	maxDepth = 64
)

// node is a YAML value with aliases and merges resolved. Nodes behind an alias
// are shared; size counts them each time.
type node struct {
	raw    *yaml.Node
	text   string // of a scalar
	line   int
	fields []field // of a mapping, in order
	items  []*node // of a sequence
	size   int     // values in it
	height int     // levels in it
}

type field struct {
	key   string
	line  int
	value *node
}

func (n *node) isScalar() bool { return n.raw.Kind == yaml.ScalarNode }
func (n *node) isMap() bool    { return n.raw.Kind == yaml.MappingNode }
func (n *node) isList() bool   { return n.raw.Kind == yaml.SequenceNode }
func (n *node) isNull() bool   { return n.isScalar() && n.raw.ShortTag() == "!!null" }

// what names the kind of a value in errors; it shows a scalar's text only when
// asked to, because a target's may be secret.
func (n *node) what(shown bool) string {
	switch {
	case n.isMap():
		return "a mapping"
	case n.isList():
		return "a list"
	case n.isNull():
		return "empty"
	case shown:
		return show(n.text)
	}
	return "a plain value"
}

// value is a scalar as Go value: nil, bool, string, int, int64, uint64 or a
// finite float64.
func (n *node) value() (any, error) {
	switch n.raw.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!str", "!!timestamp":
		return n.text, nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := n.raw.Decode(&v); err != nil {
			return nil, fmt.Errorf("is %s, which is no %s", show(n.text), strings.TrimPrefix(n.raw.ShortTag(), "!!"))
		}
		if f, ok := v.(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
			return nil, errors.New("is not finite")
		}
		return v, nil
	}
	return nil, fmt.Errorf("has the tag %s, which is not supported; remove the tag", plain(n.raw.Tag))
}

// readYAML turns the bytes of a config file into its root mapping.
func readYAML(file string, data []byte) (*node, error) {
	at := func(line int, format string, args ...any) error {
		return &ConfigError{File: file, Line: line, Problem: fmt.Sprintf(format, args...)}
	}
	if err := checkBytes(data, at); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(protect(data)))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, at(0, "the file is empty; it needs at least `version: 1`")
	} else if err != nil {
		return nil, syntaxError(data, err, at)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return nil, at(second.Line, "a second document begins here; a config file holds one")
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxError(data, err, at)
	}
	r := aliases{at: at, done: map[*yaml.Node]*node{}, open: map[*yaml.Node]bool{}}
	root, err := r.resolve(doc.Content[0], 0)
	if err != nil {
		return nil, err
	}
	if root.isNull() {
		return nil, at(0, "the file is empty; it needs at least `version: 1`")
	}
	if !root.isMap() {
		return nil, at(root.line, "the file is %s, want a mapping that begins with `version: 1`", root.what(false))
	}
	return root, nil
}

func checkBytes(data []byte, at func(int, string, ...any) error) error {
	if len(data) > maxFileBytes {
		return at(0, "the file is larger than 1 MiB; a config file holds no data")
	}
	line := func(i int) int { return 1 + bytes.Count(data[:i], []byte("\n")) }
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return at(line(i), "the file is not UTF-8; save it as UTF-8")
		case r == opening || r == closing:
			return at(line(i), "the file holds the private character %U; remove it", r)
		case r < ' ' && r != '\t' && r != '\n' && r != '\r':
			return at(line(i), "the file holds the control character %U; remove it", r)
		}
		i += n
	}
	return nil
}

var (
	yamlLine      = regexp.MustCompile(`^yaml: line ([0-9]+): `)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	tabIndent     = regexp.MustCompile(`(?m)^ *\t`)
)

// syntaxError gives a YAML error its line, and tabs their name.
func syntaxError(data []byte, err error, at func(int, string, ...any) error) error {
	text, line := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	text = strings.TrimPrefix(text, "yaml: ")
	if i := tabIndent.FindIndex(data); i != nil && strings.Contains(text, "cannot start any token") {
		return at(1+bytes.Count(data[:i[0]], []byte("\n")), "a tab indents this line; YAML allows only spaces")
	}
	if m := unknownAnchor.FindStringSubmatch(text); m != nil {
		if i := bytes.Index(data, []byte("*"+m[1])); i >= 0 {
			line = 1 + bytes.Count(data[:i], []byte("\n"))
		}
		text = "alias *" + m[1] + " has no anchor &" + m[1]
	}
	return at(line, "not valid YAML: %s", plain(restore(text)))
}

// aliases replaces aliases by what they stand for.
type aliases struct {
	at   func(int, string, ...any) error
	done map[*yaml.Node]*node
	open map[*yaml.Node]bool // being resolved: meeting one again is a cycle
}

func (r *aliases) resolve(y *yaml.Node, depth int) (*node, error) {
	if y.Kind == yaml.AliasNode {
		if r.open[y.Alias] {
			return nil, r.at(y.Line, "alias *%s stands inside its own anchor", plain(y.Value))
		}
		y = y.Alias
	}
	if n, ok := r.done[y]; ok {
		return n, nil
	}
	if depth > maxDepth {
		return nil, r.at(y.Line, "values are nested more than %d deep", maxDepth)
	}
	r.open[y] = true
	defer delete(r.open, y)
	n := &node{raw: y, text: restore(y.Value), line: y.Line, size: 1}
	var err error
	switch y.Kind {
	case yaml.MappingNode:
		err = r.mapping(n, depth)
	case yaml.SequenceNode:
		for _, c := range y.Content {
			var item *node
			if item, err = r.resolve(c, depth+1); err != nil {
				break
			}
			n.items = append(n.items, item)
			n.grow(item)
		}
	}
	if err != nil {
		return nil, err
	}
	if n.size > maxNodes {
		return nil, r.at(y.Line, "the file has more than %d values once its aliases are expanded", maxNodes)
	}
	if n.height > maxDepth {
		return nil, r.at(y.Line, "values are nested more than %d deep", maxDepth)
	}
	r.done[y] = n
	return n, nil
}

func (n *node) grow(child *node) {
	n.size += child.size
	n.height = max(n.height, child.height+1)
}

func (r *aliases) mapping(n *node, depth int) error {
	seen := map[string]int{}
	var merges []*node
	for i := 0; i+1 < len(n.raw.Content); i += 2 {
		k := n.raw.Content[i]
		v, err := r.resolve(n.raw.Content[i+1], depth+1)
		if err != nil {
			return err
		}
		n.grow(v)
		if k.Kind == yaml.ScalarNode && k.ShortTag() == "!!merge" {
			merges = append(merges, v)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			return r.at(k.Line, "a key is not plain text; remove brackets and aliases from it")
		}
		key := restore(k.Value)
		if first, dup := seen[key]; dup {
			return r.at(k.Line, "key %s is here twice, first at line %d; remove one", plain(key), first)
		}
		seen[key] = k.Line
		n.fields = append(n.fields, field{key, k.Line, v})
	}
	for _, m := range merges {
		if err := r.merge(n, m, seen); err != nil {
			return err
		}
	}
	return nil
}

// merge adds the keys of `<<: *anchor` that the mapping lacks.
func (r *aliases) merge(n, from *node, seen map[string]int) error {
	sources := []*node{from}
	if from.isList() {
		sources = from.items
	}
	for _, s := range sources {
		if !s.isMap() {
			return r.at(n.line, "<< merges %s, want an alias of a mapping", s.what(false))
		}
		for _, f := range s.fields {
			if _, has := seen[f.key]; !has {
				seen[f.key] = f.line
				n.fields = append(n.fields, f)
				n.grow(f.value)
			}
		}
	}
	return nil
}

// toJSON converts a value, noting the line of every key and item by its dotted
// path.
func toJSON(n *node, path string, lines map[string]int) (json.RawMessage, error) {
	v, err := toAny(n, path, lines)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// valueError is a value that has no JSON form.
type valueError struct {
	path string
	line int
	err  error
}

func (e *valueError) Error() string { return e.err.Error() }

func toAny(n *node, path string, lines map[string]int) (any, error) {
	if lines != nil && lines[path] == 0 {
		lines[path] = n.line
	}
	switch {
	case n.isMap():
		m := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			p := strings.TrimPrefix(path+"."+f.key, ".")
			if lines != nil {
				lines[p] = f.line
			}
			v, err := toAny(f.value, p, lines)
			if err != nil {
				return nil, err
			}
			m[f.key] = v
		}
		return m, nil
	case n.isList():
		list := make([]any, 0, len(n.items))
		for i, item := range n.items {
			v, err := toAny(item, fmt.Sprintf("%s[%d]", path, i), lines)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	v, err := n.value()
	if err != nil {
		return nil, &valueError{path, n.line, err}
	}
	return v, nil
}
