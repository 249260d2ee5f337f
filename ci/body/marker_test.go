package body

import (
	"strings"
	"testing"
)

func TestAMarkerComesBackAsItWasWritten(t *testing.T) {
	for _, m := range []Marker{
		{},
		{Suite: "default", Head: headSHA, Run: 123, Attempt: 2},
		{Suite: "a b", Leg: "linux/amd64 --> x", Head: "0", Run: 1<<63 - 1, Attempt: 1},
		{Suite: "größe\n", Leg: "run=9 attempt=9", Head: "-->", Run: 1},
	} {
		got, ok := ParseMarker("text\n\n" + m.String() + "\n")
		if !ok || got != m {
			t.Errorf("%+v came back as %+v, %v", m, got, ok)
		}
		if strings.Count(m.String(), "-->") != 1 || strings.Contains(m.String(), "\n") {
			t.Errorf("%+v is not one hidden line: %s", m, m)
		}
	}
}

func TestOnlyTheLastLineIsAMarker(t *testing.T) {
	ours := Marker{Suite: "default", Head: headSHA, Run: 5, Attempt: 1}
	line := ours.String()
	for name, body := range map[string]string{
		"a marker that is quoted":           "> " + line,
		"one that is indented":              "    " + line,
		"one before the last line":          line + "\ntext",
		"one in a line of text":             "text " + line,
		"one with something after it":       line + " x",
		"a word more":                       strings.Replace(line, " -->", " x=1 -->", 1),
		"another order":                     "<!-- harness:v1 leg= suite=default head=0 run=5 attempt=1 -->",
		"another version":                   strings.Replace(line, ":v1", ":v2", 1),
		"a number with a sign":              strings.Replace(line, "run=5", "run=+5", 1),
		"a number that is too long":         strings.Replace(line, "run=5", "run=99999999999999999999", 1),
		"a negative number":                 strings.Replace(line, "run=5", "run=-5", 1),
		"an encoding that is not the usual": strings.Replace(line, "suite=default", "suite=%64efault", 1),
		"half an encoding":                  strings.Replace(line, "suite=default", "suite=%6", 1),
		"nothing":                           "",
	} {
		if m, ok := ParseMarker(body); ok {
			t.Errorf("%s was taken for %+v", name, m)
		}
	}
	for name, body := range map[string]string{
		"the last line": "text\n" + line, "one with an end of line": line + "\n", "one of a form": "text\r\n\r\n" + line + "\r\n",
	} {
		if m, ok := ParseMarker(body); !ok || m != ours {
			t.Errorf("%s is not found: %+v", name, m)
		}
	}
}

func TestLongNamesKeepMarkersShortAndApart(t *testing.T) {
	a := Marker{Suite: strings.Repeat("x", 5000) + "a"}
	b := Marker{Suite: strings.Repeat("x", 5000) + "b"}
	if len(a.String()) > 400 || a.Key() == b.Key() {
		t.Errorf("%d bytes long, keys equal: %v", len(a.String()), a.Key() == b.Key())
	}
	if got, ok := ParseMarker(a.String()); !ok || got.Key() != a.Key() {
		t.Errorf("the key of a long name changes on the way: %q", got.Key())
	}
}

func TestKeysTellSuitesAndLegsApart(t *testing.T) {
	if (Marker{Suite: "a b"}).Key() == (Marker{Suite: "a", Leg: "b"}).Key() {
		t.Error("a suite with a space has the key of a suite and a leg")
	}
	if (Marker{Suite: "a", Run: 1}).Key() != (Marker{Suite: "a", Run: 2, Head: "x"}).Key() {
		t.Error("two runs have different keys")
	}
}

func TestALaterRunIsNewer(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b Marker
		want bool
	}{
		{"a later run", Marker{Run: 2, Attempt: 1}, Marker{Run: 1, Attempt: 5}, true},
		{"an earlier run", Marker{Run: 1, Attempt: 5}, Marker{Run: 2, Attempt: 1}, false},
		{"a later attempt", Marker{Run: 2, Attempt: 2}, Marker{Run: 2, Attempt: 1}, true},
		{"the same", Marker{Run: 2, Attempt: 2}, Marker{Run: 2, Attempt: 2}, false},
		{"an unknown run", Marker{Attempt: 9}, Marker{Run: 1}, false},
		{"than an unknown run", Marker{Run: 9}, Marker{}, false},
	} {
		if got := tt.a.Newer(tt.b); got != tt.want {
			t.Errorf("%s: newer is %v", tt.name, got)
		}
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add(Marker{Suite: "default", Leg: "linux", Head: headSHA, Run: 5, Attempt: 1}.String())
	f.Add("<!-- harness:v1 suite=%0A leg=+ head= run=0 attempt=0 -->\n")
	f.Add("text\r\n<!-- harness:v1 suite= leg= head= run=1 attempt=1 -->\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		m, ok := ParseMarker(body)
		if !ok {
			return
		}
		again, ok := ParseMarker(m.String())
		if !ok || again.String() != m.String() || again.Key() != m.Key() {
			t.Errorf("%q gives %+v and then %+v, %v", body, m, again, ok)
		}
		if !strings.Contains(body, m.String()) {
			t.Errorf("%q holds no %s", body, m)
		}
	})
}
