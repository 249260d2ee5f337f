package encoder_test

import (
	"context"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder"
)

// shortText is a dozen tokens, the size of a search query.
const shortText = "How do I measure the latency of a vector search?"

func open(tb testing.TB, opts encoder.Options) *encoder.Encoder {
	tb.Helper()
	e, err := encoder.Open(opts)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

func benchmarkEncode(b *testing.B, s *encoder.Session, texts []string, opts encoder.EncodeOptions) {
	b.Helper()
	ctx, tokens := context.Background(), 0
	b.ReportAllocs()
	for b.Loop() {
		_, usage, err := s.Encode(ctx, texts, opts)
		if err != nil {
			b.Fatal(err)
		}
		tokens += usage.Tokens
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
	b.ReportMetric(float64(len(texts)*b.N)/b.Elapsed().Seconds(), "texts/s")
	b.ReportMetric(float64(tokens)/float64(b.N), "tokens/op")
}

func BenchmarkOneShortText(b *testing.B) {
	for _, shape := range encoder.Shapes() {
		b.Run(shape.Name, func(b *testing.B) {
			e := open(b, encoder.Options{Model: shape.Name, Seed: 1})
			benchmarkEncode(b, e.NewSession(1), []string{shortText}, encoder.EncodeOptions{})
		})
	}
}

func BenchmarkBatchOf8Times64Tokens(b *testing.B) {
	texts := make([]string, 8)
	for i := range texts {
		texts[i] = strings.Repeat(shortText+" ", 10)
	}
	for _, shape := range encoder.Shapes() {
		b.Run(shape.Name, func(b *testing.B) {
			e := open(b, encoder.Options{Model: shape.Name, Seed: 1})
			benchmarkEncode(b, e.NewSession(1), texts, encoder.EncodeOptions{MaxTokens: 64})
		})
	}
}

func BenchmarkOneShortTextOnTwoThreads(b *testing.B) {
	e := open(b, encoder.Options{Model: "all-MiniLM-L6-v2", Seed: 1})
	benchmarkEncode(b, e.NewSession(2), []string{shortText}, encoder.EncodeOptions{})
}

func BenchmarkOpenRandom(b *testing.B) {
	for _, shape := range encoder.Shapes() {
		b.Run(shape.Name, func(b *testing.B) {
			for b.Loop() {
				open(b, encoder.Options{Model: shape.Name, Seed: 1})
			}
		})
	}
}
