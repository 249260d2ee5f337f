package suite

import (
	"strings"
	"testing"
	"time"
)

func TestPatternsCoverIDs(t *testing.T) {
	for _, c := range []struct {
		pattern, id string
		want        bool
	}{
		{"*", "vector/docs", true},
		{"*", "", true},
		{"vector/*", "vector/docs", true},
		{"vector/*", "vector/a/b", true},
		{"*docs", "vector/docs", true},
		{"v*/d*s", "vector/docs", true},
		{"a*a", "a", false},
		{"a*b*a", "aba", true},
		{"a*b*a", "aa", false},
		{"**", "x", true},
		{"vector/docs", "vector/docs", true},
		{"vector/doc", "vector/docs", false},
		{"vector/?ocs", "vector/docs", false},
		{"api/*", "vector/docs", false},
		{"", "", true},
		{"", "x", false},
	} {
		if got := Match(c.pattern, c.id); got != c.want {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.id, got)
		}
	}
}

func TestTheNearestNameIsFound(t *testing.T) {
	names := []string{"embedding", "vector", "api", "db", "system", "concurrent-users", "duration"}
	for typed, want := range map[string]string{
		"vectro": "vector", "vektor": "vector", "VECTOR": "vector", "embeding": "embedding", "sytsem": "system",
		"ap": "api", "dd": "db", "concurent-user": "concurrent-users", "duratoin": "duration",
		"kubernetes": "", "x": "", "": "", "vrcxtr": "",
	} {
		if got := Nearest(typed, names); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", typed, got, want)
		}
	}
	if got := Nearest("b", nil); got != "" {
		t.Errorf("nearest of nothing is %q", got)
	}
}

func TestQuantitiesBecomeBaseUnits(t *testing.T) {
	for text, want := range map[string]Quantity{
		"10ms": {0.010, "s"}, "1.5s": {1.5, "s"}, "250us": {0.00025, "s"}, "7µs": {0.000007, "s"}, "3ns": {3e-9, "s"}, "2m": {120, "s"}, "1h": {3600, "s"},
		"99.9%": {0.999, "ratio"}, "100%": {1, "ratio"}, "10000/s": {10000, "1/s"}, "0.5": {0.5, ""}, "0": {0, ""},
		"64MiB": {64 << 20, "B"}, "1kB": {1000, "B"}, "3MB/s": {3e6, "B/s"}, "2GiB/s": {2 << 30, "B/s"}, "5J": {5, "J"}, "9B": {9, "B"},
	} {
		v, unit, ok := parseQuantity(text)
		if got := (Quantity{v, unit}); !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "ms", "-1ms", "1 ms", "1mss", "1e3", "+1", ".5", "1.", "1,5s", "NaN", "inf", "1/m"} {
		if v, unit, ok := parseQuantity(text); ok {
			t.Errorf("%q is read as %g %s", text, v, unit)
		}
	}
}

func TestDurationsAreReadAsSecondsOrGoDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"300": 300 * time.Second, "0.5": 500 * time.Millisecond, "1m30s": 90 * time.Second, "1.5h": 90 * time.Minute, "720h": 720 * time.Hour, "1ms": time.Millisecond,
	} {
		if got, ok := durationRule.parse(text); !ok || got != want {
			t.Errorf("%s is %s (%v), want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "0", "999µs", "720h1ns", "1e9", "1 s", "0x10", "inf", "NaN", "99999999999999999999h"} {
		if got, ok := durationRule.parse(text); ok {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestVariablesAreFilledIn(t *testing.T) {
	vars := map[string]string{"A": "1", "EMPTY": "", "NESTED": "${A}"}
	lookup := func(n string) (string, bool) { v, ok := vars[n]; return v, ok }
	for text, want := range map[string]string{
		"": "", "x": "x", "${A}": "1", "x${A}y${A}": "x1y1", "${EMPTY}": "", "${EMPTY:-d}": "d", "${NO:-d e}": "d e", "${NO:-}": "",
		"${NESTED}": "${A}", "$A": "$A", "$${A}": "${A}", "a$$b": "a$$b", "100$": "100$", "${A:-x}": "1",
	} {
		if got, err := expand(text, lookup); err != nil || got != want {
			t.Errorf("%q became %q (%v), want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"${NO}": "NO, which is not set", "x${": "malformed", "${}": "malformed", "${1}": "malformed", "${A B}": "malformed", "${A-x}": "malformed",
	} {
		if got, err := expand(text, lookup); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q became %q (%v), want an error with %q", text, got, err, want)
		}
	}
}

func TestPlaceholdersSurviveYAML(t *testing.T) {
	const in = `a: {b: ${X}, c: "q ${Y:-d}", d: [${Z:-http://h:1/, }]} # ${COMMENT}`
	root, err := readYAML("f", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	got, err := toJSON(root, "", nil)
	if want := `{"a":{"b":"${X}","c":"q ${Y:-d}","d":["${Z:-http://h:1/, }"]}}`; err != nil || string(got) != want {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestDotenvLinesAreFound(t *testing.T) {
	text := "# c\r\nA=1\nexport B='two words' # c\n\nKEY=\"-----BEGIN\nmiddle\n-----END\"\nC=x#y\nD: yaml\nE=\nF=${A}2\n"
	got, err := parseDotenv([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]dotenvValue{
		"A": {"1", 2}, "B": {"two words", 3}, "KEY": {"-----BEGIN\nmiddle\n-----END", 5}, "C": {"x#y", 8}, "D": {"yaml", 9}, "E": {"", 10}, "F": {"12", 11},
	} {
		if got[name] != want {
			t.Errorf("%s is %+v, want %+v", name, got[name], want)
		}
	}
	for text, want := range map[string]string{
		"A=1\nB":                              ".env:2: malformed line; want NAME=value",
		"A B=1":                               ".env:1: malformed line; want NAME=value",
		"A=1\n=2":                             ".env:2: malformed line; want NAME=value",
		"A='x\nB=2\n":                         ".env:1: a quote that opens here is never closed, or text follows the value",
		"A=\xff":                              ".env: is not UTF-8 text",
		"A=\x00":                              ".env: is not UTF-8 text",
		strings.Repeat("#", maxDotenvBytes+1): ".env: is larger than 64 KiB",
	} {
		if _, err := parseDotenv([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestAFolderCalledDotenvIsNoMistake(t *testing.T) {
	got, err := readDotenv(t.TempDir())
	if got != nil || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
}

func TestEveryFlagDefinedCanBeSet(t *testing.T) {
	var f Flags
	for _, d := range FlagDefs {
		if err := f.Set(d.Name, "x"); err != nil {
			t.Error(err)
		}
		if text, ok := f.text(d.Name); !ok || text != "x" {
			t.Errorf("%s is %q (%v)", d.Name, text, ok)
		}
	}
	if err := f.Set("colour", "x"); err == nil {
		t.Error("an unknown flag can be set")
	}
}
