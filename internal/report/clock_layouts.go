package report

import (
	"slices"
	"strings"
)

// Scrolled is the table of one line a scenario for a page on which a narrow
// screen shows the first columns: validity is among them.
func (s *clockSection) Scrolled() *table {
	t := s.wide()
	at, last := len(s.identity), len(t.Columns)-1
	t.Columns = slices.Insert(slices.Clone(t.Columns[:last]), at, t.Columns[last])
	for i, r := range t.Rows {
		if r.Span == "" {
			t.Rows[i].Cells = slices.Insert(slices.Clone(r.Cells[:last]), at, r.Cells[last])
		}
	}
	return t
}

// wide has one line a scenario. A clock that says the same thing in every row
// has one column.
func (s *clockSection) wide() *table {
	t := s.empty()
	var single [4]bool
	for i, c := range clocks {
		if single[i] = s.uniform(i); single[i] {
			t.Columns = append(t.Columns, column{Title: label(c.name), Number: true})
			continue
		}
		for _, q := range shown {
			t.Columns = append(t.Columns, column{Title: q.title, Group: label(c.name), Number: true})
		}
	}
	t.Columns = append(t.Columns, column{Title: "Validity"})
	for _, r := range s.rows {
		out := row{Cells: slices.Clone(r.identity), State: r.state, Span: r.span}
		for i := range clocks {
			if r.span == "" {
				out.Cells = append(out.Cells, r.wideCells(i, single[i])...)
			}
		}
		if r.span == "" {
			out.Cells = append(out.Cells, r.validity)
		}
		t.Rows = append(t.Rows, out)
	}
	return t
}

func (r clockRow) wideCells(i int, single bool) []cell {
	short := r.clocks.short(i)
	if single {
		return []cell{quantileCell(short)}
	}
	var out []cell
	for _, text := range r.clocks.texts(i) {
		if short == byDefinition {
			text = short
		}
		out = append(out, quantileCell(text))
	}
	return out
}

// empty is a table with the columns that tell rows apart.
func (s *clockSection) empty() *table {
	return &table{ID: s.id, Title: s.title, Columns: slices.Clone(s.identity), Footnotes: s.notes, Judged: true}
}

// tall has a line for each quantile of a scenario.
func (s *clockSection) tall() *table {
	t := s.empty()
	t.Columns = append(t.Columns, column{Key: true})
	for _, c := range clocks {
		t.Columns = append(t.Columns, column{Title: label(c.name), Number: true})
	}
	t.Columns = append(t.Columns, column{Title: "Validity"})
	var names []string
	for _, q := range shown {
		names = append(names, strings.ToLower(q.title))
	}
	for _, r := range s.rows {
		out := row{Cells: slices.Clone(r.identity), State: r.state, Span: r.span}
		if r.span == "" {
			out.Cells = append(out.Cells, cell{Text: strings.Join(names, "\n")})
			for i := range clocks {
				text := r.clocks.short(i)
				if all := r.clocks.texts(i); text == "" {
					text = strings.Join(all[:], "\n")
				}
				out.Cells = append(out.Cells, quantileCell(text))
			}
			out.Cells = append(out.Cells, r.validity)
		}
		t.Rows = append(t.Rows, out)
	}
	return t
}

// slim has a line for each clock of a scenario.
func (s *clockSection) slim() *table {
	t := s.empty()
	t.Columns = append(t.Columns, column{Key: true})
	for _, q := range shown {
		t.Columns = append(t.Columns, column{Title: q.title, Number: true})
	}
	for _, r := range s.rows {
		out := row{Cells: slices.Clone(r.identity), State: r.state, Span: r.span}
		if r.span == "" {
			var names []string
			lines := make([][]string, len(shown))
			for i, c := range clocks {
				names = append(names, c.name)
				for k, x := range r.wideCells(i, false) {
					lines[k] = append(lines[k], x.Text)
				}
			}
			out.Cells = append(out.Cells, cell{Text: strings.Join(names, "\n")})
			for _, l := range lines {
				out.Cells = append(out.Cells, cell{Text: strings.Join(l, "\n")})
			}
			out.Notes = []string{strings.TrimSpace(r.validity.Text + " " + r.validity.After)}
		}
		t.Rows = append(t.Rows, out)
	}
	return t
}

func quantileCell(text string) cell {
	if text == notAvailable || text == byDefinition || text == sameAsResponse {
		return cell{Text: text, State: absent}
	}
	return cell{Text: text}
}
