package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCSVIsReadWithItsHeader(t *testing.T) {
	rows, err := parseCSV([]byte("\xef\xbb\xbfid,text\r\n1,\"a,\"\"b\"\"\nc\"\r\n2,x\r\n"))
	if err != nil || len(rows) != 2 || rows[0]["id"] != "1" || rows[0]["text"] != "a,\"b\"\nc" || rows[1]["text"] != "x" {
		t.Errorf("rows %v, error %v", rows, err)
	}
}

func TestMalformedDataIsRefusedWithItsLine(t *testing.T) {
	for _, c := range []struct {
		name  string
		parse func([]byte) ([]record, error)
		text  string
		want  string
	}{
		{"an empty CSV", parseCSV, "", "want a header row"},
		{"a column used twice", parseCSV, "a,a\n1,2\n", "line 1"},
		{"a column without a name", parseCSV, "a,\n1,2\n", "column 2"},
		{"a row that is too short", parseCSV, "a,b\n1,2\n1\n", "line 3"},
		{"a quote that does not end", parseCSV, "a\n\"x\n", "line 2"},
		{"a line that is no JSON", parseJSONL, "{}\n\n{x}\n", "line 3"},
		{"a line that is no object", parseJSONL, "{}\n[1]\n", "line 2: want an object"},
		{"two values on a line", parseJSONL, "{} {}\n", "line 1: more than one"},
		{"a line over the limit", parseJSONL, "{}\n{\"a\":\"" + strings.Repeat("x", maxDataLine) + "\"}\n", "line 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestPathsIntoJSON(t *testing.T) {
	doc, err := decodeJSON([]byte(`{"a":{"b":[10,{"c":"x"}],"":1},"a/b":2,"m~n":3,"0":4}`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"a.b.0": "10", "a.b.1.c": `"x"`, "a.b.#": "2", "/a/b/1/c": `"x"`, "/a~1b": "2", "/m~0n": "3", "/a/": "1", "0": "4",
		"a.b.2": "", "a.b.-1": "", "a.x": "", "/a/b/01x": "", "a.b.1.c.d": "", "a.#": "",
	} {
		got, ok := find(doc, path)
		if ok != (want != "") || (ok && show(got) != want) {
			t.Errorf("%q gives %v (%v), want %s", path, got, ok, want)
		}
	}
	if got, ok := find(doc, ""); !ok || !same(got, doc) {
		t.Error("the empty path is not the document")
	}
}

func TestNumbersAreTheSameByValue(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1", "1.0", true}, {"1e2", "100", true}, {"9007199254740993", "9007199254740992", false},
		{"0.1", "0.10", true}, {"1", `"1"`, false}, {"null", "null", true}, {"[1,2]", "[1,2.0]", true}, {"[1]", "[1,2]", false},
		{`{"a":1}`, `{"a":1,"b":2}`, false}, {`{"a":1}`, `{"b":1}`, false}, {"1e999999999", "1", false},
	} {
		a, _ := decodeJSON([]byte(c.a))
		b, _ := decodeJSON([]byte(c.b))
		if same(a, b) != c.want {
			t.Errorf("same(%s, %s) = %v", c.a, c.b, !c.want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\xef\xbb\xbfa\n\"x\"\n", "a\n\"", "\n", "a,a\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := parseCSV(b)
		for _, r := range rows {
			if err == nil && len(r) != len(rows[0]) {
				t.Fatal("rows of one file have different columns")
			}
		}
	})
}

func FuzzJSONL(f *testing.F) {
	for _, s := range []string{"{\"a\":{\"b\":[1]}}\n{}\n", "\xef\xbb\xbf{}", "[]", "{} {}", "{\"a\":1e999}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := parseJSONL(b)
		if err != nil {
			return
		}
		for _, r := range rows {
			for k, v := range r {
				if c := cellOf(v); !json.Valid([]byte(c.json)) {
					t.Fatalf("column %q has no JSON form: %q", k, c.json)
				}
			}
		}
	})
}

// FuzzTemplate checks that no value breaks out of its place.
func FuzzTemplate(f *testing.F) {
	f.Add("${v}", `a"b`)
	f.Add("x ${v} y", "a/b?c#d%")
	f.Add("$${v}", "\r\n")
	f.Add("${", "\x00\xff")
	f.Fuzz(func(t *testing.T, text, value string) {
		if !utf8.ValidString(text) || !utf8.ValidString(value) {
			return
		}
		e, path, err := resolve(targetAt("http://h:1"), "", "/p/"+text)
		if err != nil {
			t.Fatal(err)
		}
		ts := &templates{}
		raw, _ := json.Marshal(map[string]string{"k": text})
		body, err := ts.compileJSON(raw)
		if err != nil {
			return
		}
		u, err := e.urlTemplate(ts, path)
		if err != nil {
			return
		}
		row := make([]cell, len(ts.columns))
		for i := range row {
			row[i] = cellOf(value)
		}
		if b := body.append(nil, row); !json.Valid(b) {
			t.Errorf("template %q with %q makes %q", text, value, b)
		}
		r, err := http.NewRequest("GET", string(u.append(nil, row)), nil)
		if err != nil {
			return // a malformed escape in the template, which a setup refuses
		}
		if r.URL.Host != "h:1" || strings.ContainsAny(r.URL.RequestURI(), " \r\n") {
			t.Errorf("template %q with %q asks %s for %q", text, value, r.URL.Host, r.URL.RequestURI())
		}
	})
}
