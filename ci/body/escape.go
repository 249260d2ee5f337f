package body

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benchharness/harness/internal/result"
)

const (
	// maxText is the length in bytes of the longest sentence from a document.
	maxText = 400
	// maxName is the same in characters for a code span: names beyond it lose
	// their middle.
	maxName = 100
)

// plain makes text of a document safe where there is no markup: words of
// visible characters on one line, in the order in which they are written.
func plain(s string) string {
	s = result.Printable(s, 4*maxText)
	if !simple(s) {
		marks := 0
		s = strings.Map(func(r rune) rune {
			if !unicode.In(r, unicode.Mn, unicode.Mc) {
				marks = 0
			} else if marks++; marks > 2 {
				return -1 // piled up, they cover the lines above and below
			}
			switch {
			case invisible(r):
				return -1
			case r == '\u2800': // a blank that is no space to Unicode
				return ' '
			}
			return r
		}, s)
	}
	return result.Printable(strings.Join(strings.Fields(s), " "), maxText)
}

// simple says that nothing is to be taken out of s.
func simple(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// invisible says whether a rune changes what a reader sees without being seen:
// zero-width ones, fillers, tags, enclosing marks, and those of private use.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Me, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Code makes any text a code span of markdown: safe inside a line, a heading, a
// list and a table's cell. GitHub looks for mentions, references, addresses and
// emoji everywhere but in code. Two characters that would end a span or a cell
// are shown as others: ` as ' and | as ¦. Long text loses its middle. The empty
// text is a dash.
func Code(s string) string { return code(plain(s), maxName) }

var codeReplacer = strings.NewReplacer("`", "'", "|", "¦")

// code is Code of plain text, of at most limit characters.
func code(s string, limit int) string {
	if s == "" {
		return "–"
	}
	return "`" + codeReplacer.Replace(shorten(s, limit)) + "`"
}

// shorten cuts the middle out of text of more than limit characters. The ends
// are kept because names of one suite begin alike and differ by parameters.
func shorten(s string, limit int) string {
	if len(s) <= limit || utf8.RuneCountInString(s) <= limit {
		return s
	}
	rs := []rune(s)
	tail := limit / 3
	return string(rs[:limit-1-tail]) + "…" + string(rs[len(rs)-tail:])
}

// Prose makes any text safe inside a line of markdown, a heading, a list and a
// table's cell. It stays a sentence: only words that could be anything but
// words become code spans.
func Prose(s string) string {
	var b strings.Builder
	var risky []string
	flush := func() {
		if len(risky) > 0 {
			space(&b)
			s := strings.Join(risky, " ")
			name := strings.TrimRight(s, ",;")
			if name == "" {
				name = s
			}
			b.WriteString(code(name, maxText) + s[len(name):])
			risky = risky[:0]
		}
	}
	for i, w := range strings.Fields(plain(s)) {
		if !ordinary(w, i == 0) {
			risky = append(risky, w)
			continue
		}
		flush()
		space(&b)
		b.WriteString(angles.Replace(w))
	}
	flush()
	return b.String()
}

var angles = strings.NewReplacer("<", "&lt;", ">", "&gt;")

func space(b *strings.Builder) {
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
}

// longWord is the length in bytes from which no word is ordinary.
const longWord = 60

// ordinary says that a word of plain text is nothing but a word, a number or
// punctuation, wherever in a line it stands; first is for the beginning.
func ordinary(w string, first bool) bool {
	if len(w) > longWord || strings.Contains(strings.ToLower(w), "www.") {
		return false
	}
	rs := []rune(w)
	letters := false
	for i, r := range rs {
		before, after := at(rs, i-1), at(rs, i+1)
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			letters = true
		case unicode.Is(unicode.Mn, r), strings.ContainsRune("'\"(),;?!%−–—→≥≤±×÷…·°’‘“”²³", r):
		case r == ':': // not in an address, a shortcode
			if after != 0 || before == 0 {
				return false
			}
		case r == '.': // not in the name of a host or a file
			if word(before) && word(after) && !(digit(before) && digit(after)) {
				return false
			}
		case r == '/':
			if before == '/' || before == ':' {
				return false
			}
		case r == '-': // not GH-1
			if !digit(before) && word(before) && digit(after) {
				return false
			}
		case r == '+':
		case r == '=':
			if before == 0 {
				return false
			}
		case r == '<' || r == '>': // of a number
			if i > 0 || !digit(after) {
				return false
			}
		default:
			return false
		}
	}
	if first && listMark(w) {
		return false
	}
	return (letters || len(rs) == 1 && rs[0] != '-' && rs[0] != '+') && !commit(w)
}

// at is the rune at an index, 0 beside the word.
func at(rs []rune, i int) rune {
	if i < 0 || i >= len(rs) {
		return 0
	}
	return rs[i]
}

func digit(r rune) bool { return r >= '0' && r <= '9' }
func word(r rune) bool  { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// listMark says that a word at the start of a line begins an ordered list.
func listMark(w string) bool {
	number := strings.TrimRight(w, ".)")
	return number != w && strings.Trim(number, "0123456789") == ""
}

// commit says that the word holds what may be the name of a commit: seven
// hexadecimal digits or more, between anything but letters and digits of ASCII.
func commit(w string) bool {
	run, hex := 0, true
	for _, r := range w + " " {
		if !word(r) || r >= utf8.RuneSelf {
			if run >= 7 && hex {
				return true
			}
			run, hex = 0, true
			continue
		}
		run++
		hex = hex && strings.ContainsRune("0123456789abcdefABCDEF", r)
	}
	return false
}

// maxURL is the length in bytes of the longest address that is linked.
const maxURL = 500

// address returns an address in a form that cannot end a link of markdown, or
// "" for one that is not of the web.
func address(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	s = u.String()
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("<>()[]\\`|\"'*_~{}^!$", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
			continue
		}
		b.WriteByte(c)
	}
	if b.Len() > maxURL {
		return ""
	}
	return b.String()
}

// link links text, which is markdown, or returns it as it is where there is
// nothing to link to.
func link(text, to string) string {
	if to = address(to); to == "" {
		return text
	}
	return "[" + text + "](" + to + ")"
}
