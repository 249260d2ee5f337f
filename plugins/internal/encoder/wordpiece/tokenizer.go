package wordpiece

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// The special tokens that every BERT vocabulary has. PAD and MASK are looked up but not required.
const (
	clsToken  = "[CLS]"
	sepToken  = "[SEP]"
	padToken  = "[PAD]"
	maskToken = "[MASK]"
)

// Options are the settings of a tokenizer. The zero value is not usable; start from DefaultOptions.
type Options struct {
	// Lowercase folds case. BERT's uncased models set it.
	Lowercase bool
	// StripAccents removes combining marks after canonical decomposition. Uncased models set it.
	StripAccents bool
	// SplitCJK puts spaces around CJK ideographs, so that each is a word.
	SplitCJK bool
	// Unknown is the token for a word that has no pieces; it must be in the vocabulary.
	Unknown string
	// Continuation marks a piece that does not begin a word.
	Continuation string
	// MaxWordRunes is the length in code points above which a word is Unknown as a whole.
	MaxWordRunes int
}

// DefaultOptions are those of bert-base-uncased, which all-MiniLM-L6-v2, e5-small and bge-base share.
func DefaultOptions() Options {
	return Options{
		Lowercase: true, StripAccents: true, SplitCJK: true,
		Unknown: "[UNK]", Continuation: "##", MaxWordRunes: 100,
	}
}

// Tokenizer is immutable after New and safe for concurrent use, as long as each goroutine has its own Scratch.
type Tokenizer struct {
	opts    Options
	pieces  []string
	initial map[string]int32 // pieces that may begin a word
	inside  map[string]int32 // pieces that continue one, without their mark
	longest int              // bytes of the longest piece: no match can be longer

	unknown, cls, sep int32
}

// Scratch holds the buffers of one goroutine, so that steady-state tokenising of ASCII text allocates nothing and other
// text next to nothing. The zero value is ready.
type Scratch struct {
	clean []byte
	nfd   []byte
}

// New makes a tokenizer from the pieces of a vocabulary, whose index is their id. It fails when the vocabulary is empty,
// names a piece twice, or lacks [CLS], [SEP] or the unknown token. Empty strings leave their id unused.
func New(pieces []string, opts Options) (*Tokenizer, error) {
	if opts.Unknown == "" || opts.Continuation == "" || opts.MaxWordRunes <= 0 {
		return nil, errors.New("make tokenizer: options lack the unknown token, the continuation mark or the word limit; start from DefaultOptions")
	}
	t := &Tokenizer{
		opts:    opts,
		pieces:  pieces,
		initial: make(map[string]int32, len(pieces)),
		inside:  make(map[string]int32, len(pieces)/2),
	}
	special := make(map[string]int32, 3)
	for id, piece := range pieces {
		if piece == "" {
			continue
		}
		if err := t.add(piece, int32(id)); err != nil {
			return nil, err
		}
		if piece == clsToken || piece == sepToken || piece == opts.Unknown {
			special[piece] = int32(id)
		}
	}
	for token, id := range map[string]*int32{clsToken: &t.cls, sepToken: &t.sep, opts.Unknown: &t.unknown} {
		found, ok := special[token]
		if !ok {
			return nil, fmt.Errorf("make tokenizer: the vocabulary of %d pieces has no %s token", len(pieces), token)
		}
		*id = found
	}
	return t, nil
}

// add files one piece under the map that the greedy match will look in.
func (t *Tokenizer) add(piece string, id int32) error {
	into, key := t.initial, piece
	if mark := t.opts.Continuation; len(piece) > len(mark) && piece[:len(mark)] == mark {
		into, key = t.inside, piece[len(mark):]
	}
	if first, twice := into[key]; twice {
		return fmt.Errorf("make tokenizer: piece %q stands at id %d and again at %d", piece, first, id)
	}
	into[key] = id
	t.longest = max(t.longest, len(key))
	return nil
}

// Size is the number of ids, unused ones included.
func (t *Tokenizer) Size() int { return len(t.pieces) }

// Special gives the ids of [CLS] and [SEP].
func (t *Tokenizer) Special() (cls, sep int32) { return t.cls, t.sep }

// Piece is the text of an id, or "" for an id outside the vocabulary.
func (t *Tokenizer) Piece(id int32) string {
	if id < 0 || int(id) >= len(t.pieces) {
		return ""
	}
	return t.pieces[id]
}

// Encode is the convenient form: [CLS], the pieces of text, [SEP], in at most limit ids.
func (t *Tokenizer) Encode(text string, limit int) []int32 {
	var s Scratch
	ids, _ := t.AppendPieces([]int32{t.cls}, text, limit-2, &s)
	return append(ids, t.sep)
}

// AppendPieces appends the ids of text, without special tokens, and stops after limit of them. It tells whether all of
// the text fitted. Text of two parts that are separated by a space can be appended part by part.
func (t *Tokenizer) AppendPieces(dst []int32, text string, limit int, s *Scratch) (ids []int32, complete bool) {
	clean := t.normalise(text, s)
	end := len(dst) + max(limit, 0)
	for start := 0; start < len(clean); {
		r, size := utf8.DecodeRune(clean[start:])
		if r == ' ' {
			start += size
			continue
		}
		stop := start + size
		if !isPunctuation(r) {
			stop = wordEnd(clean, stop)
		}
		if len(dst) >= end { // a word of several pieces may have gone past it
			return dst[:end], false
		}
		dst = t.appendWord(dst, clean[start:stop])
		start = stop
	}
	if len(dst) > end {
		return dst[:end], false
	}
	return dst, true
}

// wordEnd finds where the word that is open at position from ends.
func wordEnd(text []byte, from int) int {
	for from < len(text) {
		r, size := utf8.DecodeRune(text[from:])
		if r == ' ' || isPunctuation(r) {
			break
		}
		from += size
	}
	return from
}

// appendWord splits one word by greedy longest match, or appends the unknown token when any part has no piece.
func (t *Tokenizer) appendWord(dst []int32, word []byte) []int32 {
	if len(word) > t.opts.MaxWordRunes && utf8.RuneCount(word) > t.opts.MaxWordRunes {
		return append(dst, t.unknown)
	}
	begin := len(dst)
	table := t.initial
	for len(word) > 0 {
		id, size := t.longestMatch(table, word)
		if size == 0 {
			return append(dst[:begin], t.unknown)
		}
		dst = append(dst, id)
		word = word[size:]
		table = t.inside
	}
	return dst
}

// longestMatch finds the longest prefix of word that is in table; size 0 means none. It tries only lengths that end at a
// code point's boundary.
func (t *Tokenizer) longestMatch(table map[string]int32, word []byte) (id int32, size int) {
	for size = min(len(word), t.longest); size > 0; size-- {
		if size < len(word) && !utf8.RuneStart(word[size]) {
			continue
		}
		if id, ok := table[string(word[:size])]; ok {
			return id, size
		}
	}
	return 0, 0
}
