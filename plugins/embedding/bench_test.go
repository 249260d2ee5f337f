package embedding

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder"
)

func openAIReply(texts, dimension int) []byte {
	var items []string
	for i := range texts {
		v, _ := json.Marshal(vectorOf(strings.Repeat("x", i), dimension))
		items = append(items, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":%s}`, i, v))
	}
	return []byte(`{"object":"list","data":[` + strings.Join(items, ",") + `],"model":"m","usage":{"prompt_tokens":1}}`)
}

// BenchmarkParseReply compares the reader of replies with encoding/json: what
// it takes is inside the latency of an endpoint.
func BenchmarkParseReply(b *testing.B) {
	for _, texts := range []int{1, 32} {
		body := openAIReply(texts, 1024)
		b.Run(fmt.Sprintf("here/texts=%d", texts), func(b *testing.B) {
			var r reply
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.read(protocols["openai"], http.Header{}, body); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("encoding-json/texts=%d", texts), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				var r struct {
					Data []struct{ Embedding []float32 }
				}
				if err := json.Unmarshal(body, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCheck is what the checks of one vector take.
func BenchmarkCheck(b *testing.B) {
	v := make([]float32, 1024)
	v[0] = 1
	vectors := [][]float32{v}
	for b.Loop() {
		if err := (expectation{1024, true}).check(vectors, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOp is one text in this process, as an op of each preset.
func BenchmarkOp(b *testing.B) {
	bench := textBenchmark(encoder.Open)
	for _, model := range []string{"all-MiniLM-L6-v2", "e5-small", "bge-base"} {
		b.Run(model, func(b *testing.B) {
			s := prepare(b, bench, request(b, bench, map[string]any{"model": model}))
			b.ReportAllocs()
			for b.Loop() {
				s.mustDo()
			}
		})
	}
}
