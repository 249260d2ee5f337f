package encoder_test

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

// small is the model that tests write to disk. Its tensors are named and drawn here, apart from the package's own list.
var small = struct{ layers, width, heads, ffn, vocab, positions int }{2, 32, 4, 64, 200, 150}

// smallTensors draws every tensor large enough that attention is far from uniform and every bias and gain matters.
func smallTensors(seed uint64) []safetensors.Entry {
	random := rand.New(rand.NewPCG(seed, 0))
	var entries []safetensors.Entry
	add := func(name string, mean, deviation float64, shape ...int) {
		size := 1
		for _, d := range shape {
			size *= d
		}
		data := make([]float32, size)
		for i := range data {
			data[i] = float32(mean + deviation*random.NormFloat64())
		}
		entries = append(entries, safetensors.Entry{Name: name, Shape: shape, Data: data})
	}
	norm := func(name string) {
		add(name+".weight", 1, 0.3, small.width)
		add(name+".bias", 0, 0.3, small.width)
	}
	dense := func(name string, out, in int) {
		add(name+".weight", 0, 0.25, out, in)
		add(name+".bias", 0, 0.3, out)
	}
	add("embeddings.word_embeddings.weight", 0, 1, small.vocab, small.width)
	add("embeddings.position_embeddings.weight", 0, 0.5, small.positions, small.width)
	add("embeddings.token_type_embeddings.weight", 0, 0.5, 2, small.width)
	norm("embeddings.LayerNorm")
	for i := range small.layers {
		at := fmt.Sprintf("encoder.layer.%d.", i)
		for _, part := range []string{"query", "key", "value"} {
			dense(at+"attention.self."+part, small.width, small.width)
		}
		dense(at+"attention.output.dense", small.width, small.width)
		norm(at + "attention.output.LayerNorm")
		dense(at+"intermediate.dense", small.ffn, small.width)
		dense(at+"output.dense", small.width, small.ffn)
		norm(at + "output.LayerNorm")
	}
	return entries
}

// smallConfig is the model's config.json.
func smallConfig() map[string]any {
	return map[string]any{
		"model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 1e-12, "type_vocab_size": 2,
		"hidden_size": small.width, "num_hidden_layers": small.layers, "num_attention_heads": small.heads,
		"intermediate_size": small.ffn, "vocab_size": small.vocab, "max_position_embeddings": small.positions,
	}
}

// writeModel writes the small model into a new directory. extra files replace or join its own; nil takes one away.
func writeModel(t *testing.T, entries []safetensors.Entry, extra map[string]any) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if err := safetensors.Write(f, entries, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	vocab, err := wordpiece.Builtin(small.vocab)
	if err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for id := range vocab.Size() {
		fmt.Fprintln(&lines, vocab.Piece(int32(id)))
	}
	files := map[string]any{"config.json": smallConfig(), "vocab.txt": lines.String()}
	for name, content := range extra {
		files[name] = content
	}
	for name, content := range files {
		writeFile(t, filepath.Join(dir, name), content)
	}
	return dir
}

// writeFile writes a string as it is and anything else as JSON; nil removes the file.
func writeFile(t *testing.T, path string, content any) {
	t.Helper()
	if content == nil {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return
	}
	text, ok := content.(string)
	if !ok {
		encoded, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		text = string(encoded)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
