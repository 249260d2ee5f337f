package body

import (
	"math"
	"slices"
	"strings"
)

// table is rows of which some may be left out for length.
type table struct {
	open, close string           // around the rows
	row         func(int) string // one line each, or several; ends with an end of line
	n           int              // rows
	beyond      int              // rows that are not at hand and count as hidden
	rank        int              // the higher, the earlier it is left out
	what        string           // what the rows are, in the plural
}

// part is text that stays, or tables. What is around tables, open and close,
// stands only where one of them does.
type part struct {
	text        string
	open, close string
	tables      []*table
}

// layout is what goes into one body, in the order of reading.
type layout struct {
	parts []part
	limit int    // bytes
	more  string // markdown: where hidden rows are to be found
}

func (l *layout) text(s string) { l.parts = append(l.parts, part{text: s}) }

func (l *layout) table(t *table) {
	if t != nil {
		l.fold("", t)
	}
}

// fold adds tables under one title, which readers unfold; without a title they
// stand as they are.
func (l *layout) fold(title string, ts ...*table) {
	p := part{}
	if title != "" {
		p.open, p.close = folded(title), foldedEnd
	}
	for _, t := range ts {
		if t.n+t.beyond > 0 {
			p.tables = append(p.tables, t)
		}
	}
	l.parts = append(l.parts, p)
}

// hiddenLine is what stands below the rows of a table that was cut.
func (l *layout) hiddenLine(n int) string {
	return "\n" + plural(n, "row") + " hidden" + l.more + "\n"
}

// tally counts things by what they are.
type tally struct {
	what []string
	n    map[string]int
}

func (t *tally) add(n int, what string) {
	if t.n == nil {
		t.n = map[string]int{}
	}
	if t.n[what] == 0 {
		t.what = append(t.what, what)
	}
	t.n[what] += n
}

func (t *tally) words() string {
	var out []string
	for _, what := range t.what {
		out = append(out, number(t.n[what])+" "+what)
	}
	return strings.Join(out, ", ")
}

// reserve is what the line about tables that were left out whole may take.
const reserve = 700

// fairShare is how many rows every table gets before one gets more.
const fairShare = 20

// render gives every table, by rank, as many of its rows as there is room for:
// a few of each at first, then the rest. The result is at most limit bytes long
// if the texts are.
func (l *layout) render() string {
	room := l.limit
	for _, p := range l.parts {
		room -= len(p.text) + len(p.open) + len(p.close)
	}
	room -= reserve + len(l.more)
	filled := map[*table]string{}
	tables := l.byRank()
	for _, share := range []int{fairShare, math.MaxInt} {
		for _, t := range tables {
			if t.rank >= clocksRank && share == fairShare {
				continue // they take what the others leave
			}
			room += len(filled[t])
			if s, rows := l.fill(t, room, share); rows > 0 {
				filled[t] = s
			}
			room -= len(filled[t])
		}
	}
	return l.join(filled, tables)
}

// join puts the parts together, and before the last, which has the links and
// the marker, a line about tables that are left out whole.
func (l *layout) join(filled map[*table]string, tables []*table) string {
	var gone tally
	for _, t := range tables {
		if filled[t] == "" {
			gone.add(t.n+t.beyond, t.what)
		}
	}
	var b strings.Builder
	for i, p := range l.parts {
		b.WriteString(p.write(filled))
		if i == len(l.parts)-1 && len(gone.what) > 0 {
			b.WriteString("\nHidden for length: " + gone.words() + l.more + "\n")
		}
		b.WriteString(p.text)
	}
	return b.String()
}

func (p *part) write(filled map[*table]string) string {
	var b strings.Builder
	for _, t := range p.tables {
		b.WriteString(filled[t])
	}
	if b.Len() == 0 {
		return ""
	}
	if p.open == "" {
		return b.String()
	}
	return p.open + strings.TrimLeft(b.String(), "\n") + p.close
}

// byRank lists the tables, those that are to be kept first.
func (l *layout) byRank() []*table {
	var out []*table
	for _, p := range l.parts {
		out = append(out, p.tables...)
	}
	slices.SortStableFunc(out, func(a, b *table) int { return a.rank - b.rank })
	return out
}

// fill writes a table with as many rows as fit into room, at most share.
func (l *layout) fill(t *table, room, share int) (s string, rows int) {
	hidden := len(l.hiddenLine(t.n + t.beyond))
	room -= len(t.open) + len(t.close)
	var b strings.Builder
	b.WriteString(t.open)
	for rows < min(t.n, share) {
		r := t.row(rows)
		need := len(r)
		if rows+1 < t.n || t.beyond > 0 {
			need += hidden
		}
		if need > room {
			break
		}
		b.WriteString(r)
		room -= len(r)
		rows++
	}
	if left := t.n + t.beyond - rows; left > 0 {
		b.WriteString(l.hiddenLine(left))
	}
	b.WriteString(t.close)
	return b.String(), rows
}

// row writes cells, which are markdown, as a row of a table.
func row(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }

// head writes the head of a table. A title that ends with a colon is of a
// column that is aligned right.
func head(titles ...string) string {
	rule := make([]string, len(titles))
	for i, t := range titles {
		rule[i] = "---"
		if name, ok := strings.CutSuffix(t, ":"); ok {
			titles[i], rule[i] = name, "---:"
		}
	}
	return row(titles...) + row(rule...)
}

// folded opens a part that readers unfold. The title must be text of our own:
// it stands in HTML, where no markdown is read.
func folded(title string) string { return "\n<details><summary>" + title + "</summary>\n\n" }

const foldedEnd = "\n</details>\n"
