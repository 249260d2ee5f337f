package suite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Every testdata/*.txtar holds cases: files CASE/harness.yaml or CASE/.env are
// laid out in a folder, CASE/flags has a flag and its text a line, CASE/env a
// variable a line, and CASE/want the error. A case without CASE/want is a
// config that must be accepted.
type mistake struct {
	name  string
	files map[string]string
	flags []string
	env   []string
	want  string
}

func mistakes(t testing.TB) []mistake {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var out []mistake
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]int{}
		for _, f := range a.Files {
			name, file, _ := strings.Cut(f.Name, "/")
			i, ok := at[name]
			if !ok {
				i = len(out)
				at[name] = i
				out = append(out, mistake{name: strings.ReplaceAll(name, "-", " "), files: map[string]string{}})
			}
			text := string(f.Data)
			switch file {
			case "flags":
				for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
					flag, value, _ := strings.Cut(line, " ")
					out[i].flags = append(out[i].flags, flag, value)
				}
			case "env":
				out[i].env = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
			case "want":
				out[i].want = strings.TrimSuffix(text, "\n")
			default:
				out[i].files[file] = text
			}
		}
	}
	return out
}

func TestEveryMistakeGetsOneLineThatNamesItsPlace(t *testing.T) {
	for _, m := range mistakes(t) {
		t.Run(m.name, func(t *testing.T) {
			_, err := plan(t, m.files, flagsOf(t, m.flags...), m.env...)
			if m.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("accepted, want %s", m.want)
			}
			var config *ConfigError
			if !errors.As(err, &config) {
				t.Errorf("%v is a %T, want a ConfigError", err, err)
			}
			if err.Error() != m.want {
				t.Errorf("\n got %s\nwant %s", err, m.want)
			}
		})
	}
}

func TestBytesThatAreNoConfigFileAreNamed(t *testing.T) {
	deep := strings.Repeat("[", 70) + strings.Repeat("]", 70)
	bomb := "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 9; i++ {
		from := "*a" + string(rune('0'+i-1))
		bomb += "a" + string(rune('0'+i)) + ": &a" + string(rune('0'+i)) + " [" + strings.Repeat(from+", ", 9) + from + "]\n"
	}
	for name, c := range map[string]struct{ data, want string }{
		"an empty file":             {"", "f: the file is empty; it needs at least `version: 1`"},
		"only a comment":            {"# later\n", "f: the file is empty; it needs at least `version: 1`"},
		"only a null":               {"~\n", "f: the file is empty; it needs at least `version: 1`"},
		"a list":                    {"- version\n", "f:1: the file is a list, want a mapping that begins with `version: 1`"},
		"Latin-1":                   {"version: 1\n# caf\xe9\n", "f:2: the file is not UTF-8; save it as UTF-8"},
		"UTF-16":                    {"\xff\xfev\x00", "f:1: the file is not UTF-8; save it as UTF-8"},
		"a zero byte":               {"version: 1\n\x00\n", "f:2: the file holds the control character U+0000; remove it"},
		"a private character":       {"version: 1\nx: \uE000\n", "f:2: the file holds the private character U+E000; remove it"},
		"more than 1 MiB":           {"# " + strings.Repeat("x", maxFileBytes), "f: the file is larger than 1 MiB; a config file holds no data"},
		"a second document":         {"version: 1\n---\nversion: 1\n", "f:2: a second document begins here; a config file holds one"},
		"a tab":                     {"version: 1\nsuites:\n\tdefault: {}\n", "f:3: a tab indents this line; YAML allows only spaces"},
		"an unknown alias":          {"version: 1\nreports: *formats\n", "f:2: not valid YAML: alias *formats has no anchor &formats"},
		"an alias of itself":        {"version: &v [*v]\n", "f:1: alias *v stands inside its own anchor"},
		"an unclosed bracket":       {"version: [1\n", "f:1: not valid YAML: did not find expected ',' or ']'"},
		"too deep nesting":          {"version: " + deep, "f:1: values are nested more than 64 deep"},
		"aliases that multiply":     {bomb, "f:6: the file has more than 100000 values once its aliases are expanded"},
		"a key that is a list":      {"? [a]\n: 1\n", "f:1: a key is not plain text; remove brackets and aliases from it"},
		"a merge of plain text":     {"<<: x\n", "f:1: << merges a plain value, want an alias of a mapping"},
		"a tag of its own":          {"version: !mine 1\n", "f:1: version has the tag !mine, which is not supported; remove the tag"},
		"a number that is no int":   {"version: !!int x\n", "f:1: version is \"x\", which is no int"},
		"infinity":                  {"version: .inf\n", "f:1: version is not finite"},
		"a placeholder in bad YAML": {"version: 1\n${X}: [\n", "f:2: not valid YAML: did not find expected node content"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseFile("f", []byte(c.data), noVariables)
			if err == nil || err.Error() != c.want {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func noVariables(string) (string, bool) { return "", false }

func TestAConfigFileThatCannotBeReadIsNamed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ config, want string }{
		"a missing file": {"nowhere.yaml", "nowhere.yaml: the config file does not exist"},
		"a folder":       {filepath.Join(dir, "folder"), filepath.Join(dir, "folder") + ": is a folder, want a config file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan(t, nil, flagsOf(t, "config", c.config))
			if err == nil || err.Error() != c.want {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAPluginThatCannotBeDescribedIsNotAMistakeInTheConfig(t *testing.T) {
	c := newCatalog()
	c.broken = "db"
	_, err := Resolve(t.Context(), Inputs{Dir: t.TempDir(), Catalog: c})
	var config *ConfigError
	if err == nil || errors.As(err, &config) || !strings.Contains(err.Error(), "cannot be described") {
		t.Errorf("got %v, want an error about plugin db that is no ConfigError", err)
	}
}
