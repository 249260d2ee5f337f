package body

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// everyPlace puts one text into every place that a body has for texts.
func everyPlace(s string) string {
	return "### " + Prose(s) + " " + Code(s) + "\n\n" + Prose(s) + "\n\n" + Code(s) + " " + Prose(s) + "\n" + Prose(s) + "\n\n- " + Prose(s) + "\n\n" +
		folded("1 improved") + head(dash(Prose(strings.TrimRight(plain(s), ":"))), "b:") + row(Code(s), dash(Prose(s))) + row(dash(Prose(s)), Code(s)+" "+dash(Prose(s))) + foldedEnd +
		"\n**" + dash(bold(s)) + "**\n\n" + link(Code("x"), s) + " " + commitLink("https://github.com/acme/search", s) + "\n"
}

// placeOptions allow the links of everyPlace.
func placeOptions(s string) Options {
	return Options{RepoURL: "https://github.com/acme/search", RunURL: s}
}

func FuzzNoTextDoesHarm(f *testing.F) {
	for _, s := range naughty {
		f.Add(s)
	}
	f.Add("a @b #1 | c")
	f.Fuzz(func(t *testing.T, s string) { harmless(t, everyPlace(s), placeOptions(s)) })
}

// TestNoMixtureDoesHarm joins what does harm alone.
func TestNoMixtureDoesHarm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		var b strings.Builder
		for range 1 + r.IntN(5) {
			s := naughty[r.IntN(len(naughty))]
			if r.IntN(3) == 0 {
				s = s[:r.IntN(len(s)+1)]
			}
			b.WriteString(s + []string{"", "", " ", "\n", "|", "`", "\\", "x"}[r.IntN(8)])
		}
		harmless(t, everyPlace(b.String()), placeOptions(b.String()))
		if t.Failed() {
			t.Fatalf("by %q", b.String())
		}
	}
}

func TestOrdinarySentencesStaySentences(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a reason", "head, round 2 of 12: lag at p99 is 41% of the response", "head, round 2 of 12: lag at p99 is 41% of the response"},
		{"numbers and units", "1,234.5 MiB/s (±2.0%), 10:30 and 0.6.1", "1,234.5 MiB/s (±2.0%), `10:30` and 0.6.1"},
		{"limits", "≥ 10 k/s, <10 ms, >99.99%", "≥ 10 k/s, &lt;10 ms, &gt;99.99%"},
		{"a file and a setting", "set targets.phi3.url in harness.yaml, please", "set `targets.phi3.url` in `harness.yaml`, please"},
		{"a digest", "plugin api differs: sha256:abc and sha256:def", "plugin api differs: `sha256:abc` and `sha256:def`"},
		{"other scripts", "größer als zuvor, медленнее", "größer als zuvor, медленнее"},
		{"neighbours in code", "ask @a #1 now", "ask `@a #1` now"},
		{"a list's mark at the start", "1. a 2. b", "`1.` a 2. b"},
		{"a dash at the start and within", "- a - b", "`-` a `-` b"},
		{"the name of a commit", "since deadbeef, not beef", "since `deadbeef`, not beef"},
		{"a number of seven digits", "at 1234567 ops", "at `1234567` ops"},
		{"nothing", " \n", ""},
	} {
		if got := Prose(tt.in); got != tt.want {
			t.Errorf("%s: %q becomes %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestCodeKeepsNamesAsTheyAre(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"a benchmark", "vector/minilm_general", "`vector/minilm_general`"},
		{"markup", "<b>*a*</b> [x](y) \\", "`<b>*a*</b> [x](y) \\`"},
		{"what would end a cell or a span", "a|b`c", "`a¦b'c`"},
		{"what nobody sees", "a\u200b\u202eb\x1b[31mc\n d", "`a bc d`"},
		{"nothing", "", "–"},
		{"a long name", strings.Repeat("a", 80) + "/" + strings.Repeat("b", 80) + "/ef=64", "`" + strings.Repeat("a", 66) + "…" + strings.Repeat("b", 27) + "/ef=64`"},
	} {
		if got := Code(tt.in); got != tt.want {
			t.Errorf("%s: %q becomes %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func TestShortTextIsNotShortenedAndLongTextIsValid(t *testing.T) {
	if got := shorten("ääääää", 6); got != "ääääää" {
		t.Errorf("six characters of six become %q", got)
	}
	if got := shorten("äöüßéèê", 6); got != "äöü…èê" || !utf8.ValidString(got) {
		t.Errorf("seven characters become %q", got)
	}
}

func TestOnlyAddressesOfTheWebAreLinked(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"https://github.com/acme/x/actions/runs/1?a=b&c=d#artifacts", "https://github.com/acme/x/actions/runs/1?a=b&c=d#artifacts"},
		{"http://ghe.internal:8443/x", "http://ghe.internal:8443/x"},
		{"https://x.example/a(b)<c>|`d`", "https://x.example/a%28b%29%3Cc%3E%7C%60d%60"},
		{"javascript:alert(1)", ""}, {"//x.example", ""}, {"https://", ""}, {"data:text/html,x", ""}, {"ftp://x.example", ""},
		{"https://user:secret@x.example/", ""}, {"https://x.example/" + strings.Repeat("a", 600), ""}, {"", ""}, {"https://x.example/\n[a](b)", ""},
	} {
		if got := address(tt.in); got != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.in, got, tt.want)
		}
	}
}
