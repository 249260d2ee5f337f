package wordpiece

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits on foreign vocabulary files. The largest BERT vocabularies in use hold a quarter of a million pieces.
const (
	maxPieces     = 1 << 20
	maxPieceBytes = 1 << 12
	maxJSONBytes  = 64 << 20
)

// ReadVocab reads vocab.txt: one piece a line, the line's number (from 0) its id.
func ReadVocab(r io.Reader) ([]string, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPieceBytes)
	var pieces []string
	for lines.Scan() {
		if len(pieces) == maxPieces {
			return nil, fmt.Errorf("read vocabulary: more than %d lines", maxPieces)
		}
		// Only the line's own end goes: some vocabularies hold pieces that are exotic white space.
		pieces = append(pieces, strings.TrimRight(lines.Text(), "\r"))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read vocabulary: line %d: %w", len(pieces)+1, err)
	}
	if len(pieces) == 0 {
		return nil, errors.New("read vocabulary: the file is empty")
	}
	return pieces, nil
}

// tokenizerJSON is the part of Hugging Face's tokenizer.json that matters for WordPiece.
type tokenizerJSON struct {
	Normalizer *struct {
		Type         string `json:"type"`
		Lowercase    *bool  `json:"lowercase"`
		StripAccents *bool  `json:"strip_accents"`
		ChineseChars *bool  `json:"handle_chinese_chars"`
	} `json:"normalizer"`
	Truncation *struct {
		MaxLength int `json:"max_length"`
	} `json:"truncation"`
	Model struct {
		Type         string           `json:"type"`
		Unknown      string           `json:"unk_token"`
		Continuation string           `json:"continuing_subword_prefix"`
		MaxWordRunes int              `json:"max_input_chars_per_word"`
		Vocab        map[string]int32 `json:"vocab"`
	} `json:"model"`
}

// ReadJSON reads tokenizer.json. Models other than WordPiece and normalizers other than BertNormalizer are refused.
// maxTokens is the file's truncation length, or 0.
func ReadJSON(r io.Reader) (t *Tokenizer, maxTokens int, err error) {
	var file tokenizerJSON
	text, err := io.ReadAll(io.LimitReader(r, maxJSONBytes+1))
	if err != nil {
		return nil, 0, fmt.Errorf("read tokenizer.json: %w", err)
	}
	if len(text) > maxJSONBytes {
		return nil, 0, fmt.Errorf("read tokenizer.json: more than %d bytes", maxJSONBytes)
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, 0, fmt.Errorf("read tokenizer.json: %w", err)
	}
	opts, err := file.options()
	if err != nil {
		return nil, 0, fmt.Errorf("read tokenizer.json: %w", err)
	}
	pieces, err := file.pieces()
	if err != nil {
		return nil, 0, fmt.Errorf("read tokenizer.json: %w", err)
	}
	if file.Truncation != nil {
		maxTokens = max(file.Truncation.MaxLength, 0)
	}
	t, err = New(pieces, opts)
	return t, maxTokens, err
}

func (f *tokenizerJSON) options() (Options, error) {
	opts := DefaultOptions()
	// Older files leave the type out.
	if f.Model.Type != "WordPiece" && f.Model.Type != "" {
		return opts, fmt.Errorf("its model is %q; only WordPiece is supported", f.Model.Type)
	}
	if f.Model.Unknown != "" {
		opts.Unknown = f.Model.Unknown
	}
	if f.Model.Continuation != "" {
		opts.Continuation = f.Model.Continuation
	}
	if f.Model.MaxWordRunes > 0 {
		opts.MaxWordRunes = f.Model.MaxWordRunes
	}
	n := f.Normalizer
	if n == nil {
		opts.Lowercase, opts.StripAccents, opts.SplitCJK = false, false, false
		return opts, nil
	}
	if n.Type != "BertNormalizer" {
		return opts, fmt.Errorf("its normalizer is %q; only BertNormalizer is supported", n.Type)
	}
	if n.Lowercase != nil {
		opts.Lowercase = *n.Lowercase
	}
	if n.ChineseChars != nil {
		opts.SplitCJK = *n.ChineseChars
	}
	// A null here means: as the case folding goes.
	opts.StripAccents = opts.Lowercase
	if n.StripAccents != nil {
		opts.StripAccents = *n.StripAccents
	}
	return opts, nil
}

func (f *tokenizerJSON) pieces() ([]string, error) {
	var size int32
	for piece, id := range f.Model.Vocab {
		if id < 0 || id >= maxPieces {
			return nil, fmt.Errorf("piece %q has id %d, outside 0 to %d", piece, id, maxPieces-1)
		}
		size = max(size, id+1)
	}
	pieces := make([]string, size)
	for piece, id := range f.Model.Vocab {
		if pieces[id] != "" {
			return nil, fmt.Errorf("id %d has two pieces, %q and %q", id, pieces[id], piece)
		}
		pieces[id] = piece
	}
	return pieces, nil
}
