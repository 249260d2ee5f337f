package embedding

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder/safetensors"
	"github.com/benchharness/harness/plugins/internal/encoder/wordpiece"
)

// writeModel writes a one-layer model into a new folder. scale is the gain of
// its last normalisation: 1, or one so large that vectors overflow.
func writeModel(t *testing.T, scale float32) string {
	t.Helper()
	const width, ffn, vocab, positions = 16, 32, 300, 64
	random := rand.New(rand.NewPCG(1, 2))
	var entries []safetensors.Entry
	add := func(name string, at, spread float32, shape ...int) {
		size := 1
		for _, d := range shape {
			size *= d
		}
		e := safetensors.Entry{Name: name, Shape: shape, Data: make([]float32, size)}
		for i := range e.Data {
			e.Data[i] = at + spread*float32(random.NormFloat64())
		}
		entries = append(entries, e)
	}
	dense := func(name string, out, in int) {
		add(name+".weight", 0, 0.2, out, in)
		add(name+".bias", 0, 0.2, out)
	}
	norm := func(name string, gain float32) {
		add(name+".weight", gain, 0, width)
		add(name+".bias", 0, 0.1, width)
	}
	add("embeddings.word_embeddings.weight", 0, 1, vocab, width)
	add("embeddings.position_embeddings.weight", 0, 1, positions, width)
	add("embeddings.token_type_embeddings.weight", 0, 1, 2, width)
	norm("embeddings.LayerNorm", 1)
	const layer = "encoder.layer.0."
	for _, part := range []string{"query", "key", "value"} {
		dense(layer+"attention.self."+part, width, width)
	}
	dense(layer+"attention.output.dense", width, width)
	norm(layer+"attention.output.LayerNorm", 1)
	dense(layer+"intermediate.dense", ffn, width)
	dense(layer+"output.dense", width, ffn)
	norm(layer+"output.LayerNorm", scale)

	dir := t.TempDir()
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var file strings.Builder
	if err := safetensors.Write(&file, entries, nil); err != nil {
		t.Fatal(err)
	}
	write("model.safetensors", []byte(file.String()))
	config, _ := json.Marshal(map[string]any{
		"model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12, "type_vocab_size": 2, "hidden_size": width,
		"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": ffn, "vocab_size": vocab, "max_position_embeddings": positions,
	})
	write("config.json", config)
	pieces, err := wordpiece.Builtin(vocab)
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for id := range pieces.Size() {
		fmt.Fprintln(&lines, pieces.Piece(int32(id)))
	}
	write("vocab.txt", []byte(lines.String()))
	return dir
}
