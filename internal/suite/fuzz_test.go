package suite

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkError fails on an error that would not do for a person: of another
// type, on several lines, or endless.
func checkError(t *testing.T, err error) {
	t.Helper()
	var config *ConfigError
	if !errors.As(err, &config) {
		t.Fatalf("%v is a %T", err, err)
	}
	s := err.Error()
	if strings.ContainsAny(s, "\n\r") || len(s) > 1500 || !utf8.ValidString(s) {
		t.Errorf("not a fit line: %q", s)
	}
}

// FuzzConfigFile checks that whatever the file holds, there is either one line
// of error or a file that the schema accepts too.
func FuzzConfigFile(f *testing.F) {
	for _, m := range mistakes(f) {
		if config, ok := m.files["harness.yaml"]; ok {
			f.Add([]byte(config))
		}
	}
	f.Add([]byte("version: 1\nx: &a [*a]\n"))
	f.Add([]byte("version: 1\n<<: [{reports: [json]}]\n"))
	f.Add([]byte("version: !!binary aaaa\n"))
	f.Add([]byte("version: 0x1\nbudgets: [{benchmark: a, metric: b, max: 1_0}]\n"))
	s := schema(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := parseFile("f", data, noVariables)
		if err != nil {
			checkError(t, err)
			return
		}
		v, err := instance(data)
		if err != nil {
			t.Fatalf("accepted, but has no JSON form: %v", err)
		}
		if err := s.Validate(v); err != nil {
			t.Errorf("the parser accepts what the schema refuses: %v", err)
		}
	})
}

func FuzzDotenv(f *testing.F) {
	for _, s := range []string{"A=1\n", "A='1\n2'\n", "export A=\"x\" y", "A", "=", "A: b # c", "A=${B}$(C)\\", "'", "A=\"\\\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := parseDotenv(data)
		if err != nil {
			checkError(t, err)
			return
		}
		for name, v := range values {
			if name == "" || v.line < 1 {
				t.Errorf("%q is set at line %d", name, v.line)
			}
		}
	})
}
