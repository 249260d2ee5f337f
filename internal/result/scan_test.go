package result

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestAnUnopenedRunIsTheSameRun(t *testing.T) {
	doc := encode(t, testRun())
	opened, err := Decode(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	run, rest, err := DecodeUnopened(append(slices.Clone(doc), " {}"...))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(run, opened) {
		t.Errorf("got  %+v\nwant %+v", run, opened)
	}
	if got := string(bytes.TrimSpace(rest)); got != "{}" {
		t.Errorf("the rest is %q", got)
	}
	if again := encode(t, run); !bytes.Equal(again, doc) {
		t.Errorf("writing it again gives another document:\n%s", again)
	}
}

func TestAHistogramIsCheckedWhenItIsOpened(t *testing.T) {
	v2 := testRun().Benchmarks[0].Rounds[0].Clocks.Response.V2
	for name, c := range map[string]struct{ from, to, want string }{
		"text that is none":      {v2, "AAAA", "decode histogram"},
		"another one's samples":  {`"count": 1000`, `"count": 7`, "is 7, but the histogram holds 1000"},
		"text that is no base64": {v2, `\u0041\u0041`, "decode histogram"},
	} {
		doc := resum(t, bytes.Replace(encode(t, testRun()), []byte(c.from), []byte(c.to), 1))
		run, _, err := DecodeUnopened(doc)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := run.Benchmarks[0].Rounds[0].Clocks.Response.Open(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: opened with error %v, want %q", name, err, c.want)
		}
		if _, err := Pool(run.Benchmarks[0].Rounds, Response); err == nil {
			t.Errorf("%s: it was pooled", name)
		}
		if _, err := Decode(bytes.NewReader(doc)); err == nil {
			t.Errorf("%s: Decode took it", name)
		}
	}
}

// clocksOf is a run's document with something else as its first clocks.
func clocksOf(t testing.TB, clocks string) []byte {
	doc := encode(t, testRun())
	from := bytes.Index(doc, []byte(`"clocks": `)) + len(`"clocks": `)
	d := json.NewDecoder(bytes.NewReader(doc[from:]))
	var skip json.RawMessage
	if err := d.Decode(&skip); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(doc[:from], []byte(clocks), doc[from+int(d.InputOffset()):])
}

// oddClocks are spellings that a decoder of JSON has an opinion on.
var oddClocks = []string{
	`{}`, `null`, `[]`, `7`, `{"response": null}`, `{"response": {}, "colour": "red"}`,
	`{"response": {"count": 3}, "lag": {"max": 1.5e-3}}`,
	`{"response": {"count": 3}, "response": {"max": 2}}`,
	`{"response": {"count": 3, "count": 4, "mean": -0}}`,
	`{"Response": {"v2": "~0", "COUNT": 3}}`,
	`{"response": {"count": 03}}`, `{"response": {"mean": .5}}`, `{"response": {"mean": 1.}}`, `{"response": {"mean": +1}}`,
	`{"response": {"mean": 1e}}`, `{"response": {"mean": 0x1p-2}}`, `{"response": {"mean": Inf}}`, `{"response": {"mean": 1e999}}`,
	`{"response": {"count": 1.5}}`, `{"response": {"count": -1}}`, `{"response": {"count": 1e2}}`, `{"response": {"count": null}}`,
	`{"response": {"mean": 1 2}}`, `{"response": {"mean": nulll}}`, `{"response": {"mean": nul}}`, `{"response": {"mean": 1,}}`,
	`{"response": {"v2": null}}`, `{"response": {"v2": "a\"b"}}`, "{\"response\": {\"v2\": \"a\nb\"}}", `{"response": {"v2": "ä"}}`,
	`{"response": {"v2" "AAAA"}}`, `{"response": {"v2": "AAAA"} "lag": {}}`, `{"response": {"v2": "AAAA"`,
	`{"response": {"count": 3}}, "clocks": {"lag": {"count": 4}}`,
	`{"response": {"count": 3}}, "clocks": {"lag": {"count": 4}, "colour": 1}`,
	`{"response": {"count": 3}}, "Clocks": null`,
}

// bothWays decodes a document with its clocks lifted and without.
func bothWays(doc []byte) (lifted, plain *Run, err, plainErr error) {
	lifted = &Run{}
	_, err = runFormat.decode(doc, lifted, &lifted.Checksum)
	type unlifted Run // decode does not know it
	other := &unlifted{}
	_, plainErr = runFormat.decode(doc, other, &other.Checksum)
	return lifted, (*Run)(other), err, plainErr
}

func TestClocksInAnyOddSpellingReadAsJSON(t *testing.T) {
	for _, clocks := range oddClocks {
		doc := clocksOf(t, clocks)
		if json.Valid(doc) {
			doc = resum(t, doc)
		}
		lifted, plain, err, plainErr := bothWays(doc)
		if (err == nil) != (plainErr == nil) || err == nil && !reflect.DeepEqual(lifted, plain) {
			t.Errorf("%s is read otherwise (%v) than JSON is (%v)", clocks, err, plainErr)
		}
		if err == nil && !json.Valid(doc) {
			t.Errorf("%s was taken for JSON", clocks)
		}
	}
}

func TestWhatIsNoJSONIsNotMadeJSONByLeavingOutSpace(t *testing.T) {
	good := string(encode(t, testRun()))
	for _, c := range [][2]string{{`"seed": 0`, `"seed": 1 2`}, {`"gating": false`, `"gating": fal se`}, {`"seed": 0`, "\"seed\": 1\n\t2"}} {
		bad := strings.Replace(good, c[0], c[1], 1)
		if bad == good {
			t.Fatalf("the document has no %s", c[0])
		}
		if _, err := Decode(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "not a run document: at byte") {
			t.Errorf("%s: error is %v", c[1], err)
		}
	}
}

// FuzzScan holds reading with lifted clocks against reading without, and the
// checksum against one of the text that encoding/json compacts.
func FuzzScan(f *testing.F) {
	f.Add(encode(f, testRun()))
	for _, c := range oddClocks {
		f.Add(clocksOf(f, c))
	}
	f.Add([]byte(`{"schema":"harness.run/v1","checksum":1 2}`))
	f.Add([]byte(`{"checksum":"a","checksum":"b"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		found, err := scan(doc, true)
		if err == nil && json.Valid(doc) {
			var compact bytes.Buffer
			if err := json.Compact(&compact, doc); err != nil {
				t.Fatal(err)
			}
			want, err := checksum(compact.Bytes())
			if err == nil && want != found.sum && !bytes.Contains(doc, []byte(`\`)) && !bytes.Contains(doc, []byte(`"checksum": 1`)) {
				t.Errorf("the checksum is %s, want %s", found.sum, want)
			}
		}
		lifted, plain, err, plainErr := bothWays(doc)
		if (err == nil) != (plainErr == nil) || err == nil && !reflect.DeepEqual(lifted, plain) {
			t.Errorf("read otherwise (%v) than JSON is (%v)", err, plainErr)
		}
	})
}
