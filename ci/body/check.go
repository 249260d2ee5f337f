package body

import (
	"strings"

	"github.com/benchharness/harness/internal/report"
)

// maxTitle is the length in characters of a check's title.
const maxTitle = 200

// Check is the same as a check run shows it: the verdict, what failed and what
// to do in the summary, everything else in the text, and an annotation for
// each row that fails.
func Check(legs []Leg, o Options) CheckOutput {
	j := judge(legs)
	return CheckOutput{
		Conclusion:  j.conclusion(),
		Title:       shorten(j.sentence(plainStyle), maxTitle),
		Summary:     write(j, o, CommentLimit, visible, ""),
		Text:        write(j, o, CommentLimit, rest, ""),
		Annotations: j.annotations(o.ConfigPath),
	}
}

// annotations point at the configuration: no line of the code is known to be
// the cause.
func (j *judgement) annotations(path string) []Annotation {
	if path == "" {
		return nil
	}
	level := "warning"
	if j.blocks {
		level = "failure"
	}
	var out []Annotation
	for _, k := range failing {
		for _, i := range j.items[k] {
			if len(out) == MaxAnnotations {
				return out
			}
			out = append(out, Annotation{Path: path, Line: 1, Level: level, Title: shorten(j.annotationTitle(k, i), maxTitle), Message: j.message(i)})
		}
	}
	return out
}

func (j *judgement) annotationTitle(k kind, i item) string {
	what := [...]string{regressed: "Regression", missed: "Budget missed", stopped: "Could not run", untrusted: "Invalid", unjudged: "No verdict"}[k]
	s := what + ": " + j.subject(i)
	if i.bench == nil {
		s += " " + metricOf(i)
	}
	return s
}

// message says what an annotation is about, as plain text.
func (j *judgement) message(i item) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	if j.several() {
		add("leg " + j.legName(i.leg))
	}
	switch {
	case i.budget != nil:
		add(valueOf(i.budget) + ", limit " + report.Limit(*i.budget))
	case i.bench != nil:
		add(plain(i.why))
		add(plain(i.bench.Remedy))
	default:
		if i.row.Base != nil && i.row.Head != nil {
			add(report.Quantity(*i.row.Base, i.row.Unit) + " → " + report.Quantity(*i.row.Head, i.row.Unit))
		}
		if i.row.Change != nil {
			add(changeWords(i.row) + ", threshold " + thresholdWords(i.row.Threshold, i.row.Scale))
		}
		add(plain(i.row.Reason))
	}
	if len(parts) == 0 {
		return "no details"
	}
	return strings.Join(parts, "; ")
}
