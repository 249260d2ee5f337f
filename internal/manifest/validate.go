package manifest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits in bytes of text that is shown, and in number of what lists hold.
const (
	maxText   = 400
	maxWord   = 60
	maxList   = 200
	maxNumber = 1000 // highest version of a protocol
)

var (
	platformExpr = regexp.MustCompile(`^[a-z0-9]{1,20}/[a-z0-9]{1,20}$`)
	digestExpr   = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fileExpr     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,119}$`)
)

// Validate reports the first thing that is wrong with a manifest, and what
// would be right, in one line.
func (m *Manifest) Validate() error {
	switch {
	case m.Schema != Schema:
		return fmt.Errorf("schema is %s, want %s", show(m.Schema), Schema)
	case m.Version == "":
		return fmt.Errorf("version is missing, want one such as 1.2.0")
	case !slices.Contains(Kinds(), m.Kind):
		return fmt.Errorf("kind is %s, want exec or wasm", show(string(m.Kind)))
	case m.Protocol.Min < 1 || m.Protocol.Max < m.Protocol.Min || m.Protocol.Max > maxNumber:
		return fmt.Errorf("protocol is %d to %d, want min from 1 and max from min to %d", m.Protocol.Min, m.Protocol.Max, maxNumber)
	case len(m.Benchmarks) > maxList:
		return fmt.Errorf("benchmarks has %d items, want up to %d", len(m.Benchmarks), maxList)
	}
	if err := m.Plugin().Validate(); err != nil {
		return err
	}
	if err := m.checkTexts(); err != nil {
		return err
	}
	if err := m.checkCapabilities(); err != nil {
		return err
	}
	return m.checkPlatforms()
}

// checkTexts keeps text that is shown on terminals printable and short.
func (m *Manifest) checkTexts() error {
	if err := checkText("version", m.Version, maxWord); err != nil {
		return err
	}
	if err := checkText("license", m.License, maxWord); err != nil {
		return err
	}
	if err := checkText("doc", m.Doc, maxText); err != nil {
		return err
	}
	for i, b := range m.Benchmarks {
		at := fmt.Sprintf("benchmarks[%d]", i)
		if err := checkText(at+".doc", b.Doc, maxText); err != nil {
			return err
		}
		if err := checkText(at+".target", b.Target, maxWord); err != nil {
			return err
		}
		if len(b.Presets) > maxList {
			return fmt.Errorf("%s.presets has %d items, want up to %d", at, len(b.Presets), maxList)
		}
		for k, s := range b.Presets {
			if err := checkText(fmt.Sprintf("%s.presets[%d].doc", at, k), s.Doc, maxText); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkText(key, text string, most int) error {
	switch {
	case len(text) > most:
		return fmt.Errorf("%s has %d bytes, want up to %d", key, len(text), most)
	case !utf8.ValidString(text):
		return fmt.Errorf("%s is not UTF-8", key)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("%s is %s, want printable text on one line", key, show(text))
	}
	return nil
}

func (m *Manifest) checkCapabilities() error {
	if m.Kind == Exec && len(m.Capabilities) > 0 {
		return fmt.Errorf("capabilities belong to wasm plugins: an exec plugin is trusted code that nothing could hold to them; remove the key")
	}
	for i, c := range m.Capabilities {
		if !slices.Contains(Capabilities(), c) {
			return fmt.Errorf("capabilities[%d] is %s, want one of: %s", i, show(string(c)), Join(Capabilities()))
		}
		if slices.Contains(m.Capabilities[:i], c) {
			return fmt.Errorf("capabilities[%d] is %s for the second time", i, show(string(c)))
		}
	}
	return nil
}

func (m *Manifest) checkPlatforms() error {
	if n := len(m.Platforms); n == 0 || n > maxList {
		return fmt.Errorf("platforms has %d items, want 1 to %d such as linux/amd64, or any", n, maxList)
	}
	for _, key := range sortedKeys(m.Platforms) {
		a := m.Platforms[key]
		switch {
		case key != AnyPlatform && !platformExpr.MatchString(key):
			return fmt.Errorf("platforms has the key %s, want one such as linux/amd64, or any", show(key))
		case key != AnyPlatform && m.Kind == WASM:
			return fmt.Errorf("platforms has the key %s, but a wasm module runs everywhere: want any", show(key))
		case !fileExpr.MatchString(a.File) || path.Base(a.File) != a.File:
			return fmt.Errorf("platforms[%q].file is %s, want the name of a file in this folder", key, show(a.File))
		case m.Kind == WASM && !strings.HasSuffix(a.File, ".wasm"):
			return fmt.Errorf("platforms[%q].file is %s, want a name that ends in .wasm", key, show(a.File))
		case m.Kind == Exec && strings.HasSuffix(a.File, ".wasm"):
			return fmt.Errorf("platforms[%q].file is %s, but kind is exec: want kind wasm, or a program", key, show(a.File))
		case a.SHA256 != "" && !digestExpr.MatchString(a.SHA256):
			return fmt.Errorf("platforms[%q].sha256 is %s, want 64 hexadecimal digits in lower case", key, show(a.SHA256))
		}
	}
	return nil
}

// Join lists capabilities with commas.
func Join(list []Capability) string {
	words := make([]string, len(list))
	for i, c := range list {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

// show quotes a value for an error: on one line, and not endless.
func show(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
