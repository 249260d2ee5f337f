package suite

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var someDay = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)

func TestAcknowledgementsAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "acknowledged.yaml")
	if err := os.WriteFile(file, []byte(`
version: 1
acknowledged:
  - {benchmark: "api/*", metric: latency_p99, reason: "index rebuild, #12", until: 2026-05-10, up_to: 25%}
  - {benchmark: db/select, metric: "*", reason: known, until: "2026-05-09"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	list, warnings, err := ReadAcknowledgements(file, someDay)
	if err != nil {
		t.Fatal(err)
	}
	want := []Acknowledgement{
		{"api/*", "latency_p99", "index rebuild, #12", time.Date(2026, 5, 10, 23, 59, 59, 0, time.UTC), 0.25, false},
		{"db/select", "*", "known", time.Date(2026, 5, 9, 23, 59, 59, 0, time.UTC), 0, true},
	}
	if len(list) != 2 || list[0] != want[0] || list[1] != want[1] {
		t.Errorf("read %+v", list)
	}
	if len(warnings) != 1 || warnings[0] != file+":5: the acknowledgement of db/select * expired on 2026-05-09; fix the regression, or renew it with a new date" {
		t.Errorf("warnings: %q", warnings)
	}
}

func TestWithoutTheFileNothingIsAcknowledged(t *testing.T) {
	list, warnings, err := ReadAcknowledgements(filepath.Join(t.TempDir(), "none.yaml"), someDay)
	if len(list)+len(warnings) > 0 || err != nil {
		t.Errorf("%v, %v, %v", list, warnings, err)
	}
}

func TestMistakesInAcknowledgementsAreNamedInOneLine(t *testing.T) {
	const begin = "version: 1\nacknowledged:\n  - "
	for _, c := range []struct{ name, text, want string }{
		{"an empty file", "", "a.yaml: the file is empty"},
		{"no version", "acknowledged: []", "a.yaml:1: acknowledged is an empty list"},
		{"another version", "version: 2", "a.yaml:1: version is 2"},
		{"no reason", begin + "{benchmark: a, metric: b, until: 2026-05-10}", "a.yaml:3: acknowledged[0] lacks the key reason"},
		{"an empty reason", begin + "{benchmark: a, metric: b, reason: '', until: 2026-05-10}", "a.yaml:3: acknowledged[0].reason is empty"},
		{"no end", begin + "{benchmark: a, metric: b, reason: c}", "a.yaml:3: acknowledged[0] lacks the key until"},
		{"a date that is none", begin + "{benchmark: a, metric: b, reason: c, until: 2026-02-30}", `a.yaml:3: acknowledged[0].until is "2026-02-30", want a date such as 2026-12-31`},
		{"a ratio without its sign", begin + "{benchmark: a, metric: b, reason: c, until: 2026-05-10, up_to: 0.2}", "a.yaml:3: acknowledged[0].up_to is 0.2, want a percentage"},
		{"a size of nothing", begin + "{benchmark: a, metric: b, reason: c, until: 2026-05-10, up_to: 0%}", "a.yaml:3: acknowledged[0].up_to is 0%, which accepts nothing"},
		{"a key that is misspelt", begin + "{benchmark: a, metrics: b, reason: c, until: 2026-05-10}", "a.yaml:3: unknown key metrics in acknowledged[0]; did you mean metric?"},
		{"a control character", begin + "{benchmark: \"a\x01\"}", "a.yaml:3: the file holds the control character"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := parseAcknowledgements("a.yaml", []byte(c.text), someDay)
			var bad *ConfigError
			if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %v, want %s…", err, c.want)
			}
		})
	}
}

func FuzzAcknowledgements(f *testing.F) {
	f.Add([]byte("version: 1\nacknowledged:\n  - {benchmark: a, metric: b, reason: c, until: 2026-05-10, up_to: 25%}\n"))
	f.Add([]byte("version: 1\nacknowledged: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, _, err := parseAcknowledgements("a.yaml", data, someDay)
		if err != nil {
			var bad *ConfigError
			if !errors.As(err, &bad) || strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is %q", err)
			}
			return
		}
		for _, a := range list {
			if a.Benchmark == "" || a.Metric == "" || a.Reason == "" || a.Until.IsZero() || a.UpTo < 0 {
				t.Errorf("read %+v", a)
			}
		}
	})
}
