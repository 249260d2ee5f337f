package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// parseFile reads a config file. name is how errors call it; lookup finds
// environment variables for the targets. Every error is a *ConfigError.
func parseFile(name string, data []byte, lookup func(string) (string, bool)) (*File, error) {
	root, err := readYAML(name, data)
	if err != nil {
		return nil, err
	}
	d := decoder{file: name, lookup: lookup}
	var f File
	if err := d.decode(root, reflect.ValueOf(&f).Elem(), ""); err != nil {
		return nil, err
	}
	return &f, nil
}

// decoder fills the config file's types from a YAML tree, guided by their json
// tags.
type decoder struct {
	file   string
	lookup func(string) (string, bool)
}

func (d *decoder) errorf(line int, path, format string, args ...any) error {
	problem := fmt.Sprintf(format, args...)
	if path != "" {
		problem = plain(path) + " " + problem
	}
	return &ConfigError{File: d.file, Line: line, Problem: problem}
}

func (d *decoder) decode(n *node, v reflect.Value, path string) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if n.isNull() {
		return d.errorf(n.line, path, "is empty; give it a value or remove the key")
	}
	switch dst := v.Addr().Interface().(type) {
	case *Secret:
		return d.secret(n, dst, path)
	case *With:
		return d.with(n, dst, path)
	case *PluginsSpec:
		return d.plugins(n, dst, path)
	case *ReadySpec:
		if n.isScalar() {
			s, err := d.text(n, path)
			dst.Command, dst.Lines = &s, Lines{"": n.line}
			return err
		}
	case scalar:
		return d.scalar(n, dst, path)
	case oneOf:
		return d.oneOf(n, dst, v, path)
	}
	switch v.Kind() {
	case reflect.String:
		s, err := d.text(n, path)
		v.SetString(s)
		return err
	case reflect.Slice:
		return d.list(n, v, path)
	case reflect.Map:
		return d.mapping(n, v, path)
	}
	return d.structure(n, v, path)
}

func (d *decoder) text(n *node, path string) (string, error) {
	if !n.isScalar() {
		return "", d.errorf(n.line, path, "is %s, want text", n.what(true))
	}
	v, err := n.value()
	if err != nil {
		return "", d.errorf(n.line, path, "%v", err)
	}
	s, ok := v.(string)
	switch {
	case !ok:
		return "", d.errorf(n.line, path, "is %s, want text; put it in quotes", plain(n.text))
	case strings.TrimSpace(s) == "":
		return "", d.errorf(n.line, path, "is empty; give it a value or remove the key")
	}
	return s, nil
}

func (d *decoder) scalar(n *node, dst scalar, path string) error {
	if !n.isScalar() {
		return d.errorf(n.line, path, "is %s, want %s", n.what(true), dst.fromScalar("", false))
	}
	v, err := n.value()
	if err != nil {
		return d.errorf(n.line, path, "%v", err)
	}
	text, isNumber := numberText(v)
	if !isNumber {
		text = n.text
	}
	if _, isBool := v.(bool); isBool {
		text = ""
	}
	if want := dst.fromScalar(text, isNumber); want != "" {
		return d.errorf(n.line, path, "is %s, want %s", n.shown(), want)
	}
	return nil
}

// shown is a plain value as the person wrote it: quoted only when it is text.
func (n *node) shown() string {
	if v, err := n.value(); err == nil {
		if _, isText := v.(string); !isText {
			return plain(n.text)
		}
	}
	return show(n.text)
}

func (d *decoder) oneOf(n *node, dst oneOf, v reflect.Value, path string) error {
	for _, a := range dst.allowed() {
		if n.isScalar() && n.text == a {
			v.SetString(a)
			return nil
		}
	}
	hint := ""
	if near := Nearest(n.text, dst.allowed()); near != "" {
		hint = "; did you mean " + near + "?"
	}
	return d.errorf(n.line, path, "is %s, want one of: %s%s", n.what(true), strings.Join(dst.allowed(), ", "), hint)
}

func (d *decoder) list(n *node, v reflect.Value, path string) error {
	if !n.isList() {
		return d.errorf(n.line, path, "is %s, want a list", n.what(true))
	}
	if len(n.items) == 0 {
		return d.errorf(n.line, path, "is an empty list; give it an item or remove the key")
	}
	list := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		if err := d.decode(item, list.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func (d *decoder) mapping(n *node, v reflect.Value, path string) error {
	if !n.isMap() {
		return d.errorf(n.line, path, "is %s, want a mapping", n.what(!underTargets(path)))
	}
	m := reflect.MakeMap(v.Type())
	for _, f := range n.fields {
		if strings.TrimSpace(f.key) == "" {
			return d.errorf(f.line, path, "has a name that is empty")
		}
		e := reflect.New(v.Type().Elem()).Elem()
		if err := d.decode(f.value, e, join(path, f.key)); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(f.key), e)
	}
	v.Set(m)
	return nil
}

func (d *decoder) structure(n *node, v reflect.Value, path string) error {
	if !n.isMap() {
		return d.errorf(n.line, path, "is %s, want a mapping", n.what(!underTargets(path)))
	}
	keys, required := keysOf(v.Type())
	lines := Lines{"": n.line}
	for _, f := range n.fields {
		i, known := keys[f.key]
		if !known {
			return d.unknownKey(f, path, v.Type())
		}
		lines[f.key] = f.line
		if err := d.decode(f.value, v.Field(i), join(path, f.key)); err != nil {
			return err
		}
	}
	for _, key := range required {
		if lines[key] == 0 {
			return d.errorf(n.line, path, "lacks the key %s", key)
		}
	}
	v.FieldByName("Lines").Set(reflect.ValueOf(lines))
	return nil
}

func (d *decoder) unknownKey(f field, path string, t reflect.Type) error {
	if t == reflect.TypeFor[File]() {
		for _, r := range reserved {
			if f.key == r {
				return d.errorf(f.line, "", "key %s is reserved for a later version; remove it", r)
			}
		}
	}
	var names []string
	for i := range t.NumField() {
		if key, _ := keyOf(t.Field(i)); key != "" {
			names = append(names, key)
		}
	}
	where := ""
	if path != "" {
		where = " in " + plain(path)
	}
	return d.errorf(f.line, "", "unknown key %s%s%s", plain(f.key), where, didYouMean(f.key, names))
}

// keysOf returns the field of every key of a struct, and the required keys in
// order.
func keysOf(t reflect.Type) (map[string]int, []string) {
	keys := map[string]int{}
	var required []string
	for i := range t.NumField() {
		key, optional := keyOf(t.Field(i))
		if key == "" {
			continue
		}
		keys[key] = i
		if !optional {
			required = append(required, key)
		}
	}
	return keys, required
}

func keyOf(f reflect.StructField) (key string, optional bool) {
	key, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
	if key == "-" {
		return "", false
	}
	return key, rest == "omitempty"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// secret reads a value under targets. Its errors never show the value.
func (d *decoder) secret(n *node, dst *Secret, path string) error {
	if !n.isScalar() {
		return d.errorf(n.line, path, "is %s, want text", n.what(false))
	}
	if v, err := n.value(); err != nil {
		return d.errorf(n.line, path, "is a value of the wrong type, want text; put it in quotes")
	} else if _, ok := v.(string); !ok {
		return d.errorf(n.line, path, "is not text; put it in quotes")
	}
	s, err := expand(n.text, d.lookup)
	if err != nil {
		return d.errorf(n.line, path, "%v", err)
	}
	*dst = Secret(s)
	return nil
}

// with reads the parameters of a benchmark. Placeholders stay as they are:
// ${column} belongs to the benchmark's data rows.
func (d *decoder) with(n *node, dst *With, path string) error {
	if !n.isMap() {
		return d.errorf(n.line, path, "is %s, want a mapping", n.what(true))
	}
	dst.lines = map[string]int{}
	dst.Values = map[string]json.RawMessage{}
	for _, f := range n.fields {
		dst.lines[f.key] = f.line
		raw, err := toJSON(f.value, f.key, dst.lines)
		var bad *valueError
		if errors.As(err, &bad) {
			return d.errorf(bad.line, path+"."+bad.path, "%v", bad.err)
		} else if err != nil {
			return d.errorf(f.line, path+"."+f.key, "%v", err)
		}
		dst.Values[f.key] = raw
	}
	return nil
}

// underTargets says whether a path holds values that must not be shown.
func underTargets(path string) bool {
	if rest, ok := strings.CutPrefix(path, "variants."); ok {
		_, key, _ := strings.Cut(rest, ".") // a name with a dot hides more, not less
		return strings.Contains("."+key+".", ".targets.") || strings.Contains("."+key+".", ".env.")
	}
	return path == "targets" || strings.HasPrefix(path, "targets.")
}
