package verdict

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/schemadoc"
)

var update = flag.Bool("update", false, "write generated files instead of comparing them")

const schemaFile = "comparison.schema.json"

func TestTheCommittedSchemaIsTheTypes(t *testing.T) {
	words := make([]any, len(verdicts))
	for i, v := range verdicts {
		words[i] = v
	}
	want, err := schemadoc.Document{
		Type: reflect.TypeFor[Comparison](), Schema: ComparisonSchema, Sources: []string{"comparison.go", "../result/run.go"},
		Words: map[reflect.Type][]any{
			reflect.TypeFor[Verdict](): words,
			reflect.TypeFor[Design]():  {Interleaved, StoredOne, StoredMany},
		},
	}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(want, JSONSchema) {
		t.Errorf("%s differs from the types; run: go test ./internal/verdict -update", schemaFile)
	}
}

// full is a comparison with a row of every kind.
func full(t testing.TB) *Comparison {
	t.Helper()
	base := runOf(p95(steady), benchOf("api/gone", metricFrom("throughput", steady)), benchOf("api/wild", metricFrom("latency_p95", steady)))
	head := runOf(p95(twenty), benchOf("api/new", metricFrom("recall", steady)), benchOf("api/wild", metricFrom("latency_p95", noisy)))
	base.Benchmarks[0].Params, head.Benchmarks[0].Params = map[string]string{"ef": "64"}, map[string]string{"ef": "64"}
	head.Validity = []result.Finding{{Level: "caution", Code: "steal", Message: "steal is high"}}
	head.Budgets = []result.Budget{{Benchmark: "api/a", Params: map[string]string{}, Metric: "latency_p95", Max: ptr(1), Value: ptr(0.5), Verdict: Pass}}
	c, err := ComparePairs(base, head, Policy{Acknowledgements: []Acknowledgement{{Benchmark: "*", Metric: "*", Reason: "known", Until: day}}}, Look{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encoded(t testing.TB, c *Comparison) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := EncodeComparison(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnEncodedComparisonFitsTheSchema(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(JSONSchema, &s); err != nil {
		t.Fatal(err)
	}
	schema, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	nothing, _ := Compare([]*result.Run{runOf()}, runOf(), Policy{})
	for name, c := range map[string]*Comparison{"a full one": full(t), "one of nothing": nothing} {
		var doc map[string]any
		if err := json.Unmarshal(encoded(t, c), &doc); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		doc["method"].(map[string]any)["design"] = "guess"
		if schema.Validate(doc) == nil {
			t.Errorf("%s: an unknown design fits", name)
		}
	}
}

func TestADocumentSurvivesTheRoundTrip(t *testing.T) {
	want := full(t)
	first := encoded(t, want)
	got, err := DecodeComparison(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v\nwrote %+v", got, want)
	}
	if !bytes.Equal(first, encoded(t, got)) {
		t.Error("the second time it has other bytes")
	}
}

// edited is the encoded document after a change, with a checksum that fits.
func edited(t *testing.T, change func(doc map[string]any)) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(encoded(t, full(t)), &doc); err != nil {
		t.Fatal(err)
	}
	change(doc)
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return resealed(raw)
}

func TestForeignDocumentsAreRefusedInOneLine(t *testing.T) {
	whole := encoded(t, full(t))
	row := func(name string, value any) []byte {
		return edited(t, func(d map[string]any) { d["rows"].([]any)[0].(map[string]any)[name] = value })
	}
	for _, c := range []struct {
		name string
		doc  []byte
		want string
	}{
		{"nothing", nil, "document is empty"},
		{"a document that was cut off", whole[:len(whole)/2], "ends in the middle"},
		{"a document that was edited", bytes.Replace(whole, []byte("regressed"), []byte("unchanged"), 1), "changed after it was written"},
		{"a run", []byte(`{"schema": "harness.run/v1", "checksum": ""}`), `its schema is "harness.run/v1"`},
		{"a later version", []byte(`{"schema": "harness.comparison/v2", "checksum": ""}`), "upgrade harness"},
		{"something else", []byte(`[1]`), "not a comparison document"},
		{"an unknown verdict", row("verdict", "fine"), `rows[0].verdict: is "fine"`},
		{"a name with an escape", row("metric", "\x1b[31mred"), "rows[0].metric: "},
		{"a name with a line break", row("benchmark", "a\nb"), "rows[0].benchmark: "},
		{"no name", row("metric", ""), "rows[0].metric: is empty"},
		{"a parameter that reorders text", row("params", map[string]any{"a": "\u202e"}), "rows[0].params: "},
		{"an unknown direction", row("better", "up"), `rows[0].better: is "up"`},
		{"an unknown scale", row("scale", "log"), `rows[0].scale: is "log"`},
		{"a probability above one", row("p", 1.5), "rows[0]: holds a number out of its range"},
		{"negative rounds", row("rounds_needed", -1), "rows[0]: holds a number out of its range"},
		{"bounds the wrong way round", row("low", 9), "rows[0].low: is above high"},
		{"a number that is none", row("change", "x"), "rows.change: a JSON string"},
		{"a number beyond float64", bytes.Replace(whole, []byte(`"rounds": 6`), []byte(`"rounds": 1e999`), 1), "method.rounds"},
		{"a row that is there twice", edited(t, func(d map[string]any) { d["rows"] = append(d["rows"].([]any), d["rows"].([]any)[0]) }), "twice"},
		{"counts that do not add up", edited(t, func(d map[string]any) { d["counts"] = map[string]any{"regressed": 7} }), "counts."},
		{"an unknown design", edited(t, func(d map[string]any) { d["method"].(map[string]any)["design"] = "x" }), `method.design: is "x"`},
		{"a budget without verdict", edited(t, func(d map[string]any) { d["budgets"].([]any)[0].(map[string]any)["verdict"] = "x" }), "budgets[0]"},
		{"a label that drives the terminal", edited(t, func(d map[string]any) { d["base"].(map[string]any)["label"] = "a\x1b]0;x\x07" }), "base: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := DecodeComparison(bytes.NewReader(c.doc))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAComparisonThatCannotBeReadIsNotWritten(t *testing.T) {
	c := full(t)
	c.Rows[0].Change = ptr(math.NaN())
	var b bytes.Buffer
	if err := EncodeComparison(&b, c); err == nil || b.Len() > 0 {
		t.Errorf("%d bytes were written, error %v", b.Len(), err)
	}
	if err := EncodeComparison(failing{}, full(t)); err == nil {
		t.Error("an error of the writer is lost")
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

var _ io.Writer = failing{}

func FuzzDecodeComparison(f *testing.F) {
	whole := encoded(f, full(f))
	f.Add(whole)
	f.Add(whole[:100])
	f.Add([]byte(`{"schema":"harness.comparison/v1","checksum":""}`))
	f.Add([]byte(`{"schema":"harness.comparison/v1","rows":[{"p":2}],"checksum":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		// With the checksum made to fit, what lies behind it is reached as well.
		for _, doc := range [][]byte{raw, resealed(raw)} {
			c, err := DecodeComparison(bytes.NewReader(doc))
			if err != nil {
				if strings.Contains(err.Error(), "\n") {
					t.Errorf("the error has several lines: %q", err)
				}
				continue
			}
			counts := maps.Clone(c.Counts)
			first := encoded(t, c)
			again, err := DecodeComparison(bytes.NewReader(first))
			if err != nil || !maps.Equal(again.Counts, counts) {
				t.Errorf("what was read cannot be read again: %v", err)
			}
			c.Exit(Policy{})
		}
	})
}

// resealed is a document with the checksum of its content, or nothing.
func resealed(raw []byte) []byte {
	var doc map[string]any
	if json.Unmarshal(raw, &doc) != nil || doc == nil {
		return nil
	}
	doc["checksum"] = ""
	sum := ""
	var b bytes.Buffer
	if format.Encode(&b, doc, &sum) != nil {
		return nil
	}
	return b.Bytes()
}
