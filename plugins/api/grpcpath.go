package api

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// holds says that a message has the values that are wanted, as far as that can
// be seen without its JSON form, which costs several times the call itself. When
// it is false, the JSON form decides.
func holds(m protoreflect.Message, wants []jsonWant) bool {
	for _, w := range wants {
		got, ok := fieldAt(m, w.path)
		if !ok || !same(got, w.want) {
			return false
		}
	}
	return true
}

// fieldAt returns what find returns for the message's JSON form (with the names
// of the .proto, and with unset fields), for the common cases: a scalar or an
// enum, or the length of a list, reached through messages and lists. Everything
// else is not ok: maps, bytes, the well-known types with a JSON form of their
// own, and what is not there.
func fieldAt(m protoreflect.Message, path string) (value any, ok bool) {
	pointer := strings.HasPrefix(path, "/")
	next, rest := "", strings.TrimPrefix(path, "/")
	for more := true; more; {
		if next, rest, more = cutPath(rest, pointer); strings.HasPrefix(string(m.Descriptor().FullName()), "google.protobuf.") {
			return nil, false
		}
		fd := m.Descriptor().Fields().ByTextName(next)
		if fd == nil || fd.IsMap() || fd.HasPresence() && !m.Has(fd) {
			return nil, false
		}
		v := m.Get(fd)
		if fd.IsList() {
			if !more {
				return nil, false
			}
			list := v.List()
			if next, rest, more = cutPath(rest, pointer); next == "#" && !pointer {
				return json.Number(strconv.Itoa(list.Len())), !more
			}
			i, err := strconv.ParseUint(next, 10, 31)
			if err != nil || i >= uint64(list.Len()) {
				return nil, false
			}
			v = list.Get(int(i))
		}
		if fd.Message() == nil {
			value, ok = scalar(fd, v)
			return value, ok && !more
		}
		m = v.Message()
	}
	return nil, false
}

// cutPath takes the first part off a path.
func cutPath(path string, pointer bool) (first, rest string, more bool) {
	if !pointer {
		return strings.Cut(path, ".")
	}
	first, rest, more = strings.Cut(path, "/")
	return pointerEscapes.Replace(first), rest, more
}

// scalar is a value as encoding/json decodes it from protobuf's JSON, in which
// 64-bit integers are strings and enums are names.
func scalar(fd protoreflect.FieldDescriptor, v protoreflect.Value) (any, bool) {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return v.Bool(), true
	case protoreflect.StringKind:
		return v.String(), utf8.ValidString(v.String())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return json.Number(strconv.FormatInt(v.Int(), 10)), true
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return json.Number(strconv.FormatUint(v.Uint(), 10)), true
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return strconv.FormatInt(v.Int(), 10), true
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return strconv.FormatUint(v.Uint(), 10), true
	case protoreflect.FloatKind:
		return number(v.Float(), 32)
	case protoreflect.DoubleKind:
		return number(v.Float(), 64)
	case protoreflect.EnumKind:
		name := fd.Enum().Values().ByNumber(v.Enum())
		if name == nil || fd.Enum().FullName() == "google.protobuf.NullValue" {
			return nil, false
		}
		return string(name.Name()), true
	}
	return nil, false
}

func number(f float64, bits int) (any, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, false // strings, in JSON
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, bits)), true
}
