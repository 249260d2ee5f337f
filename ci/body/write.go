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
		top := "### " + j.icon() + " " + j.sentence(markdownStyle) + "\n\n" + j.sides(o) + "\n"
		room := limit - len(top) - len(end) - linesReserve
		take := func(s string) string {
			if len(s) > room {
				return ""
			}
			room -= len(s)
			return s
		}
		next, remarks, accept := take(j.next(o)), take(trustLines(trust)), take(j.accept())
		l.text(top + remarks)
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
	l.fold("The four clocks of the head, and its validity", j.clocks(l.limit)...)
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
			verdict := alone.icon() + " " + alone.headline()
			if why := alone.problem(); why != "" {
				verdict += ": " + Prose(shorten(why, maxReason))
			}
			return row(Code(j.legName(leg)), verdict, dash(strings.Join(j.how(leg), " · ")))
		},
	}
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
