package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestADecodedRunIsTheEncodedOne(t *testing.T) {
	run := testRun()
	doc := encode(t, run)
	got, err := Decode(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	again := encode(t, got)
	if !bytes.Equal(doc, again) {
		t.Errorf("encoding the decoded run gives other bytes:\n%s\n%s", doc, again)
	}
	if got.Checksum != run.Checksum || !strings.HasPrefix(got.Checksum, "sha256:") {
		t.Errorf("checksum is %q, was %q", got.Checksum, run.Checksum)
	}
	got.Benchmarks[0].With, run.Benchmarks[0].With = nil, nil // differ in whitespace
	got.Machine, run.Machine = nil, nil
	if !reflect.DeepEqual(got, run) {
		t.Errorf("got  %+v\nwant %+v", got, run)
	}
}

func TestWhitespaceIsNoChange(t *testing.T) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, encode(t, testRun())); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(&compact); err != nil {
		t.Error(err)
	}
}

func TestFieldsOfALaterVersionAreIgnored(t *testing.T) {
	doc := resum(t, bytes.Replace(encode(t, testRun()), []byte(`"complete": true`), []byte(`"colour": "red", "complete": true`), 1))
	if _, err := Decode(bytes.NewReader(doc)); err != nil {
		t.Error(err)
	}
}

func TestEncodeLeavesNoNullLists(t *testing.T) {
	doc := string(encode(t, &Run{ID: "x"}))
	for _, field := range []string{"plugins", "benchmarks", "resources", "validity", "budgets", "settings"} {
		if !strings.Contains(doc, `"`+field+`": []`) {
			t.Errorf("%s is not an empty list in %s", field, doc)
		}
	}
}

// resum gives a document that was changed the checksum of its new content.
func resum(t testing.TB, doc []byte) []byte {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, doc); err != nil {
		t.Fatal(err)
	}
	sum, err := checksum(compact.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	out, err := withChecksum(compact.Bytes(), sum)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestDecodeRefusesHostileDocuments(t *testing.T) {
	good := string(encode(t, testRun()))
	edit := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("the document does not contain %q", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	honest := func(from, to string) string { return string(resum(t, []byte(edit(from, to)))) }
	v2 := testRun().Benchmarks[0].Rounds[0].Clocks.Response.V2
	successes := good[strings.Index(good, `"name": "success_ratio"`):]
	successes = successes[:strings.Index(successes, "]")]
	for _, c := range []struct {
		name, doc, want string
	}{
		{"nothing", "", "document is empty"},
		{"only space", " \n", "document is empty"},
		{"no JSON", "<html>", "not a run document: at byte 1"},
		{"another JSON", `{"a": 1}`, "its schema is not harness.run/v1"},
		{"a JSON list", `[1]`, "its schema is not harness.run/v1"},
		{"another tool's schema", `{"schema": "other/v1"}`, `its schema is "other/v1", want harness.run/v1`},
		{"a later version", edit("harness.run/v1", "harness.run/v9"), "document is harness.run/v9, this harness reads harness.run/v1: upgrade harness"},
		{"a document that is cut off", good[:len(good)/2], "ends in the middle"},
		{"two documents", good + good, "not a run document: at byte"},
		{"a value that was changed", edit(`"ok": 1000`, `"ok": 999`), "was changed after it was written: its checksum says sha256:"},
		{"no checksum", edit(`"checksum"`, `"sum"`), "has no checksum"},
		{"two checksums", edit(`"complete": true`, `"checksum": "", "complete": true`), "two checksums"},
		{"a checksum that is a number", edit(`"checksum": "sha256:`, `"checksum": 1, "x": "`), "checksum: a JSON number"},
		{"a negative count", honest(`"ok": 1000`, `"ok": -3`), "benchmarks.rounds.counts.ok: a JSON number -3"},
		{"counts that do not balance", honest(`"ok": 1000`, `"ok": 999`), "benchmarks[0].rounds[0].counts: do not balance"},
		{"a histogram that is no base64", honest(v2, "!!!"), "benchmarks[0].rounds[0].clocks.response.v2: decode histogram: illegal base64"},
		{"a histogram that is cut off", honest(v2, v2[:len(v2)/2/4*4]), "benchmarks[0].rounds[0].clocks.response.v2: decode histogram"},
		{"a histogram with other samples", honest(`"count": 1000`, `"count": 7`), "clocks.response.count: is 7, but the histogram holds 1000"},
		{"a name with a control character", honest(`"id": "vector/docs"`, `"id": "vector/\u001b[2Jdocs"`), "benchmarks[0].id: \"vector/\\x1b[2Jdocs\" holds the control character U+001B"},
		{"a name that reads backwards", honest(`"id": "vector/docs"`, `"id": "vector/\u202edocs"`), "control character U+202E"},
		{"a parameter with a line break", honest(`"concurrent_users": "8"`, `"concurrent_users": "8\n"`), "benchmarks[0].params.concurrent_users"},
		{"a number out of range", honest(`"elapsed": 2`, `"elapsed": 2e999`), "benchmarks.rounds.elapsed: a JSON number 2e999"},
		{"a negative duration", honest(`"elapsed": 2`, `"elapsed": -2`), "benchmarks[0].rounds[0].elapsed: is -2"},
		{"a metric that is there twice", honest(`"name": "latency_p50"`, `"name": "latency_mean"`), "benchmarks[0].metrics[1]: latency_mean is in the benchmark twice"},
		{"more successes than ops", honest(successes, strings.Replace(successes, "\"value\": 1", "\"value\": 1.5", 1)), "benchmarks[0].metrics[6].value: is 1.5, want 0 to 1"},
		{"fewer successes than none in a round", honest(successes, strings.Replace(successes, "[\n            1,", "[\n            -1,", 1)), "benchmarks[0].metrics[6].per_round: is -1, want 0 to 1"},
		{"an unknown status", honest(`"status": "measured"`, `"status": "fine"`), `benchmarks[0].status: is "fine"`},
		{"rounds that ended for no known reason", honest(`"ended": "stopped"`, `"ended": "bored"`), `benchmarks[0].until.ended: is "bored"`},
		{"a rule that allows fewer rounds than none", honest(`"max_rounds": 30`, `"max_rounds": -30`), "benchmarks[0].until.max_rounds: is -30"},
		{"a rule about a metric without a name", honest(`"metric": "latency_p95"`, `"metric": ""`), "benchmarks[0].until.metric: is empty"},
		{"CPUs with a control character", honest(`"target_cpus": "1-3"`, `"target_cpus": "1\u001b"`), "benchmarks[0].isolation.target_cpus"},
		{"a negative wait", honest(`"waited": 4.5`, `"waited": -4.5`), "wait_quiet: is -4.5"},
		{"a benchmark without a reason", honest(`"status": "measured"`, `"status": "failed"`), "benchmarks[0].reason: is empty"},
		{"a pass without a value", honest(`"value": 0.5,`, `"value": null,`), "budgets[0].verdict: is pass, but there is no value"},
		{"null as a document", "null", "its schema is not"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run, err := Decode(strings.NewReader(c.doc))
			if err == nil || run != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want it to contain %q", err, c.want)
			}
		})
	}
}

type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.n += int64(len(p))
	return len(p), nil
}

func TestDecodeStopsReadingAtTheLargestSize(t *testing.T) {
	r := &endless{}
	if _, err := decodeLimited(r, 1<<20); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("error is %v", err)
	}
	if r.n > 2<<20 {
		t.Errorf("read %d bytes", r.n)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error)  { return 0, errors.New("disk on fire") }
func (failing) Write([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestErrorsOfReaderAndWriterAreKept(t *testing.T) {
	if _, err := Decode(failing{}); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("decode: %v", err)
	}
	if err := Encode(failing{}, testRun()); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("encode: %v", err)
	}
}

func TestEncodeRefusesWhatDecodeWould(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		change func(*Run)
		want   string
	}{
		"a metric that is NaN": {func(r *Run) { r.Benchmarks[0].Metrics[0].Value = &nan }, "benchmarks[0].metrics[0].value: is not a finite number"},
		"a series with an infinity": {func(r *Run) { r.Benchmarks[0].Rounds[0].Resources[0].Series[0] = float32(math.Inf(1)) },
			"benchmarks[0].rounds[0].resources[0].series"},
		"a resource without value or reason": {func(r *Run) { r.Resources[0].Unavailable = "" }, "resources[0]: gpu.util needs"},
		"a scenario that is there twice":     {func(r *Run) { r.Benchmarks = append(r.Benchmarks, r.Benchmarks[0]) }, "benchmarks[1]: vector/docs is in the document twice"},
		"machine that is no JSON":            {func(r *Run) { r.Machine = json.RawMessage("{") }, "machine: is not JSON"},
		"no id":                              {func(r *Run) { r.ID = "" }, "id: is empty"},
		"a finding of no known level":        {func(r *Run) { r.Validity = []Finding{{Level: "fine", Code: "x"}} }, `validity[0].level: is "fine"`},
		"a metric of another run":            {func(r *Run) { r.Benchmarks[0].Metrics[0].PerRound = nil }, "has 0 values for 2 rounds"},
		"an endless name":                    {func(r *Run) { r.Benchmarks[0].Use = strings.Repeat("x", 301) }, "benchmarks[0].use: is 301 bytes long"},
		"quantiles out of order":             {func(r *Run) { *r.Benchmarks[0].Rounds[0].Clocks.Response.P50 = 3 }, "higher quantile is smaller"},
		"a benchmark measured in no round":   {func(r *Run) { r.Benchmarks[0].Rounds = nil }, "benchmarks[0].status: is measured, but there is no round"},
	} {
		run := testRun()
		c.change(run)
		if err := Encode(io.Discard, run); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want it to contain %q", name, err, c.want)
		}
	}
}

func TestAPluginCannotMakeARunThatIsImpossibleToWrite(t *testing.T) {
	run := testRun()
	run.Plugins[0].Table = Table{Title: "a\nb", Subject: strings.Repeat("x", 1000), Columns: []Column{{"\x1b[1mAvg\x1b[0m", "latency_mean"}, {"", "recall"}, {"none", ""}}}
	b := &run.Benchmarks[0]
	b.Provenance = map[string]string{"engine\x00": "v\n1", "": "x"}
	b.Figures = []Figure{{Name: "ok", Value: 1}, {Name: "bad", Value: math.NaN()}, {Value: 1}}
	run.Benchmarks = append(run.Benchmarks, Benchmark{ID: "vector/none", Plugin: "vector", Status: NotMeasured})
	got, err := Decode(bytes.NewReader(encode(t, run)))
	if err != nil {
		t.Fatal(err)
	}
	table := got.Plugins[0].Table
	if table.Title != "a b" || len(table.Subject) != maxName || !reflect.DeepEqual(table.Columns, []Column{{"Avg", "latency_mean"}, {"recall", "recall"}}) {
		t.Errorf("table is %+v", table)
	}
	if b := got.Benchmarks[0]; !reflect.DeepEqual(b.Provenance, map[string]string{"engine": "v 1"}) || len(b.Figures) != 1 {
		t.Errorf("provenance %v, figures %v", b.Provenance, b.Figures)
	}
	if got.Benchmarks[1].Reason != "no reason was given" {
		t.Errorf("reason is %q", got.Benchmarks[1].Reason)
	}
}

func FuzzDecode(f *testing.F) {
	doc := encode(f, testRun())
	for _, seed := range []string{
		string(doc), string(encode(f, &Run{ID: "x"})), string(doc[:100]),
		`{"schema":"harness.run/v1","checksum":"","checksum":""}`, `{"schema":"harness.run/v1"}`, `[]`, `{"schema":{}}`,
		"{\"schema\":\"harness.run/v1\",\"benchmarks\":null,\"checksum\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		// The fuzzer cannot guess a checksum, so it gets the right one.
		var compact bytes.Buffer
		if json.Compact(&compact, doc) == nil {
			if sum, err := checksum(compact.Bytes()); err == nil {
				doc, _ = withChecksum(compact.Bytes(), sum)
			}
		}
		run, err := Decode(bytes.NewReader(doc))
		if err != nil {
			return
		}
		// What was accepted can be written, and read again.
		if _, err := Decode(bytes.NewReader(encode(t, run))); err != nil {
			t.Errorf("cannot read again what was read: %v", err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	run := testRun()
	for b.Loop() {
		if err := Encode(io.Discard, run); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	doc := encode(b, testRun())
	for b.Loop() {
		if _, err := Decode(bytes.NewReader(doc)); err != nil {
			b.Fatal(err)
		}
	}
}
