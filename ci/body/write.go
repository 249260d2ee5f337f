package body

import "strings"

// Comment is the body of the comment, the marker in its last line. It is never
// longer than o.Limit.
//
// Rows that fail a gate come first. They are shortened before one of them is
// left out, and only thousands of them make that necessary; then it says how
// many there are. Of everything else the least important rows go first
// (unchanged, the areas' tables, resources), and what is hidden is counted.
func Comment(legs []Leg, o Options) string {
	limit := o.Limit
	if limit <= 0 {
		limit = CommentLimit
	}
	return write(judge(legs), o, max(limit, minLimit), everything, "\n"+o.Marker.String()+"\n")
}

// minLimit is the least length that the parts which are always there fit into.
const minLimit = 12_000

// Summary is the comment for a job's summary: with more room, and without the
// marker.
func Summary(legs []Leg, o Options) string {
	return write(judge(legs), o, SummaryLimit, everything, "")
}

// extent is which half of the text is wanted.
type extent int

const (
	everything extent = iota
	visible           // what failed, and what to do
	rest              // what is folded
)

// write lays out the text; end is what comes after the links.
func write(j *judgement, o Options, limit int, which extent, end string) string {
	l := &layout{limit: limit, more: moreLink(o)}
	trust := j.trust(o)
	if which != rest {
		top := "### " + j.icon() + " " + j.sentence(markdownStyle) + "\n\n" + j.sides(o) + "\n" + trustLines(trust)
		next := j.next(o)
		accept := j.accept()
		room := limit - len(top) - len(next) - len(accept) - len(end) - linesReserve
		l.text(top)
		l.table(j.legTable())
		l.text(j.failing(room, l.more))
		l.text(next + accept)
	}
	if which != visible {
		j.folded(l, trust)
	}
	l.text(links(o) + end)
	return strings.TrimLeft(l.render(), "\n")
}

// linesReserve is what links and the lines about hidden rows may take.
const linesReserve = 4_000

func trustLines(trust []string) string {
	if len(trust) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\n")
	for _, s := range trust[:min(len(trust), maxTrust)] {
		b.WriteString("- ⚠️ " + s + "\n")
	}
	if n := len(trust) - maxTrust; n > 0 {
		b.WriteString("- " + number(n) + " more under Environment\n")
	}
	return b.String()
}

// folded adds everything that is not read at first.
func (j *judgement) folded(l *layout, trust []string) {
	for _, g := range groups {
		l.table(j.group(g))
	}
	l.fold("Resources of the head", j.resources()...)
	l.fold("Results of the head", j.areas(l.limit)...)
	l.table(j.environment(trust))
}

// legTable has a line for each leg, where there are several; those that fail
// are first.
func (j *judgement) legTable() *table {
	if !j.several() {
		return nil
	}
	var order []int
	for _, fails := range []bool{true, false} {
		for i := range j.legs {
			if j.alone[i].blocks == fails {
				order = append(order, i)
			}
		}
	}
	return &table{
		open: "\n" + head("Leg", "Verdict", "Measured on"), n: len(order), rank: legsRank, what: "legs",
		row: func(i int) string {
			leg := order[i]
			alone := j.alone[leg]
			return row(Code(j.legName(leg)), alone.icon()+" "+alone.short(), dash(strings.Join(j.how(leg), " · ")))
		},
	}
}

// short is the sentence without names.
func (j *judgement) short() string {
	if parts := j.problems(); len(parts) > 0 {
		return strings.Join(append(parts, j.tail()...), ", ")
	}
	return j.sentence(markdownStyle)
}

func moreLink(o Options) string {
	if address(o.ReportURL) == "" {
		return "."
	}
	return ": " + link("full report", o.ReportURL) + "."
}

func links(o Options) string {
	var out []string
	if address(o.ReportURL) != "" {
		out = append(out, link("Full report", o.ReportURL))
	}
	if address(o.RunURL) != "" {
		out = append(out, link("Run", o.RunURL))
	}
	if s := plain(o.Suite); s != "" {
		out = append(out, "suite "+Code(s))
	}
	if len(out) == 0 {
		return ""
	}
	return "\n" + strings.Join(out, " · ") + "\n"
}
