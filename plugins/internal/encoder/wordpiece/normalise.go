package wordpiece

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalise cleans text into s.clean: control characters dropped, every white space a plain space, CJK ideographs spaced,
// case folded, accents stripped. The result is valid until the next call with the same scratch.
//
// The order is that of Hugging Face's BertNormalizer: clean, CJK, accents, case.
func (t *Tokenizer) normalise(text string, s *Scratch) []byte {
	s.clean = s.clean[:0]
	ascii := true
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	switch {
	case ascii:
		t.normaliseASCII(text, s)
	case t.opts.StripAccents:
		s.nfd = norm.NFD.AppendString(s.nfd[:0], text)
		t.normaliseRunes(s.nfd, s)
	default:
		s.nfd = append(s.nfd[:0], text...)
		t.normaliseRunes(s.nfd, s)
	}
	return s.clean
}

// normaliseASCII is the path that most text takes; it does what normaliseRunes does for code points below 128.
func (t *Tokenizer) normaliseASCII(text string, s *Scratch) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\t' || c == '\n' || c == '\r':
			c = ' '
		case c < ' ' || c == 0x7f:
			continue
		case t.opts.Lowercase && c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		}
		s.clean = append(s.clean, c)
	}
}

func (t *Tokenizer) normaliseRunes(text []byte, s *Scratch) {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			s.clean = append(s.clean, ' ')
		case r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co):
			// Broken UTF-8, control, format and private-use characters carry no text. Unassigned ones stay, as in other
			// implementations, so that new scripts make unknown words and not silence.
		case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
			s.clean = append(s.clean, ' ')
		case t.opts.StripAccents && unicode.Is(unicode.Mn, r):
		case t.opts.SplitCJK && isCJK(r):
			s.clean = append(s.clean, ' ')
			s.clean = utf8.AppendRune(s.clean, r)
			s.clean = append(s.clean, ' ')
		default:
			if t.opts.Lowercase {
				r = unicode.ToLower(r)
			}
			s.clean = utf8.AppendRune(s.clean, r)
		}
	}
}

// isPunctuation also takes the ASCII symbols ($, +, <, …) that Unicode does not class as punctuation, as BERT does.
func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= '!' && r <= '/' || r >= ':' && r <= '@' || r >= '[' && r <= '`' || r >= '{' && r <= '~'
	}
	return unicode.IsPunct(r)
}

// isCJK tells the blocks of ideographs that BERT spaces. Kana and hangul are not among them: their words are written
// as runs of characters.
func isCJK(r rune) bool {
	switch {
	case r < 0x3400:
		return false
	case r <= 0x4dbf, r >= 0x4e00 && r <= 0x9fff, r >= 0xf900 && r <= 0xfaff:
		return true
	case r >= 0x20000 && r <= 0x2a6df, r >= 0x2a700 && r <= 0x2ceaf, r >= 0x2f800 && r <= 0x2fa1f:
		return true
	}
	return false
}
