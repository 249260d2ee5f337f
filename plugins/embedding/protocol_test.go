package embedding

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func parse(kind, body string) (reply, error) {
	r := reply{want: true}
	err := r.read(protocols[kind], http.Header{}, []byte(body))
	return r, err
}

func TestRepliesOfEveryProtocolAreRead(t *testing.T) {
	want := [][]float32{{0.5, -1}, {0.25, 1e-3}}
	for name, test := range map[string]struct {
		kind, body string
		tokens     int
		model      string
	}{
		"openai": {"openai", `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},
			{"embedding":[2.5e-1, 0.001],"index":1,"object":"embedding"}],"model":"m\u00fc","usage":{"prompt_tokens":7,"total_tokens":9}}`, 7, "mü"},
		"openai with total tokens only":   {"openai", `{"usage":{"total_tokens":9},"data":[{"embedding":[0.5,-1]},{"embedding":[0.25,1E-3]}]}`, 9, ""},
		"openai with the total first":     {"openai", `{"usage":{"total_tokens":9,"prompt_tokens":8},"data":[{"embedding":[0.5,-1]},{"embedding":[0.25,1E-3]}]}`, 8, ""},
		"openai that counts no tokens":    {"openai", `{"usage":null,"model":null,"data":[{"embedding":[0.5,-1]},{"embedding":[0.25,10e-4]}]}`, -1, ""},
		"openai with more than is wanted": {"openai", `{"x":[{"y":[true,false,null,"]}\"",-1.5e+3]},{}],"data":[{"embedding":[0.5,-1]},{"embedding":[0.25,0.001]}]}`, -1, ""},
		"tei":                             {"tei", " [ [0.5 , -1.0] ,\n[0.25,1e-3] ] \n", -1, ""},
		"ollama":                          {"ollama", `{"model":"phi3","embeddings":[[0.5,-1],[0.25,0.001]],"total_duration":14143917,"prompt_eval_count":8}`, 8, "phi3"},
	} {
		r, err := parse(test.kind, test.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.EqualFunc(r.vectors, want, slices.Equal[[]float32]) || r.tokens != test.tokens || r.model != test.model {
			t.Errorf("%s: vectors %v, tokens %d, model %q", name, r.vectors, r.tokens, r.model)
		}
	}
}

func TestRepliesThatAreNoneAreRefusedWithThePlace(t *testing.T) {
	for name, test := range map[string]struct{ kind, body, says string }{
		"nothing":             {"tei", "", "cut off"},
		"HTML":                {"openai", "<html>", "'<' where '{' is wanted"},
		"the other's shape":   {"tei", `{"embeddings":[]}`, "'{' where '[' is wanted"},
		"cut off":             {"ollama", `{"embeddings":[[1,2`, "cut off"},
		"cut off in a string": {"ollama", `{"embedd`, "cut off"},
		"more behind it":      {"tei", `[[1]]]`, "after the JSON's end"},
		"base64":              {"openai", `{"data":[{"embedding":"AAAA"}]}`, "no list of numbers"},
		"no embedding":        {"openai", `{"data":[{"index":0}]}`, "without an embedding"},
		"two embeddings":      {"openai", `{"data":[{"embedding":[1],"embedding":[1]}]}`, "two embeddings"},
		"an index twice":      {"openai", `{"data":[{"embedding":[1],"index":0},{"embedding":[1],"index":0}]}`, "two items of data with index 0"},
		"an absurd index":     {"openai", `{"data":[{"embedding":[1],"index":1e9}]}`, "index 1000000000"},
		"a text in a vector":  {"tei", `[["1"]]`, "where a number is wanted"},
		"a leading zero":      {"tei", `[[01]]`, "starts with 0"},
		"no digits":           {"tei", `[[1.]]`, "behind its point"},
		"no exponent":         {"tei", `[[1e]]`, "in its exponent"},
		"a bare minus":        {"tei", `[[-]]`, "where a number is wanted"},
		"too deep":            {"openai", `{"x":` + strings.Repeat("[", 100), "more than 32 levels"},
		"a trailing comma":    {"tei", `[[1,]]`, "where a number is wanted"},
		"a bad escape":        {"ollama", `{"x":"\q"}`, "malformed escape"},
		"a control character": {"ollama", "{\"x\":\"\n\"}", "control character"},
		"a bad literal":       {"ollama", `{"x":nul}`, "where a value is wanted"},
	} {
		if _, err := parse(test.kind, test.body); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error is %v, want %q", name, err, test.says)
		}
	}
}

func TestNumbersThatAreNotFiniteAreKeptForTheCheck(t *testing.T) {
	r, err := parse("tei", `[[null, NaN, Infinity, -Infinity, 1e39, -1e400, 1e999999999999]]`)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range r.vectors[0] {
		if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
			t.Errorf("value %d is %v", i, x)
		}
	}
	if len(r.vectors[0]) != 7 {
		t.Errorf("%d values, want 7", len(r.vectors[0]))
	}
}

func TestAReplyLeavesNothingOfTheLastOne(t *testing.T) {
	var r reply
	for _, body := range []string{
		`{"data":[{"embedding":[1,2]},{"embedding":[3,4]}],"usage":{"prompt_tokens":4}}`,
		`{"data":[{"embedding":[5]}]}`,
	} {
		if err := r.read(protocols["openai"], http.Header{}, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.vectors) != 1 || !slices.Equal(r.vectors[0], []float32{5}) || r.tokens != -1 {
		t.Errorf("vectors %v, tokens %d", r.vectors, r.tokens)
	}
}

// FuzzNumbers compares numbers with those that encoding/json reads.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "-0.03848341479897499", "1e-5", "123456789012345678901234567890", "5e-324", "0.00000000000000000000000000001", "18446744073709551615", "1E+22", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := &cursor{b: []byte(s)}
		got, err := c.number()
		if err == nil {
			err = c.end()
		}
		var want float64
		wantErr := json.Unmarshal([]byte(s), &want)
		if s == "" || s[0] != '-' && (s[0] < '0' || s[0] > '9') {
			return // not called there, but for the error
		}
		if wantErr != nil {
			if err == nil && !math.IsInf(got, 0) { // encoding/json refuses what is out of range
				t.Fatalf("%q gives %v, and is no number: %v", s, got, wantErr)
			}
			return
		}
		if err != nil || math.Abs(got-want) > math.Abs(want)*1e-15 {
			t.Fatalf("%q gives %v and error %v, want %v", s, got, err, want)
		}
	})
}

// FuzzReply feeds foreign bytes to the reader of every protocol: it must not
// fail on more than they are, and what it accepts is JSON.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		`{"data":[{"embedding":[1,2],"index":0}],"model":"m","usage":{"prompt_tokens":1}}`, `[[1,2],[3]]`,
		`{"embeddings":[[1e-3]],"prompt_eval_count":3}`, `{"a":{"b":[true,null,"\u00e9"]}}`, `[[null,NaN]]`, `[`, `{"":`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for kind, p := range protocols {
			r := reply{want: true}
			if r.read(p, http.Header{}, body) != nil {
				continue
			}
			if !bytes.Contains(body, []byte("NaN")) && !bytes.Contains(body, []byte("Infinity")) && !json.Valid(body) {
				t.Fatalf("%s accepts %q, which is no JSON", kind, body)
			}
		}
	})
}
