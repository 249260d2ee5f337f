package embedding

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func textFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "texts.txt")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func flat(w *workload) []string { return slices.Concat(w.batches...) }

func TestTheSameSeedGivesTheSameTextsAndAnotherSeedOthers(t *testing.T) {
	a, _ := newWorkload("", 1, 0, 1)
	again, _ := newWorkload("", 1, 0, 1)
	b, _ := newWorkload("", 1, 0, 2)
	if a.digest != again.digest || !slices.Equal(flat(a), flat(again)) {
		t.Error("the same seed gives other texts")
	}
	if a.digest == b.digest {
		t.Error("another seed gives the same texts")
	}
	distinct := map[string]bool{}
	for _, text := range flat(a) {
		distinct[text] = true
		if n := len(strings.Fields(text)); n < 5 || n > 30 {
			t.Errorf("%q has %d words", text, n)
		}
		if !strings.HasSuffix(text, ".") || strings.ToUpper(text[:1]) != text[:1] {
			t.Errorf("%q is no sentence", text)
		}
	}
	if len(distinct) < 1000 {
		t.Errorf("%d distinct texts; want a thousand, so that no cache serves a run", len(distinct))
	}
}

func TestTextsAreMadeAsLongAsAsked(t *testing.T) {
	path := textFile(t, "One line.\n\n  a second, longer line of text  \nend\n")
	for _, file := range []string{"", path} {
		for _, length := range []int{3, 10, 300} {
			w, err := newWorkload(file, 1, length, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range flat(w) {
				if n := pieces(text); n != length-specialTokens {
					t.Fatalf("length %d: %q has %d pieces", length, text, n)
				}
			}
		}
	}
}

func TestAFileOfTextsIsDealtIntoFullBatches(t *testing.T) {
	path := textFile(t, "a\nb\r\n\nc")
	w, err := newWorkload(path, 2, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := flat(w); !slices.Equal(got, []string{"a", "b", "c", "a"}) || len(w.batches) != 2 {
		t.Errorf("batches are %q", w.batches)
	}
	for i, want := range []int{0, 1, 0} {
		if got := w.batch(&sdk.Op{Index: uint64(i)}); got != want {
			t.Errorf("op %d gets batch %d, want %d", i, got, want)
		}
	}
	other, _ := newWorkload(textFile(t, "a\nb\nd"), 2, 0, 1)
	if other.digest == w.digest {
		t.Error("other texts have the same digest")
	}
}

func TestAFileThatCannotBeUsedIsNamedWithTheReason(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		length int
		want   string
	}{
		"absent":          {filepath.Join(t.TempDir(), "none.txt"), 0, "does not exist; want a file with one text a line"},
		"a folder":        {t.TempDir(), 0, "is a directory"},
		"empty":           {textFile(t, " \n\n"), 0, "holds no text"},
		"not UTF-8":       {textFile(t, "\xff\xfe"), 0, "is not UTF-8"},
		"without words":   {textFile(t, "…\n"), 16, "holds no words"},
		"too many to pad": {textFile(t, strings.Repeat("x\n", 300)), 32768, "want at most 256"},
	} {
		_, err := newWorkload(test.path, 1, test.length, 1)
		var param *sdk.ParamError
		if !errors.As(err, &param) || param.Param != "texts" || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, want one of texts with %q", name, err, test.want)
		}
	}
}

func TestALengthWithoutRoomForAWordIsRefused(t *testing.T) {
	for _, length := range []int{1, 2} {
		_, err := newWorkload("", 1, length, 1)
		var param *sdk.ParamError
		if !errors.As(err, &param) || param.Param != "length" {
			t.Errorf("length %d: error is %v", length, err)
		}
	}
}

func TestPiecesAreWordsAndPunctuation(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "one": 1, "One two.": 3, "it's 5 o'clock": 7, "naïve café": 2, "a–b": 2, "x=y": 3, "\x00\u200d": 0,
	} {
		if got := pieces(text); got != want {
			t.Errorf("%q has %d pieces, want %d", text, got, want)
		}
	}
	for n, want := range map[int]string{0: "", 1: "Größe", 2: "Größe,", 3: "Größe, zwei", 9: "Größe, zwei!"} {
		if got := cut("Größe, zwei! ", n); got != want {
			t.Errorf("cut after %d is %q, want %q", n, got, want)
		}
	}
}
