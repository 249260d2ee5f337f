package suite

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// A placeholder has braces, which end a plain value inside YAML's own braces:
// `{dsn: ${DATABASE_URL}}` is not YAML. So placeholders are put into letters
// before the file is parsed, between two characters of Unicode's private area,
// and taken out again after.
const (
	opening = '\uE000'
	closing = '\uE001'
)

var (
	placeholder = regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}"'\\\n\r{]*)?\}`)
	protected   = regexp.MustCompile(string(opening) + `([0-9a-f]*)` + string(closing))
	variable    = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$`)
)

func protect(data []byte) []byte {
	return placeholder.ReplaceAllFunc(data, func(p []byte) []byte {
		return []byte(string(opening) + hex.EncodeToString(p) + string(closing))
	})
}

func restore(s string) string {
	if !strings.ContainsRune(s, opening) {
		return s
	}
	return protected.ReplaceAllStringFunc(s, func(p string) string {
		b, err := hex.DecodeString(strings.Trim(p, string(opening)+string(closing)))
		if err != nil {
			return p
		}
		return string(b)
	})
}

// expand replaces ${NAME} by the variable's value, which must be set, and
// ${NAME:-default} by the default when it is unset or empty. $${ stands for
// ${. Errors name the variable and never a value.
func expand(s string, lookup func(string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			out.WriteString(s)
			return out.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			out.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		out.WriteString(s[:i])
		body, rest, closed := strings.Cut(s[i+2:], "}")
		m := variable.FindStringSubmatch(body)
		if !closed || m == nil {
			return "", fmt.Errorf("has a malformed ${…}; want ${NAME} or ${NAME:-default}, and $${ for ${ itself")
		}
		value, set := lookup(m[1])
		switch hasDefault := m[2] != ""; {
		case hasDefault && value == "":
			value = m[3]
		case !set && !hasDefault:
			return "", fmt.Errorf("needs the environment variable %s, which is not set; set it, or write ${%s:-default}", m[1], m[1])
		}
		out.WriteString(value)
		s = rest
	}
}
