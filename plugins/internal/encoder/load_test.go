package encoder_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder"
	"github.com/benchharness/harness/plugins/internal/encoder/safetensors"
)

var loadTexts = []string{"hello, world", "a second text that is longer"}

// renamed copies tensors under other names.
func renamed(entries []safetensors.Entry, name func(string) string) []safetensors.Entry {
	list := slices.Clone(entries)
	for i := range list {
		list[i].Name = name(list[i].Name)
	}
	return list
}

func TestEveryPublishedNamingOfTensorsLoadsTheSameModel(t *testing.T) {
	entries := smallTensors(5)
	want, _ := encode(t, open(t, encoder.Options{ModelDir: writeModel(t, entries, nil)}).NewSession(1), loadTexts, encoder.EncodeOptions{})
	older := strings.NewReplacer("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta")
	extra := []safetensors.Entry{{Name: "bert.pooler.dense.weight", Shape: []int{1}, Data: []float32{1}}}
	for name, variant := range map[string][]safetensors.Entry{
		"under bert.":               renamed(entries, func(n string) string { return "bert." + n }),
		"TensorFlow's norms":        renamed(entries, older.Replace),
		"both":                      renamed(entries, func(n string) string { return "bert." + older.Replace(n) }),
		"beside tensors of no use":  append(extra, entries...),
		"in the file's other order": func() []safetensors.Entry { l := slices.Clone(entries); slices.Reverse(l); return l }(),
	} {
		got, _ := encode(t, open(t, encoder.Options{ModelDir: writeModel(t, variant, nil)}).NewSession(1), loadTexts, encoder.EncodeOptions{})
		if !slices.EqualFunc(got, want, slices.Equal[[]float32]) {
			t.Errorf("%s: other vectors", name)
		}
	}
}

// narrow rewrites an F32 file in a 16-bit type.
func narrow(t *testing.T, path, dtype string, convert func(float32) uint16) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	length := binary.LittleEndian.Uint64(old)
	var header map[string]map[string]any
	if err := json.Unmarshal(old[8:8+length], &header); err != nil {
		t.Fatal(err)
	}
	for _, entry := range header {
		entry["dtype"] = dtype
		offsets := entry["data_offsets"].([]any)
		entry["data_offsets"] = []int{int(offsets[0].(float64)) / 2, int(offsets[1].(float64)) / 2}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	out := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	for data := old[8+length:]; len(data) > 0; data = data[4:] {
		out = binary.LittleEndian.AppendUint16(out, convert(math.Float32frombits(binary.LittleEndian.Uint32(data))))
	}
	if err := os.WriteFile(path, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestHalfPrecisionWeightsGiveNearlyTheSameVectors(t *testing.T) {
	entries := smallTensors(5)
	want, _ := encode(t, open(t, encoder.Options{ModelDir: writeModel(t, entries, nil)}).NewSession(1), loadTexts, encoder.EncodeOptions{})
	for dtype, test := range map[string]struct {
		convert func(float32) uint16
		least   float64 // cosine
	}{
		"BF16": {func(v float32) uint16 { return uint16((math.Float32bits(v) + 0x8000) >> 16) }, 0.995},
		// Values between 2⁻¹⁴ and 65504 only; smaller ones become zero.
		"F16": {func(v float32) uint16 {
			bits := math.Float32bits(v) + 0x1000
			exponent := int(bits>>23&0xff) - 127 + 15
			if exponent <= 0 {
				return 0
			}
			return uint16(bits>>16&0x8000) | uint16(exponent<<10) | uint16(bits>>13&0x3ff)
		}, 0.99999},
	} {
		dir := writeModel(t, entries, nil)
		narrow(t, filepath.Join(dir, "model.safetensors"), dtype, test.convert)
		got, _ := encode(t, open(t, encoder.Options{ModelDir: dir}).NewSession(1), loadTexts, encoder.EncodeOptions{})
		for i := range got {
			if c := cosine(got[i], want[i]); c < test.least {
				t.Errorf("%s: text %d has cosine %v to single precision, want %v", dtype, i, c, test.least)
			}
		}
	}
}

func TestInfoNamesTheFileAndItsDigest(t *testing.T) {
	dir := writeModel(t, smallTensors(5), nil)
	info := open(t, encoder.Options{ModelDir: dir}).Info()
	content, err := os.ReadFile(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if info.WeightsSHA256 != hex.EncodeToString(sum[:]) || info.Weights != filepath.Join(dir, "model.safetensors") || info.Random ||
		info.Model != filepath.Base(dir) || info.Tokenizer != filepath.Join(dir, "vocab.txt")+", 200 pieces" {
		t.Errorf("info is %+v", info)
	}
	if got := open(t, encoder.Options{ModelDir: dir, Model: "my-model"}).Info().Model; got != "my-model" {
		t.Errorf("the model is called %q", got)
	}
}

func TestSentenceTransformersFilesDecidePoolingAndLength(t *testing.T) {
	modules := func(types ...string) []map[string]any {
		var list []map[string]any
		paths := map[string]string{"Pooling": "1_Pooling", "Normalize": "2_Normalize"}
		for i, kind := range types {
			list = append(list, map[string]any{"idx": i, "name": "x", "path": paths[kind], "type": "sentence_transformers.models." + kind})
		}
		return list
	}
	cls := map[string]any{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false, "word_embedding_dimension": 32}
	tests := []struct {
		name      string
		files     map[string]any
		pooling   encoder.Pooling
		normalize bool
		maxTokens int
	}{
		{"no file: mean, normalised, all positions", nil, encoder.PoolMean, true, 150},
		{"a pooling file alone", map[string]any{"1_Pooling/config.json": cls}, encoder.PoolCLS, true, 150},
		{"modules without a normalising one", map[string]any{"modules.json": modules("Transformer", "Pooling"), "1_Pooling/config.json": cls}, encoder.PoolCLS, false, 150},
		{"modules with it", map[string]any{"modules.json": modules("Transformer", "Pooling", "Normalize"), "1_Pooling/config.json": cls}, encoder.PoolCLS, true, 150},
		{"max pooling", map[string]any{"1_Pooling/config.json": map[string]any{"pooling_mode_max_tokens": true}}, encoder.PoolMax, true, 150},
		{"the newer spelling", map[string]any{"1_Pooling/config.json": map[string]any{"pooling_mode": "cls"}}, encoder.PoolCLS, true, 150},
		{"a length", map[string]any{"sentence_bert_config.json": map[string]any{"max_seq_length": 20}}, encoder.PoolMean, true, 20},
		{"the tokenizer's length", map[string]any{"tokenizer_config.json": map[string]any{"model_max_length": 40}}, encoder.PoolMean, true, 40},
		{"a tokenizer without limit", map[string]any{"tokenizer_config.json": map[string]any{"model_max_length": 1e30}}, encoder.PoolMean, true, 150},
		{"a length over the positions", map[string]any{"sentence_bert_config.json": map[string]any{"max_seq_length": 9999}}, encoder.PoolMean, true, 150},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info := open(t, encoder.Options{ModelDir: writeModel(t, smallTensors(5), test.files)}).Info()
			if info.Pooling != test.pooling || info.Normalized != test.normalize || info.MaxTokens != test.maxTokens {
				t.Errorf("pooling %s, normalised %v, %d tokens; want %s, %v, %d", info.Pooling, info.Normalized, info.MaxTokens, test.pooling, test.normalize, test.maxTokens)
			}
		})
	}
}

func TestTokenizerJSONTakesTheVocabularysPlace(t *testing.T) {
	vocab := map[string]int{"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "hello": 3}
	dir := writeModel(t, smallTensors(5), map[string]any{
		"vocab.txt":      nil,
		"tokenizer.json": map[string]any{"model": map[string]any{"type": "WordPiece", "vocab": vocab}, "truncation": map[string]any{"max_length": 9}},
	})
	info := open(t, encoder.Options{ModelDir: dir}).Info()
	if info.MaxTokens != 9 || !strings.Contains(info.Tokenizer, "tokenizer.json, 4 pieces") {
		t.Errorf("info is %+v", info)
	}
}

func TestDirectoriesThatCannotBeUsedAreRefusedWithTheReason(t *testing.T) {
	config := func(key string, value any) map[string]any {
		c := smallConfig()
		c[key] = value
		return map[string]any{"config.json": c}
	}
	entries := smallTensors(5)
	broken := slices.Clone(entries)
	broken[3] = safetensors.Entry{Name: broken[3].Name, Shape: []int{31}, Data: broken[3].Data[:31]}
	tests := []struct {
		name    string
		entries []safetensors.Entry
		files   map[string]any
		model   string
		want    string
	}{
		{"no weights", entries, map[string]any{"model.safetensors": nil}, "", "needs model.safetensors"},
		{"weights that are something else", entries, map[string]any{"model.safetensors": strings.Repeat("not weights ", 99999)}, "", "not a well-formed safetensors file"},
		{"a tensor that is missing", entries[:len(entries)-1], nil, "", `lacks the tensor "encoder.layer.1.output.LayerNorm.bias"`},
		{"a tensor of another shape", broken, nil, "", "config.json wants [32]"},
		{"a config that claims a giant", entries, config("hidden_size", 16384), "", "cannot hold"},
		{"no config", entries, map[string]any{"config.json": nil}, "", "config.json"},
		{"a config that is no JSON", entries, map[string]any{"config.json": "{"}, "", "config.json"},
		{"a config too long", entries, map[string]any{"config.json": strings.Repeat(" ", 5<<20)}, "", "more than"},
		{"another architecture", entries, config("model_type", "roberta"), "", "only bert"},
		{"another activation", entries, config("hidden_act", "gelu_new"), "", "only gelu"},
		{"relative positions", entries, config("position_embedding_type", "relative_key"), "", "only absolute"},
		{"heads that do not divide", entries, config("num_attention_heads", 5), "", "divide"},
		{"a negative size", entries, config("num_hidden_layers", -1), "", "outside 1"},
		{"no vocabulary", entries, map[string]any{"vocab.txt": nil}, "", "tokenizer.json or vocab.txt"},
		{"a vocabulary larger than the table", entries, map[string]any{"vocab.txt": "[UNK]\n[CLS]\n[SEP]\n" + strings.Repeat("\n", 300)}, "", "not of one model"},
		{"a module that leaves the directory", entries, map[string]any{"modules.json": []any{map[string]any{"path": "../x", "type": "a.Pooling"}}}, "", "leaves the directory"},
		{"a module of an unknown type", entries, map[string]any{"modules.json": []any{map[string]any{"path": "2_Dense", "type": "a.Dense"}}}, "", `a.Dense" is not supported`},
		{"a pooling that is not supported", entries, map[string]any{"1_Pooling/config.json": map[string]any{"pooling_mode_lasttoken": true}}, "", "not supported"},
		{"two poolings", entries, map[string]any{"1_Pooling/config.json": map[string]any{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true}}, "", "exactly one"},
		{"a model of another size than its name says", entries, nil, "bge-base", "bge-base has 12, 768, 12, 3072"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := encoder.Open(encoder.Options{Model: test.model, ModelDir: writeModel(t, test.entries, test.files)})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := encoder.Open(encoder.Options{ModelDir: writeModel(t, entries, nil), Shape: tiny()}); err == nil {
		t.Error("a shape beside a directory was taken")
	}
}

func TestWeightsThatAreNotNumbersGiveAnErrorAndNoVector(t *testing.T) {
	entries := smallTensors(5)
	data := slices.Clone(entries[0].Data)
	for i := range data {
		data[i] = float32(math.NaN())
	}
	entries[0].Data = data
	session := open(t, encoder.Options{ModelDir: writeModel(t, entries, nil)}).NewSession(1)
	if _, _, err := session.Encode(t.Context(), []string{"text"}, encoder.EncodeOptions{}); err == nil || !strings.Contains(err.Error(), "not finite") {
		t.Errorf("got %v", err)
	}
}
