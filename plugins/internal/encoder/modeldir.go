package encoder

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/benchharness/harness/plugins/internal/encoder/wordpiece"
)

// modelDir is what a directory's small files say.
type modelDir struct {
	shape                      Shape
	saysPooling, saysMaxTokens bool
	weightsPath                string
	tokens                     *wordpiece.Tokenizer
	tokenizerPath              string
}

// maxConfigBytes bounds the small JSON files.
const maxConfigBytes = 4 << 20

// bertConfig is the part of config.json that decides the computation.
type bertConfig struct {
	ModelType  string   `json:"model_type"`
	Width      int      `json:"hidden_size"`
	Layers     int      `json:"num_hidden_layers"`
	Heads      int      `json:"num_attention_heads"`
	FFN        int      `json:"intermediate_size"`
	Vocab      int      `json:"vocab_size"`
	Positions  int      `json:"max_position_embeddings"`
	Types      int      `json:"type_vocab_size"`
	Epsilon    *float64 `json:"layer_norm_eps"`
	Activation string   `json:"hidden_act"`
	Position   string   `json:"position_embedding_type"`
}

func readModelDir(dir string) (*modelDir, error) {
	st, err := readModules(dir)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(dir, st.transformer)
	m := &modelDir{weightsPath: filepath.Join(root, "model.safetensors"), saysPooling: st.found}
	if m.shape, err = readConfig(filepath.Join(root, "config.json")); err != nil {
		return nil, err
	}
	m.shape.Pooling, m.shape.Normalize = st.pooling, st.normalize
	limit, err := m.readTokenizer(root)
	if err != nil {
		return nil, err
	}
	m.saysMaxTokens = limit > 0
	m.shape.MaxTokens = m.shape.Positions
	if limit > 0 {
		m.shape.MaxTokens = min(limit, m.shape.Positions)
	}
	return m, nil
}

// readConfig reads config.json and refuses what this encoder does not compute.
func readConfig(path string) (Shape, error) {
	config := bertConfig{Types: 2, Activation: "gelu"}
	if err := readJSON(path, &config); err != nil {
		return Shape{}, err
	}
	if config.ModelType != "" && config.ModelType != "bert" {
		return Shape{}, fmt.Errorf("%s: model_type is %q; only bert is supported", path, config.ModelType)
	}
	if config.Activation != "gelu" {
		return Shape{}, fmt.Errorf("%s: hidden_act is %q; only gelu is supported", path, config.Activation)
	}
	if config.Position != "" && config.Position != "absolute" {
		return Shape{}, fmt.Errorf("%s: position_embedding_type is %q; only absolute is supported", path, config.Position)
	}
	epsilon := 1e-12
	if config.Epsilon != nil {
		epsilon = *config.Epsilon
	}
	shape := Shape{
		Layers: config.Layers, Width: config.Width, Heads: config.Heads, FFN: config.FFN,
		Vocab: config.Vocab, Positions: config.Positions, Types: config.Types, MaxTokens: config.Positions,
		Epsilon: epsilon, Pooling: PoolMean,
	}
	if err := shape.check(); err != nil {
		return Shape{}, fmt.Errorf("%s: %w", path, err)
	}
	return shape, nil
}

// sentence is what sentence-transformers' files say about the steps around the transformer.
type sentence struct {
	found       bool // some file decided pooling and normalisation
	transformer string
	pooling     Pooling
	normalize   bool
}

// readModules reads modules.json, or 1_Pooling/config.json on its own. A directory with neither has mean pooling and
// normalised vectors, which a built-in model's name overrides.
func readModules(dir string) (sentence, error) {
	st := sentence{pooling: PoolMean, normalize: true}
	path := filepath.Join(dir, "modules.json")
	if !exists(path) {
		alone := filepath.Join(dir, "1_Pooling", "config.json")
		if !exists(alone) {
			return st, nil
		}
		st.found = true
		var err error
		st.pooling, err = readPooling(alone)
		return st, err
	}
	var modules []struct{ Path, Type string }
	if err := readJSON(path, &modules); err != nil {
		return st, err
	}
	st.found, st.normalize = true, false
	for _, module := range modules {
		if module.Path != "" && !filepath.IsLocal(module.Path) {
			return st, fmt.Errorf("%s: the path %q leaves the directory", path, module.Path)
		}
		switch kind := module.Type[strings.LastIndexByte(module.Type, '.')+1:]; kind {
		case "Transformer":
			st.transformer = module.Path
		case "Pooling":
			var err error
			if st.pooling, err = readPooling(filepath.Join(dir, module.Path, "config.json")); err != nil {
				return st, err
			}
		case "Normalize":
			st.normalize = true
		default:
			return st, fmt.Errorf("%s: a module of type %q is not supported; Transformer, Pooling and Normalize are", path, module.Type)
		}
	}
	return st, nil
}

// readPooling reads a pooling module's config. Modes that join several vectors are refused.
func readPooling(path string) (Pooling, error) {
	var config map[string]any
	if err := readJSON(path, &config); err != nil {
		return PoolDefault, err
	}
	known := map[string]Pooling{
		"pooling_mode_mean_tokens": PoolMean, "pooling_mode_cls_token": PoolCLS, "pooling_mode_max_tokens": PoolMax,
		"mean": PoolMean, "cls": PoolCLS, "max": PoolMax,
	}
	var modes []string
	for key, value := range config {
		if on, _ := value.(bool); on && strings.HasPrefix(key, "pooling_mode_") {
			modes = append(modes, key)
		}
	}
	if mode, ok := config["pooling_mode"].(string); ok {
		modes = append(modes, mode)
	}
	if len(modes) != 1 {
		return PoolDefault, fmt.Errorf("%s: it sets %d pooling modes %v; exactly one is supported", path, len(modes), modes)
	}
	pooling, ok := known[modes[0]]
	if !ok {
		return PoolDefault, fmt.Errorf("%s: %s is not supported; mean, cls and max are", path, modes[0])
	}
	return pooling, nil
}

// readTokenizer prefers tokenizer.json, which carries its own settings, to vocab.txt. limit is the length at which texts
// are cut, 0 when no file says.
func (m *modelDir) readTokenizer(root string) (limit int, err error) {
	settings := struct {
		Lowercase    *bool    `json:"do_lower_case"`
		StripAccents *bool    `json:"strip_accents"`
		SplitCJK     *bool    `json:"tokenize_chinese_chars"`
		MaxLength    *float64 `json:"model_max_length"` // often 1e30, "no limit"
	}{}
	if path := filepath.Join(root, "tokenizer_config.json"); exists(path) {
		if err := readJSON(path, &settings); err != nil {
			return 0, err
		}
	}
	m.tokenizerPath = filepath.Join(root, "tokenizer.json")
	if exists(m.tokenizerPath) {
		limit, err = m.readTokenizerJSON()
	} else {
		m.tokenizerPath = filepath.Join(root, "vocab.txt")
		opts := wordpiece.DefaultOptions()
		setBool(&opts.Lowercase, settings.Lowercase)
		opts.StripAccents = opts.Lowercase
		setBool(&opts.StripAccents, settings.StripAccents)
		setBool(&opts.SplitCJK, settings.SplitCJK)
		err = m.readVocab(opts)
	}
	if err != nil {
		return 0, err
	}
	if most := settings.MaxLength; most != nil && *most >= 1 && *most <= maxPositions {
		limit = int(math.Floor(*most))
	}
	// sentence-transformers' own file has the last word.
	var own struct {
		MaxLength int `json:"max_seq_length"`
	}
	if path := filepath.Join(root, "sentence_bert_config.json"); exists(path) {
		if err := readJSON(path, &own); err != nil {
			return 0, err
		}
		if own.MaxLength > 0 {
			limit = own.MaxLength
		}
	}
	return limit, nil
}

func (m *modelDir) readTokenizerJSON() (limit int, err error) {
	f, err := os.Open(m.tokenizerPath)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if m.tokens, limit, err = wordpiece.ReadJSON(f); err != nil {
		return 0, fmt.Errorf("%s: %w", m.tokenizerPath, err)
	}
	return limit, nil
}

func (m *modelDir) readVocab(opts wordpiece.Options) error {
	f, err := os.Open(m.tokenizerPath)
	if err != nil {
		return fmt.Errorf("no vocabulary: it needs tokenizer.json or vocab.txt: %w", err)
	}
	defer f.Close()
	pieces, err := wordpiece.ReadVocab(f)
	if err == nil {
		m.tokens, err = wordpiece.New(pieces, opts)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.tokenizerPath, err)
	}
	return nil
}

func setBool(dst, value *bool) {
	if value != nil {
		*dst = *value
	}
}

func readJSON(path string, into any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxConfigBytes {
		return fmt.Errorf("read %s: more than %d bytes", path, maxConfigBytes)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
