package body

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/verdict"
)

// sharedFrom is how many rows must have a caution for it to be said once, above
// the rows.
const sharedFrom = 3

// countCautions counts the rows of each caution.
func countCautions(c *verdict.Comparison) map[string]int {
	out := map[string]int{}
	if c == nil {
		return out
	}
	for i := range c.Rows {
		for _, text := range c.Rows[i].Cautions {
			out[text]++
		}
	}
	return out
}

func (j *judgement) shared(leg int, caution string) bool {
	return j.cautions[leg][caution] >= sharedFrom
}

// sides is the line about what was measured, and how.
func (j *judgement) sides(o Options) string {
	parts := []string{j.side(o, o.Base, false) + " → " + j.side(o, o.Head, true)}
	if !j.several() {
		for i := range j.legs {
			if name := plain(j.legs[i].Name); name != "" {
				parts = append(parts, Code(name))
			}
			parts = append(parts, j.how(i)...)
		}
	}
	if d := j.sameDesign(); d != "" {
		parts = append(parts, d)
	}
	parts = append(parts, j.limits()...)
	return strings.Join(parts, " · ")
}

// side names a commit, or what the documents call the side.
func (j *judgement) side(o Options, r Ref, head bool) string {
	var parts []string
	if name := plain(r.Name); name != "" {
		parts = append(parts, Code(name))
	}
	if sha := plain(r.SHA); sha != "" {
		parts = append(parts, commitLink(o.RepoURL, sha))
	}
	for _, l := range j.legs {
		if len(parts) > 0 || l.Comparison == nil {
			continue
		}
		side := &l.Comparison.Base
		if head {
			side = &l.Comparison.Head
		}
		parts = append(parts, Code(side.Label))
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, " ")
}

// shortSHA is the length of a commit's name for people.
const shortSHA = 7

func commitLink(repo, sha string) string {
	if strings.Trim(sha, "0123456789abcdef") != "" || len(sha) < shortSHA {
		return Code(sha)
	}
	text := Code(sha[:shortSHA])
	if repo = address(repo); repo == "" {
		return text
	}
	return link(text, strings.TrimSuffix(repo, "/")+"/commit/"+sha)
}

// sameDesign is how all legs were measured, "" where they differ.
func (j *judgement) sameDesign() string {
	same := ""
	for i, l := range j.legs {
		if l.Comparison == nil {
			continue
		}
		d := j.design(i)
		if same != "" && d != same {
			return ""
		}
		same = d
	}
	return same
}

// how is the machine of a leg, and the rounds where they are not those of all.
func (j *judgement) how(leg int) []string {
	l := j.legs[leg]
	var out []string
	if l.Head != nil {
		_, machine := report.Environment(l.Head)
		out = append(out, Prose(shorten(plain(machine), maxName)))
	} else if l.Comparison != nil && l.Comparison.Head.MachineID != "" {
		out = append(out, "machine "+code(plain(l.Comparison.Head.MachineID), 24))
	}
	if l.Comparison != nil && j.sameDesign() == "" {
		out = append(out, j.design(leg))
	}
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func (j *judgement) design(leg int) string {
	c := j.legs[leg].Comparison
	n := plural(c.Method.Rounds, "round")
	stored := plural(max(len(c.Base.RunIDs), 1), "stored run")
	switch {
	case c.Method.Rounds == 0:
		return ""
	case !j.alone[leg].compared():
		return n
	case c.Method.Design == verdict.Interleaved && c.Method.Confirmed && j.alone[leg].repeated():
		return n + " a side, in turns, confirmed by a repeat"
	case c.Method.Design == verdict.Interleaved:
		return n + " a side, in turns"
	}
	return n + " against " + stored
}

// repeated says that a gating metric has a verdict which only a repeat gives.
func (j *judgement) repeated() bool {
	return j.count(regressed, accepted) > 0 || slices.ContainsFunc(j.items[improved], func(i item) bool { return i.row.Gate })
}

// limits are the threshold and the noise floor of the gating metrics that are
// compared by ratio.
func (j *judgement) limits() []string {
	var threshold, floor span
	for _, l := range j.legs {
		if l.Comparison == nil {
			continue
		}
		for i := range l.Comparison.Rows {
			if r := &l.Comparison.Rows[i]; r.Gate && r.Scale == "ratio" && r.Change != nil {
				threshold.add(r.Threshold)
				floor.add(r.Floor)
			}
		}
	}
	return slices.DeleteFunc([]string{threshold.words("threshold"), floor.words("noise floor")}, func(s string) bool { return s == "" })
}

// span is the range of some ratios.
type span struct{ low, high float64 }

func (s *span) add(x float64) {
	if x <= 0 {
		return
	}
	if s.low == 0 || x < s.low {
		s.low = x
	}
	s.high = max(s.high, x)
}

func (s *span) words(what string) string {
	low, high := thresholdWords(s.low, "ratio"), thresholdWords(s.high, "ratio")
	switch {
	case s.high == 0:
		return ""
	case low == high:
		return what + " " + low
	}
	return what + " " + strings.TrimSuffix(low, "%") + "–" + high
}

// maxTrust is how many remarks on trust stand above the rows.
const maxTrust = 4

// trust lists what limits trust in the numbers, the gravest first.
func (j *judgement) trust(o Options) []string {
	var out []string
	for _, n := range o.Notes {
		if p := Prose(n); p != "" {
			out = append(out, p)
		}
	}
	var texts []string
	of := map[string][]string{} // legs
	for i := range j.legs {
		for _, s := range j.legTrust(i) {
			if len(of[s]) == 0 {
				texts = append(texts, s)
			}
			of[s] = append(of[s], Code(j.legName(i)))
		}
	}
	for _, s := range texts {
		if n := len(of[s]); n < len(j.legs) {
			s = strings.Join(of[s][:min(n, namedLegs)], ", ") + more(n-namedLegs) + ": " + s
		}
		out = append(out, s)
	}
	return out
}

// namedLegs is how many legs a remark names.
const namedLegs = 3

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return " and " + number(n) + " more"
}

func (j *judgement) legTrust(leg int) []string {
	l := j.legs[leg]
	var out []string
	c := l.Comparison
	if c == nil {
		if l.Head != nil && (l.Head.Interrupted || !l.Head.Complete) {
			out = append(out, "the run of the head is not complete")
		}
		return out
	}
	if c.Base.MachineID != c.Head.MachineID && j.alone[leg].decided == 0 && len(c.Rows) > c.Counts[verdict.New] {
		out = append(out, "the base was measured on another machine, so that nothing is compared") // the rows' cautions say it otherwise
	}
	for _, level := range []string{"invalid", "caution"} {
		for _, f := range c.Validity {
			if (f.Level == "invalid") == (level == "invalid") {
				out = append(out, Prose(f.Message))
			}
		}
	}
	return append(out, j.sharedCautions(leg)...)
}

// sharedCautions are what many rows are marked with, most rows first.
func (j *judgement) sharedCautions(leg int) []string {
	var texts []string
	for text, n := range j.cautions[leg] {
		if n >= sharedFrom {
			texts = append(texts, text)
		}
	}
	slices.SortFunc(texts, func(a, b string) int {
		return cmp.Or(j.cautions[leg][b]-j.cautions[leg][a], strings.Compare(a, b))
	})
	for i, text := range texts {
		texts[i] = fmt.Sprintf("%s (%s)", Prose(text), plural(j.cautions[leg][text], "row"))
	}
	return texts
}
