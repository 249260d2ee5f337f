package result

import (
	"fmt"
	"math"
	"regexp"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/benchharness/harness/sdk/loop"
)

// Limits of the free text that a plugin can put into a round.
const (
	maxSamples    = 8
	maxSampleText = 300 // bytes
	maxClasses    = 64
	maxClass      = 80 // bytes
	otherClasses  = "other"
)

// NewRound turns a measured round into the document's form. The position, the
// processes and the resources are the caller's to fill in. What came from the
// plugin as free text is made printable and cut to length, and a round whose
// counts do not balance is marked invalid, whatever the plugin said of it.
func NewRound(r loop.Result) Round {
	out := Round{
		Started:  r.Started,
		Elapsed:  r.Elapsed.Seconds(),
		Counts:   r.Counts,
		Errors:   cleanClasses(r.Errors),
		Samples:  []string{},
		Batch:    r.Batch,
		Overflow: r.Overflow,
		Clocks: Clocks{
			Response: NewHistogram(r.Clocks.Response, r.Batch),
			Service:  NewHistogram(r.Clocks.Service, r.Batch),
			Lag:      NewHistogram(r.Clocks.Lag, r.Batch),
			Wait:     NewHistogram(r.Clocks.Wait, r.Batch),
		},
		Values:    map[string]Value{},
		Resources: []Resource{},
		Validity:  []Finding{},
	}
	for _, s := range r.Samples[:min(len(r.Samples), maxSamples)] {
		out.Samples = append(out.Samples, Printable(Plain(s), maxSampleText))
	}
	for _, f := range r.Validity {
		out.Validity = append(out.Validity, cleanFinding(f))
	}
	if out.Elapsed < 0 {
		out.Elapsed = 0
		out.Validity = append(out.Validity, Finding{Level: string(loop.Invalid), Code: "elapsed", Message: fmt.Sprintf("the round took %v", r.Elapsed)})
	}
	if !r.Counts.Balanced() && !hasFinding(out.Validity, "identity") {
		out.Validity = append(out.Validity, Finding{Level: string(loop.Invalid), Code: "identity", Message: identityMessage(r.Counts)})
	}
	for _, name := range sortedKeys(r.Values) {
		v := r.Values[name]
		if !finite(v.Sum, v.Min, v.Max) {
			out.Validity = append(out.Validity, Finding{
				Level: string(loop.Caution), Code: "not_finite",
				Message: fmt.Sprintf("the values of %s do not add up to a finite number and were dropped", name),
			})
			continue
		}
		out.Values[name] = Value(v)
	}
	return out
}

// cleanFinding takes a level that is not known for the milder one: a plugin of
// a later protocol may have more of them.
func cleanFinding(f loop.Finding) Finding {
	out := Finding{Level: string(loop.Caution), Code: Printable(f.Code, maxClass), Message: Printable(f.Message, maxSampleText)}
	if f.Level == loop.Invalid {
		out.Level = string(loop.Invalid)
	}
	if out.Code == "" {
		out.Code = "unnamed"
	}
	return out
}

func identityMessage(c loop.Counts) string {
	return fmt.Sprintf("%d scheduled, but %d ok + %d failed + %d timed out + %d skipped = %d",
		c.Scheduled, c.OK, c.Failed, c.TimedOut, c.Skipped, c.OK+c.Failed+c.TimedOut+c.Skipped)
}

func hasFinding(fs []Finding, code string) bool {
	for _, f := range fs {
		if f.Code == code {
			return true
		}
	}
	return false
}

// cleanClasses makes the classes of errors printable and few: a plugin that
// puts the whole message into the class must not swell the document.
func cleanClasses(in map[string]uint64) map[string]uint64 {
	out := make(map[string]uint64, len(in))
	for _, class := range sortedKeys(in) {
		name := Printable(class, maxClass)
		if name == "" {
			name = "error"
		}
		if _, known := out[name]; !known && len(out) >= maxClasses-1 {
			name = otherClasses
		}
		out[name] += in[class]
	}
	return out
}

// escapeSequence is a terminal's control sequence, such as a colour: ESC [,
// parameters, intermediates and a final byte, see ECMA-48, 5.4.
var escapeSequence = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]`)

// Printable returns s on one line, cut to at most max bytes, without terminal
// sequences, control characters and those that reorder text: a sequence is
// left out, a character becomes a space, an invalid byte U+FFFD. It is meant
// for free text from a plugin or a target before it enters the document or a
// report.
func Printable(s string, max int) string {
	s = escapeSequence.ReplaceAllString(s, "")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
	if len(s) <= max {
		return s
	}
	const ellipsis = "…"
	cut := max - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.TrimRight(s[:cut], " ") + ellipsis
}

// unprintable says whether a rune could break a line, drive a terminal, or
// make text read in another order than it is written.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
