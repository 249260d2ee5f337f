package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"slices"
	"sort"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// form is how a value is written at its place in a template.
type form int

const (
	asText   form = iota // as it is; what is no string, as JSON
	asPath               // escaped as one segment of a URL's path
	asQuery              // escaped as a value in a URL's query
	asJSON               // a JSON value
	inString             // inside the quotes of a JSON string
)

// part is a piece of a template: literal text, or the value of a column.
type part struct {
	literal string
	column  int // index into the columns; -1 for literal text
	form    form
}

// template is text with placeholders. Rendering cannot fail.
type template []part

// cell is a value of a row, ready for any form.
type cell struct{ text, json string }

// static says that the template is the same for every row.
func (t template) static() bool {
	return !slices.ContainsFunc(t, func(p part) bool { return p.column >= 0 })
}

// append renders the template after dst.
func (t template) append(dst []byte, row []cell) []byte {
	for _, p := range t {
		if p.column < 0 {
			dst = append(dst, p.literal...)
			continue
		}
		c := row[p.column]
		switch p.form {
		case asText:
			dst = append(dst, c.text...)
		case asPath:
			dst = append(dst, url.PathEscape(c.text)...)
		case asQuery:
			dst = append(dst, url.QueryEscape(c.text)...)
		case asJSON:
			dst = append(dst, c.json...)
		case inString:
			dst = append(dst, quoted(c.text)...)
		}
	}
	return dst
}

// quoted is s as it stands between the quotes of a JSON string.
func quoted(s string) string {
	b, _ := json.Marshal(s) // a string always has a JSON form
	return string(b[1 : len(b)-1])
}

// templates compiles the templates of one scenario and collects the columns
// that they use.
type templates struct{ columns []string }

func (t *templates) column(name string) int {
	if i := slices.Index(t.columns, name); i >= 0 {
		return i
	}
	t.columns = append(t.columns, name)
	return len(t.columns) - 1
}

// compile reads text with ${column} placeholders; $${ is a literal ${.
func (t *templates) compile(s string, f form) (template, error) {
	var out template
	literal := func(s string) {
		if n := len(out); n > 0 && out[n-1].column < 0 {
			out[n-1].literal += s
		} else if s != "" {
			out = append(out, part{literal: s, column: -1})
		}
	}
	for {
		before, rest, ok := strings.Cut(s, "${")
		if !ok {
			literal(s)
			return out, nil
		}
		if strings.HasSuffix(before, "$") {
			literal(before + "{")
			s = rest
			continue
		}
		literal(before)
		name, after, ok := strings.Cut(rest, "}")
		if !ok || name == "" {
			return nil, errors.New("has a ${ without a column's name and a }; a literal ${ is written $${")
		}
		out = append(out, part{column: t.column(name), form: f})
		s = after
	}
}

// compileJSON makes a template of a JSON value. A string that is one
// placeholder and nothing else becomes the column's value with its type.
func (t *templates) compileJSON(raw json.RawMessage) (template, error) {
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("is not JSON: %w", err)
	}
	var out template
	err = t.jsonValue(&out, v)
	return out, err
}

func (out *template) literal(s string) {
	*out = append(*out, part{literal: s, column: -1})
}

func (t *templates) jsonValue(out *template, v any) error {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		out.literal("{")
		for i, k := range keys {
			if i > 0 {
				out.literal(",")
			}
			out.literal(`"` + quoted(k) + `":`)
			if err := t.jsonValue(out, v[k]); err != nil {
				return err
			}
		}
		out.literal("}")
	case []any:
		out.literal("[")
		for i, e := range v {
			if i > 0 {
				out.literal(",")
			}
			if err := t.jsonValue(out, e); err != nil {
				return err
			}
		}
		out.literal("]")
	case string:
		return t.jsonString(out, v)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		out.literal(string(b))
	}
	return nil
}

func (t *templates) jsonString(out *template, s string) error {
	parts, err := t.compile(s, inString)
	if err != nil {
		return err
	}
	if len(parts) == 1 && parts[0].column >= 0 {
		parts[0].form = asJSON
		*out = append(*out, parts[0])
		return nil
	}
	out.literal(`"`)
	for _, p := range parts {
		p.literal = quoted(p.literal)
		*out = append(*out, p)
	}
	out.literal(`"`)
	return nil
}

// table is the values of the columns that templates use, row by row.
type table struct {
	rows   [][]cell
	random bool // rows are picked by the op's seeded number, not in order
}

// bind reads the columns that the templates use from the data.
func (t *templates) bind(d *dataFile, random bool) (*table, error) {
	tab := &table{random: random}
	if len(t.columns) == 0 {
		return tab, nil
	}
	if len(d.rows) == 0 {
		return nil, sdk.BadParam("data", "is absent and ${%s} is used; give data or rows, or write $${%s} for literal text", t.columns[0], t.columns[0])
	}
	for i, r := range d.rows {
		row := make([]cell, len(t.columns))
		for j, name := range t.columns {
			v, ok := r.lookup(name)
			if !ok {
				return nil, sdk.BadParam("data", "has no column %q in row %d of %s; the row has: %s", name, i+1, d.name, strings.Join(r.names(), ", "))
			}
			row[j] = cellOf(v)
		}
		tab.rows = append(tab.rows, row)
	}
	return tab, nil
}

func (r record) names() []string {
	names := make([]string, 0, len(r))
	for k := range r {
		names = append(names, k)
	}
	sort.Strings(names)
	return names
}

func cellOf(v any) cell {
	b, _ := json.Marshal(v) // it came from JSON or from CSV
	if s, ok := v.(string); ok {
		return cell{text: s, json: string(b)}
	}
	return cell{text: string(b), json: string(b)}
}

// pick returns the number of the op's row; 0 if there are no rows.
func (t *table) pick(op *sdk.Op) int {
	n := uint64(len(t.rows))
	switch {
	case n == 0:
		return 0
	case t.random:
		hi, _ := bits.Mul64(op.Rand, n) // by the high bits, which are the best of any generator
		return int(hi)
	}
	return int(op.Index % n)
}

// row returns the cells of a row, or nil if there are none.
func (t *table) row(i int) []cell {
	if len(t.rows) == 0 {
		return nil
	}
	return t.rows[i]
}

// escapePlaceholders makes text of what would be a placeholder.
func escapePlaceholders(s string) string { return strings.ReplaceAll(s, "${", "$${") }
