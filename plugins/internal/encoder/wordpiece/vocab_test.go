package wordpiece_test

import (
	"strings"
	"testing"

	"github.com/benchharness/harness/plugins/internal/encoder/wordpiece"
)

const goodJSON = `{"truncation":{"max_length":128},"normalizer":{"type":"BertNormalizer","lowercase":true,"strip_accents":null,"handle_chinese_chars":true},
"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":4,
"vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"cafe":3,"x":5,"##x":6}}}`

func TestTokenizerJSONIsRead(t *testing.T) {
	tokens, limit, err := wordpiece.ReadJSON(strings.NewReader(goodJSON))
	if err != nil {
		t.Fatal(err)
	}
	if limit != 128 || tokens.Size() != 7 {
		t.Errorf("limit %d, size %d; want 128, 7", limit, tokens.Size())
	}
	if got := spell(tokens, tokens.Encode("Café xxxx xxxxx", 50)); got != "[CLS] cafe x ##x ##x ##x [UNK] [SEP]" {
		t.Errorf("got %q", got)
	}
}

func TestTokenizerJSONThatIsNotBERTsIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"another model":        {`"WordPiece"`, `"BPE"`, "only WordPiece"},
		"another normalizer":   {`"BertNormalizer"`, `"Sequence"`, "only BertNormalizer"},
		"a negative id":        {`"x":5`, `"x":-5`, "outside"},
		"a giant id":           {`"x":5`, `"x":2000000000`, "outside"},
		"an id twice":          {`"x":5`, `"x":6`, "two pieces"},
		"no special token":     {`"[SEP]":2,`, ``, "[SEP]"},
		"text that is no JSON": {`{"trunc`, `trunc`, "tokenizer.json"},
	} {
		text := strings.Replace(goodJSON, test.old, test.new, 1)
		if _, _, err := wordpiece.ReadJSON(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestVocabularyFilesAreReadLineByLine(t *testing.T) {
	pieces, err := wordpiece.ReadVocab(strings.NewReader("[PAD]\r\n[UNK]\n\nlast"))
	if err != nil || len(pieces) != 4 || pieces[0] != "[PAD]" || pieces[2] != "" || pieces[3] != "last" {
		t.Errorf("got %q, %v", pieces, err)
	}
	for name, text := range map[string]string{
		"an empty file":   "",
		"a line too long": "[UNK]\n" + strings.Repeat("x", 5000),
		"too many lines":  strings.Repeat("\n", 1<<20+1),
	} {
		if _, err := wordpiece.ReadVocab(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzReadJSON(f *testing.F) {
	f.Add(goodJSON)
	f.Add(`{}`)
	f.Add(`{"model":{"vocab":{"a":1e9}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		tokens, limit, err := wordpiece.ReadJSON(strings.NewReader(text))
		if err != nil {
			return
		}
		if limit < 0 {
			t.Fatalf("limit %d", limit)
		}
		for _, id := range tokens.Encode("Some text, 北京", 16) {
			if int(id) >= tokens.Size() {
				t.Fatalf("id %d of %d", id, tokens.Size())
			}
		}
	})
}
