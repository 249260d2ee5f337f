package wordpiece_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/benchharness/harness/plugins/internal/encoder/wordpiece"
)

// handMade is a vocabulary small enough to see every match by eye.
var handMade = strings.Fields(`[PAD] [UNK] [CLS] [SEP] [MASK]
un ##aff ##able ##affable runn ##ing run want ##want ##ed the cafe naive na ##ive ! ? , - . $ ' 北 京 大 ##大 é İ i straße str
##aße strasse Hello hello World world ##s a b ab ##b ##c`)

func handTokenizer(t *testing.T, change func(*wordpiece.Options)) *wordpiece.Tokenizer {
	t.Helper()
	opts := wordpiece.DefaultOptions()
	if change != nil {
		change(&opts)
	}
	tokens, err := wordpiece.New(handMade, opts)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func spell(tokens *wordpiece.Tokenizer, ids []int32) string {
	var pieces []string
	for _, id := range ids {
		pieces = append(pieces, tokens.Piece(id))
	}
	return strings.Join(pieces, " ")
}

func TestTextBecomesThePiecesThatBERTGivesIt(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"only white space", " \t\r\n\u00a0\u2003", ""},
		{"a whole word", "the", "the"},
		{"the longest match wins over the shorter", "unaffable", "un ##affable"},
		{"pieces follow one another", "unwanted", "un ##want ##ed"},
		{"a word with a part that has no piece is unknown as a whole", "unxyz", "[UNK]"},
		{"a continuing piece does not begin a word", "able", "[UNK]"},
		{"upper case is folded", "UNWANTED Running", "un ##want ##ed runn ##ing"},
		{"accents are stripped", "Café naïve", "cafe naive"},
		{"decomposed accents too", "cafe\u0301", "cafe"},
		{"letters without decomposition stay", "Straße", "straße"},
		{"the dotted capital I loses its dot", "İ", "i"},
		{"punctuation stands alone", "hello,world!?", "hello , world ! ?"},
		{"ASCII symbols count as punctuation", "$the-cafe", "$ the - cafe"},
		{"an apostrophe splits", "world's", "world ' [UNK]"},
		{"ideographs are spaced", "the北京cafe", "the 北 京 cafe"},
		{"ideographs never continue one another", "京大", "京 大"},
		{"control characters vanish inside a word", "he\u0000l\u200dl\u0007o", "hello"},
		{"an unassigned character does not", "the\U0001b67b hello", "[UNK] hello"},
		{"broken UTF-8 vanishes", "hel\xfflo", "hello"},
		{"tabs and new lines separate", "the\thello\r\nworld", "the hello world"},
		{"unusual spaces separate", "the\u00a0hello\u3000world\u2028the", "the hello world the"},
		{"a special token in the text is text", "[CLS]", "[UNK] [UNK] [UNK]"},
		{"a word of 100 letters is still matched", "a" + strings.Repeat("b", 99), "ab" + strings.Repeat(" ##b", 98)},
		{"a word of 101 letters is unknown", "a" + strings.Repeat("b", 100), "[UNK]"},
	}
	tokens := handTokenizer(t, nil)
	var scratch wordpiece.Scratch
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ids, complete := tokens.AppendPieces(nil, test.text, 1000, &scratch)
			if got := spell(tokens, ids); got != test.want || !complete {
				t.Errorf("got %q (complete %v), want %q", got, complete, test.want)
			}
		})
	}
}

func TestCasedVocabulariesKeepCaseAndAccents(t *testing.T) {
	tokens := handTokenizer(t, func(o *wordpiece.Options) { o.Lowercase, o.StripAccents, o.SplitCJK = false, false, false })
	for text, want := range map[string]string{
		"Hello World": "Hello World",
		"é":           "é",
		"京大":          "京 ##大",
		"THE":         "[UNK]",
	} {
		if got := spell(tokens, tokens.Encode(text, 100)); got != "[CLS] "+want+" [SEP]" {
			t.Errorf("%q gave %q, want %q", text, got, want)
		}
	}
}

func TestLongTextsAreCutAtTheLimit(t *testing.T) {
	tokens := handTokenizer(t, nil)
	var scratch wordpiece.Scratch
	tests := []struct {
		name, text, want string
		limit            int
		complete         bool
	}{
		{"a text that just fits", "the the", "the the", 2, true},
		{"one word too many", "the the the", "the the", 2, false},
		{"the cut may fall inside a word", "the unwanted", "the un", 2, false},
		{"a last word of too many pieces", "unwanted", "un ##want", 2, false},
		{"too many pieces and more words", "unwanted the the", "un ##want", 2, false},
		{"trailing space is no loss", "the the  \n", "the the", 2, true},
		{"no room at all", "the", "", 0, false},
		{"no room and nothing to place", " ", "", 0, true},
		{"a limit below zero", "the", "", -3, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ids, complete := tokens.AppendPieces(nil, test.text, test.limit, &scratch)
			if got := spell(tokens, ids); got != test.want || complete != test.complete {
				t.Errorf("got %q, complete %v; want %q, %v", got, complete, test.want, test.complete)
			}
		})
	}
	if got := spell(tokens, tokens.Encode("unwanted", 4)); got != "[CLS] un ##want [SEP]" {
		t.Errorf("Encode with room for four gave %q", got)
	}
}

func TestVocabulariesThatCannotWorkAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ pieces, want string }{
		"without [CLS]":    {"[UNK] [SEP] a", "[CLS]"},
		"without [SEP]":    {"[UNK] [CLS] a", "[SEP]"},
		"without unknown":  {"[CLS] [SEP] a", "[UNK]"},
		"a piece twice":    {"[UNK] [CLS] [SEP] a a", `"a" stands at id 3 and again at 4`},
		"a tail twice":     {"[UNK] [CLS] [SEP] ##a ##a", `"##a" stands`},
		"an empty listing": {"", "no "},
	} {
		if _, err := wordpiece.New(strings.Fields(test.pieces), wordpiece.DefaultOptions()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
	if _, err := wordpiece.New(handMade, wordpiece.Options{}); err == nil {
		t.Error("zero options were taken")
	}
}

func TestSteadyStateTokenisingAllocatesNextToNothing(t *testing.T) {
	tokens := handTokenizer(t, nil)
	var scratch wordpiece.Scratch
	ids := make([]int32, 0, 64)
	for text, most := range map[string]float64{
		"The unwanted cafe, naive! Hello world": 0,
		"The unwanted café, naïve 北京!":          1, // the Unicode decomposition's own state
	} {
		if n := testing.AllocsPerRun(100, func() { ids, _ = tokens.AppendPieces(ids[:0], text, 60, &scratch) }); n > most {
			t.Errorf("%q: %v allocations a text, at most %v wanted", text, n, most)
		}
	}
}

func TestTheBuiltInVocabularyHasTheSizeAskedForAndBERTsPlaces(t *testing.T) {
	for _, size := range []int{128, 200, 1000, 4096, 30522, 50000} {
		tokens, err := wordpiece.Builtin(size)
		if err != nil {
			t.Fatal(err)
		}
		if tokens.Size() != size {
			t.Errorf("asked for %d pieces, got %d", size, tokens.Size())
		}
		for _, text := range []string{"z", "0", "zq9", "(x)"} {
			if got := spell(tokens, tokens.Encode(text, 10)); strings.Contains(got, "[UNK]") {
				t.Errorf("size %d: %q gave %q", size, text, got)
			}
		}
	}
	tokens, _ := wordpiece.Builtin(30522)
	for id, want := range map[int32]string{0: "[PAD]", 100: "[UNK]", 101: "[CLS]", 102: "[SEP]", 103: "[MASK]"} {
		if got := tokens.Piece(id); got != want {
			t.Errorf("id %d is %q, want %q", id, got, want)
		}
	}
	for _, size := range []int{-1, 0, 127, 1 << 30} {
		if _, err := wordpiece.Builtin(size); err == nil {
			t.Errorf("size %d was taken", size)
		}
	}
}

func TestTheBuiltInVocabularyReadsManyScriptsInFewPieces(t *testing.T) {
	tokens, err := wordpiece.Builtin(30522)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		text string
		most int // pieces, about two a word for English
	}{
		{"The quick brown fox jumps over the lazy dog.", 11},
		{"Retrieval benchmarks measure latency, throughput and recall under concurrent load.", 24},
		{"Größe, señor, Łódź, œuvre", 22},
		{"Привет, мир", 10},
		{"Καλημέρα κόσμε", 14},
		{"שלום עולם", 9},
		{"مرحبا بالعالم", 13},
		{"नमस्ते", 6},
		{"ひらがな カタカナ", 8},
		{"안녕", 6},
		{"北京大学搜索", 6},
		{"3.14 € – “quoted” 2026", 12},
	}
	for _, test := range tests {
		ids := tokens.Encode(test.text, 512)
		got := spell(tokens, ids)
		if strings.Contains(got, "[UNK]") || len(ids)-2 > test.most {
			t.Errorf("%q: %d pieces (at most %d wanted): %s", test.text, len(ids)-2, test.most, got)
		}
	}
}

func FuzzAppendPieces(f *testing.F) {
	for _, seed := range []string{"", "unwanted running", "Ünïcödé 北京 \x00\xff", "a\u0301\u0302", strings.Repeat("x", 120), "가각", "##ing [SEP]"} {
		f.Add(seed, 8)
	}
	tokens, err := wordpiece.Builtin(5000)
	if err != nil {
		f.Fatal(err)
	}
	var scratch wordpiece.Scratch
	f.Fuzz(func(t *testing.T, text string, limit int) {
		all, complete := tokens.AppendPieces(nil, text, 1<<30, &scratch)
		if !complete {
			t.Fatal("a text was cut without a limit")
		}
		for _, id := range all {
			if id < 0 || int(id) >= tokens.Size() {
				t.Fatalf("id %d is outside the vocabulary", id)
			}
		}
		if len(all) > utf8.RuneCountInString(text)*4 {
			t.Fatalf("%d pieces from %d characters", len(all), utf8.RuneCountInString(text))
		}
		limit = min(max(limit, 0), 1000)
		cut, complete := tokens.AppendPieces(nil, text, limit, &scratch)
		if !slices.Equal(cut, all[:min(limit, len(all))]) || complete != (len(all) <= limit) {
			t.Fatalf("cut at %d: %d pieces, complete %v, of %d", limit, len(cut), complete, len(all))
		}
	})
}
