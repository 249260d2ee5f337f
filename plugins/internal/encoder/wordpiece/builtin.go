package wordpiece

import (
	"fmt"
	"strings"
)

// Builtin is a vocabulary of exactly size pieces that this package makes by rule, the same on every machine: special
// tokens, the letters of the larger scripts, common English words, their inflections, the commonest ideographs, and
// syllables. Any Latin, Greek, Cyrillic, Arabic, Hebrew, Devanagari, hangul or kana text has pieces in it, English at
// about one to two a word; a rarer ideograph is [UNK]. It has no relation to any published model's vocabulary beyond the places of
// the special tokens, so it suits random weights only.
//
// size must be at least 128; 30,522 is BERT's.
func Builtin(size int) (*Tokenizer, error) {
	if size < minBuiltin || size > maxPieces {
		return nil, fmt.Errorf("make built-in vocabulary: size %d is outside %d to %d", size, minBuiltin, maxPieces)
	}
	b := &builder{size: size, seen: make(map[string]bool, size)}
	b.specials()
	b.letters()
	b.words()
	b.ideographs()
	b.syllables()
	for i := 0; len(b.pieces) < size; i++ {
		b.add(fmt.Sprintf("[filler%d]", i))
	}
	return New(b.pieces, DefaultOptions())
}

// minBuiltin holds the special tokens and printable ASCII, in both positions where a letter or digit can stand.
const minBuiltin = 128

// spread is the size from which the vocabulary keeps BERT's places for the special tokens: [PAD] 0, [UNK] 100, and so on.
const spread = 4096

type builder struct {
	size   int
	pieces []string
	seen   map[string]bool
}

func (b *builder) add(piece string) {
	if len(b.pieces) < b.size && !b.seen[piece] {
		b.seen[piece] = true
		b.pieces = append(b.pieces, piece)
	}
}

func (b *builder) both(piece string) {
	b.add(piece)
	b.add("##" + piece)
}

func (b *builder) specials() {
	b.add(padToken)
	if b.size >= spread {
		for i := range 99 {
			b.add(fmt.Sprintf("[unused%d]", i))
		}
	}
	for _, token := range []string{"[UNK]", clsToken, sepToken, maskToken} {
		b.add(token)
	}
}

// letters gives every text in these scripts a last resort: one piece a letter.
func (b *builder) letters() {
	for r := '!'; r <= '~'; r++ {
		if isPunctuation(r) {
			b.add(string(r))
		}
	}
	alphabets := []struct{ from, to rune }{
		{'a', 'z'}, {'0', '9'},
		{0xa1, 0xff}, {0x100, 0x17f}, // Latin: what decomposition leaves whole, such as ß, æ, ø, ł
		{0x3b1, 0x3c9}, {0x430, 0x45f}, // Greek, Cyrillic
		{0x5d0, 0x5ea}, {0x620, 0x64a}, // Hebrew, Arabic
		{0x904, 0x939}, {0x93e, 0x940}, {0x949, 0x94c}, // Devanagari letters and spacing vowel signs
		{0xe01, 0xe30}, {0xe32, 0xe33}, {0xe40, 0xe46}, // Thai
		{0x3041, 0x3096}, {0x30a1, 0x30fa}, // hiragana, katakana
		{0x1100, 0x1112}, {0x1161, 0x1175}, {0x11a8, 0x11c2}, // hangul, decomposed
		{0x2010, 0x2027}, {0x20a0, 0x20bf}, {0x2190, 0x2193}, {0x3001, 0x3011}, // dashes, quotes, currency, arrows
	}
	for _, alphabet := range alphabets {
		for r := alphabet.from; r <= alphabet.to; r++ {
			b.both(string(r))
		}
	}
}

func (b *builder) words() {
	for _, word := range strings.Fields(commonWords) {
		b.add(word)
	}
	for _, ending := range strings.Fields(endings) {
		b.add("##" + ending)
	}
	for _, word := range strings.Fields(commonWords) {
		if len(word) < 4 {
			continue
		}
		for _, ending := range []string{"s", "ed", "ing", "er", "ly"} {
			b.add(inflect(word, ending))
		}
	}
	for year := 1900; year < 2050; year++ {
		b.add(fmt.Sprint(year))
	}
	for n := range 100 {
		b.both(fmt.Sprintf("%02d", n))
		b.add(fmt.Sprint(n))
	}
}

// inflect drops a silent e before a vowel: make, making.
func inflect(word, ending string) string {
	if strings.HasSuffix(word, "e") && strings.ContainsAny(ending[:1], "ei") {
		word = word[:len(word)-1]
	}
	return word + ending
}

// syllables covers the words that are not listed: pairs of letters, then every triple and the commonest shapes of four.
func (b *builder) syllables() {
	const vowels, consonants, all = "aeiouy", "bcdfghjklmnprstvwz", "abcdefghijklmnopqrstuvwxyz"
	b.shape(all, all)
	b.shape(consonants, vowels, consonants)
	b.shape(vowels, consonants, vowels)
	b.shape(vowels, consonants, consonants)
	b.shape("bcdfgkpstw", "lrhtnpw", vowels)
	b.shape(consonants, vowels, vowels)
	b.shape("bcdfgpst", "lrht", vowels, "bcdgklmnprst")
	b.shape("bcdfhlmnprstw", vowels, "lnrsc", "tdkspe")
	b.shape("bcdfglmnprst", vowels, "bcdglmnprstv", "e")
	b.shape("bcdfglmnprst", vowels, "cdlmnrst", "aio")
}

// shape adds every string with one letter from each set, in both positions.
func (b *builder) shape(sets ...string) {
	stems := []string{""}
	for _, set := range sets {
		longer := make([]string, 0, len(stems)*len(set))
		for _, stem := range stems {
			for _, letter := range set {
				longer = append(longer, stem+string(letter))
			}
		}
		stems = longer
	}
	for _, stem := range stems {
		b.both(stem)
	}
}

// ideographs takes the commonest ones only: there are too many for each to have a piece.
func (b *builder) ideographs() {
	for _, r := range commonIdeographs {
		if isCJK(r) {
			b.add(string(r))
		}
	}
}
