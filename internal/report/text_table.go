package report

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// marks are shown in front of rows whose numbers are not to be taken as they
// are.
var marks = map[state]string{bad: "✗ ", invalid: "✗ ", partial: "! ", absent: "– "}

const (
	indentation = 2 // of a table's rows, where a mark may be
	gap         = 2 // between columns
	// A column of names is not made narrower than comfortable as long as there
	// is another way, and never narrower than least.
	comfortable, least = 14, 7
)

func (t *textWriter) table(tab *table) {
	if tab == nil {
		return
	}
	t.line("")
	t.line(t.style(tab.Title, bold))
	t.body(tab)
}

// body is a table without its title.
func (t *textWriter) body(tab *table) {
	tab, widths, gone := fit(tab, t.o.Width)
	header := make([]cell, len(tab.Columns))
	for i, c := range tab.Columns {
		header[i].Text = c.Title
	}
	if hasNumbers(tab) {
		if l := groupLine(tab, widths); l != "" {
			t.line("  " + t.style(l, dim))
		}
		for _, l := range t.cells(tab, header, widths, fine) {
			t.line("  " + t.style(strings.TrimRight(l, " "), dim))
		}
	}
	for _, r := range tab.Rows {
		t.row(tab, r, widths)
	}
	if len(gone) > 0 {
		t.wrapped("  ", "Not shown for lack of width: "+strings.Join(gone, ", "), dim)
	}
	for _, f := range tab.Footnotes {
		t.wrapped("  ", f, dim)
	}
}

func (t *textWriter) row(tab *table, r row, widths []int) {
	mark := "  "
	if m := marks[r.State]; m != "" {
		mark = t.style(m, styles[r.State])
	}
	lines := t.cells(tab, r.Cells, widths, r.State)
	at := indentation + sum(widths[:len(r.Cells)]) + gap*len(r.Cells)
	beside := r.Span != "" && len(lines) == 1 && at+utf8.RuneCountInString(r.Span) <= t.o.Width
	for i, l := range lines {
		if i > 0 {
			mark = "  "
		}
		if beside {
			l += t.style(r.Span, styles[r.State])
		}
		t.line(mark + l)
	}
	if r.Span != "" && !beside {
		t.wrapped("    └ ", r.Span, styles[r.State])
	}
	for _, n := range r.Notes {
		t.wrapped("    └ ", n, noteStyle(n, r.State))
	}
}

// hasNumbers says whether a table is more than reasons why there is none.
func hasNumbers(tab *table) bool {
	return slices.ContainsFunc(tab.Rows, func(r row) bool { return r.Span == "" })
}

func noteStyle(note string, s state) string {
	if strings.HasPrefix(note, "caution: ") {
		return yellow
	}
	if s == fine {
		return yellow
	}
	return styles[s]
}

// cells are the lines of a row: as many as its longest name takes.
func (t *textWriter) cells(tab *table, cells []cell, widths []int, s state) []string {
	wrapped := make([][]string, len(cells))
	lines := 1
	for i, c := range cells {
		wrapped[i] = strings.Split(cellText(tab.Columns[i], c, s), "\n")
		if !tab.Columns[i].Number && len(wrapped[i]) == 1 {
			wrapped[i] = wrapName(wrapped[i][0], widths[i])
		}
		lines = max(lines, len(wrapped[i]))
	}
	out := make([]string, lines)
	for k := range out {
		var line strings.Builder
		for i, c := range cells {
			text := ""
			if k < len(wrapped[i]) {
				text = wrapped[i][k]
			}
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(text)))
			text = t.styleCell(text, c, k)
			if tab.Columns[i].Number {
				text, pad = pad, text
			}
			line.WriteString(text + pad + strings.Repeat(" ", gap))
		}
		out[k] = line.String()
	}
	return out
}

// styleCell marks a line of a cell; what comes after its text is not marked.
func (t *textWriter) styleCell(line string, c cell, k int) string {
	text, after := line, ""
	if c.After != "" {
		var ok bool
		if after, ok = strings.CutPrefix(line, c.Text); !ok || k > 0 {
			return line
		}
		text = c.Text
	}
	return t.style(text, styles[c.State]) + after
}

// groupLine has the headings of columns that belong together, each with a rule
// as long as they are; "" where there is none.
func groupLine(tab *table, widths []int) string {
	var out strings.Builder
	for i := 0; i < len(tab.Columns); {
		group, width := tab.Columns[i].Group, 0
		for first := i; i == first || group != "" && i < len(tab.Columns) && tab.Columns[i].Group == group; i++ {
			width += widths[i] + gap
		}
		if group != "" {
			out.WriteString(group + " " + strings.Repeat("─", max(0, width-gap-1-utf8.RuneCountInString(group))) + strings.Repeat(" ", gap))
		} else {
			out.WriteString(strings.Repeat(" ", width))
		}
	}
	return strings.TrimRight(out.String(), " ")
}

// cellText puts numbers that are not to be taken as they are in parentheses. It
// may have several lines.
func cellText(c column, of cell, s state) string {
	text := of.Text
	if of.After != "" {
		text += " " + of.After
	}
	if s == invalid && c.result() {
		return "(" + strings.ReplaceAll(text, "\n", ")\n(") + ")"
	}
	return text
}

// lineWidth is the width of the longest line of a text.
func lineWidth(text string) int {
	w := 0
	for line := range strings.SplitSeq(text, "\n") {
		w = max(w, utf8.RuneCountInString(line))
	}
	return w
}

// tableWidth is that of columns and what is between them.
func tableWidth(widths []int) int { return indentation + sum(widths) + gap*(len(widths)-1) }

// fit makes a table as wide as there is room for, and returns the widths of
// its columns. Names are wrapped where they have a joint; then the columns
// that matter least go, whose titles it returns; and only then are names
// broken anywhere.
func fit(tab *table, width int) (fitting *table, widths []int, gone []string) {
	for {
		widths = naturalWidths(tab)
		if narrow(tab, widths, width, longestPiece) <= 0 {
			return tab, widths, gone
		}
		spare := -1
		for i, c := range tab.Columns {
			if c.Spare > 0 && (spare < 0 || c.Spare > tab.Columns[spare].Spare) {
				spare = i
			}
		}
		if spare < 0 {
			narrow(tab, widths, width, func(*table, int) int { return least })
			return tab, widths, gone
		}
		gone = append(gone, tab.Columns[spare].Title)
		tab = without(tab, spare)
	}
}

// narrow takes width from the widest columns of names, down to a minimum, and
// returns what the table is too wide by after that.
func narrow(tab *table, widths []int, width int, minimum func(*table, int) int) (over int) {
	floors := make([]int, len(widths))
	for i, c := range tab.Columns {
		if floors[i] = widths[i]; !c.Number {
			floors[i] = min(widths[i], minimum(tab, i))
		}
	}
	for over = tableWidth(widths) - width; over > 0; over-- {
		widest := -1
		for i := range widths {
			if widths[i] > floors[i] && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return over
}

// naturalWidths are the widths of the longest texts.
func naturalWidths(tab *table) []int {
	ws := make([]int, len(tab.Columns))
	for i, c := range tab.Columns {
		ws[i] = utf8.RuneCountInString(c.Title)
	}
	for _, r := range tab.Rows {
		for i, c := range r.Cells {
			ws[i] = max(ws[i], lineWidth(cellText(tab.Columns[i], c, r.State)))
		}
	}
	return ws
}

// longestPiece is the width below which a name of the column would have to be
// broken where it has no joint.
func longestPiece(tab *table, i int) int {
	longest := comfortable
	for _, r := range tab.Rows {
		if i >= len(r.Cells) {
			continue
		}
		for _, p := range pieces(cellText(tab.Columns[i], r.Cells[i], r.State)) {
			longest = max(longest, utf8.RuneCountInString(strings.TrimRight(p, " ")))
		}
	}
	return longest
}

// without is a table without one column.
func without(tab *table, i int) *table {
	out := *tab
	out.Columns = slices.Delete(slices.Clone(tab.Columns), i, i+1)
	out.Rows = slices.Clone(tab.Rows)
	for k := range out.Rows {
		if cells := out.Rows[k].Cells; i < len(cells) {
			out.Rows[k].Cells = slices.Delete(slices.Clone(cells), i, i+1)
		}
	}
	return &out
}

// pieces cuts a name behind its joints, such as slashes and spaces.
func pieces(name string) []string {
	var out []string
	for name != "" {
		at := strings.IndexAny(name, "/ _-") + 1
		if at == 0 {
			at = len(name)
		}
		out = append(out, name[:at])
		name = name[at:]
	}
	return out
}

// wrapName breaks a name into lines, at its joints where that is possible.
func wrapName(name string, width int) []string {
	var lines []string
	line := ""
	flush := func() {
		lines = append(lines, strings.TrimRight(line, " "))
		line = ""
	}
	for _, p := range pieces(name) {
		if line != "" && utf8.RuneCountInString(strings.TrimRight(line+p, " ")) > width {
			flush()
		}
		line += p
		for utf8.RuneCountInString(strings.TrimRight(line, " ")) > width {
			rs := []rune(line)
			lines = append(lines, string(rs[:width]))
			line = string(rs[width:])
		}
	}
	flush()
	return lines
}

func sum(xs []int) int {
	n := 0
	for _, x := range xs {
		n += x
	}
	return n
}
