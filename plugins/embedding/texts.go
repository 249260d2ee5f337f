package embedding

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benchharness/harness/sdk"
)

// maxTokens bounds the texts of a scenario that are made as long as asked: they
// are kept in memory, six bytes a token or so.
const maxTokens = 8 << 20

// maxTextFile bounds a file of texts, in bytes.
const maxTextFile = 64 << 20

// specialTokens are those that an encoder of BERT's family puts around a text.
const specialTokens = 2

// workload is the texts of a scenario, cut into the batches that ops take in
// turn.
type workload struct {
	batches [][]string
	source  string // for provenance
	digest  string // of all batches
}

// batch is the work of an op: the same op number always gets the same one.
func (w *workload) batch(op *sdk.Op) int { return int(op.Index % uint64(len(w.batches))) }

// newWorkload makes the batches. path names a file with a text on each line,
// "" generates texts from the seed; length is the tokens of each text, special
// ones included, 0 leaves texts as they are.
func newWorkload(path string, batch, length int, seed uint64) (*workload, error) {
	if length != 0 && length <= specialTokens {
		return nil, sdk.BadParam("length", "is %d tokens, of which two are special ones; want 0 for the texts as they are, or %d or more", length, specialTokens+1)
	}
	w := &workload{}
	var texts []string
	if path == "" {
		source := newSentences(seed)
		for range poolSize(batch, length) {
			texts = append(texts, lengthen(source.next, length))
		}
		w.source = fmt.Sprintf("generated, seed %d", seed)
	} else {
		var err error
		if texts, err = readTexts(path, length); err != nil {
			return nil, err
		}
		w.source = fmt.Sprintf("%s, %d texts", path, len(texts))
	}
	w.divide(texts, batch)
	return w, nil
}

// divide deals the texts out in order; the last batch is filled up from the
// first.
func (w *workload) divide(texts []string, batch int) {
	hash := sha256.New()
	for start := 0; start < len(texts); start += batch {
		b := make([]string, batch)
		for i := range b {
			b[i] = texts[(start+i)%len(texts)]
			fmt.Fprintf(hash, "%d:%s", len(b[i]), b[i])
		}
		w.batches = append(w.batches, b)
	}
	w.digest = hex.EncodeToString(hash.Sum(nil))
}

// poolSize is the number of texts to generate: enough that a cache of answers
// does not serve a thousand ops, unless they are very long.
func poolSize(batch, length int) int {
	n := max(1024, 2*batch)
	if length > 0 {
		n = min(n, maxTokens/length)
	}
	return max(n, batch)
}

// lengthen joins texts from next until they are length tokens, and cuts what
// is over. With length 0 it is the first of them.
func lengthen(next func() string, length int) string {
	text := next()
	if length == 0 {
		return text
	}
	n := pieces(text)
	if n < length-specialTokens {
		var longer strings.Builder
		longer.WriteString(text)
		for n < length-specialTokens {
			text = next()
			n += pieces(text)
			longer.WriteByte(' ')
			longer.WriteString(text)
		}
		text = longer.String()
	}
	return cut(text, length-specialTokens)
}

// readTexts reads a file of texts; each that is shorter than asked is continued
// by those after it.
func readTexts(path string, length int) ([]string, error) {
	lines, err := readLines(path)
	if err != nil {
		return nil, sdk.BadParam("texts", "cannot be used: %v", err)
	}
	if length == 0 {
		return lines, nil
	}
	if len(lines) > maxTokens/length {
		return nil, sdk.BadParam("texts", "cannot be used: %s holds %d texts; want at most %d where each is made %d tokens long", path, len(lines), maxTokens/length, length)
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return pieces(l) > 0 }) {
		return nil, sdk.BadParam("texts", "cannot be used: %s holds no words, so its texts cannot be made %d tokens long", path, length)
	}
	out := make([]string, len(lines))
	for i := range lines {
		j := i - 1
		out[i] = lengthen(func() string { j++; return lines[j%len(lines)] }, length)
	}
	return out, nil
}

// readLines returns the lines of a file that are not blank.
func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist; want a file with one text a line", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxTextFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxTextFile:
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxTextFile>>20)
	case !utf8.Valid(content):
		return nil, fmt.Errorf("%s is not UTF-8", path)
	}
	var lines []string
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s holds no text; want one on each line", path)
	}
	return lines, nil
}

// pieces counts what becomes at least one token to a tokenizer of BERT's
// family: words, and marks of ASCII punctuation.
func pieces(text string) int {
	n, _ := scanPieces(text, -1)
	return n
}

// cut ends a text after its first n pieces.
func cut(text string, n int) string {
	_, end := scanPieces(text, n)
	return text[:end]
}

// scanPieces counts pieces, n of them at most unless n is negative, and tells
// where the last one ends.
func scanPieces(text string, n int) (count, end int) {
	inWord := false
	for i, r := range text {
		word := unicode.IsLetter(r) || unicode.IsDigit(r)
		starts := word && !inWord || r < utf8.RuneSelf && (unicode.IsPunct(r) || unicode.IsSymbol(r))
		if starts {
			if count == n {
				return count, end
			}
			count++
		}
		if word || starts {
			end = i + utf8.RuneLen(r)
		}
		inWord = word
	}
	return count, end
}

// digestOf identifies the work of a scenario by everything that decides it.
func digestOf(parts ...any) string {
	b, err := json.Marshal(parts)
	if err != nil { // only numbers, strings and booleans are given
		panic("embedding: workload digest: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}
