package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

//go:embed report.gohtml
var htmlTemplate string

//go:embed report.css
var styleSheet string

//go:embed sort.js
var sortScript string

// policy is the page's Content-Security-Policy: nothing but our own style and
// script, and no request to anywhere.
var policy = fmt.Sprintf("default-src 'none'; img-src data:; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
	sha256Of(styleSheet), sha256Of(sortScript))

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"css":       func() template.CSS { return template.CSS(styleSheet) },
	"script":    func() template.JS { return template.JS(sortScript) },
	"policy":    func() string { return policy },
	"rest":      func(t *table, r row) int { return len(t.Columns) - len(r.Cells) },
	"width":     func(t *table) int { return len(t.Columns) },
	"result":    func(t *table, i int) bool { return i < len(t.Columns) && t.Columns[i].result() },
	"number":    func(t *table, i int) bool { return i < len(t.Columns) && t.Columns[i].Number },
	"key":       func(t *table, i int) bool { return i < len(t.Columns) && t.Columns[i].Key },
	"addr":      func(t table) *table { return &t },
	"pair":      func(t *table, r row) tableRow { return tableRow{t, r} },
	"breakable": breakable,
	"groups":    columnGroups,
	"meaning":   func() clockMeaning { return meaning },
	"word":      func(s state) string { return stateWords[s] },
	"plot":      func() map[string]string { return plotNumbers },
}).Parse(htmlTemplate))

// clockMeaning is what the clocks and the words of validity mean.
type clockMeaning struct {
	Path, Sum     string
	Clocks, Words []fact
	Notes         []string
}

var meaning = func() clockMeaning {
	m := clockMeaning{Path: clockPath, Sum: clockSum + ".", Words: validityWords, Notes: append([]string{clockWords}, clockNotes...)}
	for _, c := range clocks {
		m.Clocks = append(m.Clocks, fact{c.name, c.meaning})
	}
	return m
}()

// columnGroup is a heading above some columns, or the gap between two.
type columnGroup struct {
	Title   string
	Columns int
}

// columnGroups are the headings above the titles of columns; none where no
// column is in a group.
func columnGroups(t *table) []columnGroup {
	var out []columnGroup
	grouped := false
	for _, c := range t.Columns {
		grouped = grouped || c.Group != ""
		if n := len(out); n > 0 && out[n-1].Title == c.Group {
			out[n-1].Columns++
		} else {
			out = append(out, columnGroup{c.Group, 1})
		}
	}
	if !grouped {
		return nil
	}
	return out
}

type tableRow struct {
	Table *table
	Row   row
}

// breakable escapes a name and lets it break between its words.
func breakable(s string) template.HTML {
	var out strings.Builder
	for _, part := range strings.SplitAfter(strings.ReplaceAll(s, "_", "_\n"), "/") {
		for i, word := range strings.Split(part, "\n") {
			if i > 0 {
				out.WriteString("<wbr>")
			}
			out.WriteString(template.HTMLEscapeString(word))
		}
		out.WriteString("<wbr>")
	}
	return template.HTML(strings.TrimSuffix(out.String(), "<wbr>"))
}

// stateWords mark a row for readers who do not see its colour.
var stateWords = map[state]string{invalid: "invalid", partial: "not complete", bad: "failed", absent: "not measured"}

var plotNumbers = map[string]string{
	"w": num(plotW), "top": num(plotTop), "bottom": num(plotTop + plotH), "tick": num(plotTop + plotH + 13),
	"h": num(plotTop + plotH + 18), "bw": num(barsW),
}

type htmlView struct {
	*view
	Sparks []spark
}

type spark struct{ Title, Path, Peak, Label string }

// HTML writes one page that needs nothing else: styles, drawings and the script
// that sorts its tables are inside, and there is no request to anywhere.
func HTML(w io.Writer, run *result.Run) error {
	b := bufio.NewWriter(w)
	v := newView(run)
	v.draw(run)
	if err := page.Execute(b, htmlView{v, sparks(run.Resources)}); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}

// gauge is a series of the machine that is worth a drawing.
type gauge struct {
	title, name string
	format      func(float64) string
}

// gauges are those that the utilisation table is about.
func gauges(rs []result.Resource) []gauge {
	out := []gauge{{"CPU", "host.cpu", percent}, {"Memory used", "host.memory_used", fixed(binary)}}
	for _, n := range gpuNumbers(rs) {
		out = append(out, gauge{"GPU " + n, "gpu." + n + ".util", percent})
	}
	return append(out, gauge{"Disk read", "disk.read", fixed(megabyte)}, gauge{"Disk write", "disk.write", fixed(megabyte)},
		gauge{"Network in", "net.in", fixed(megabit)}, gauge{"Network out", "net.out", fixed(megabit)})
}

// sparks draws the series of the gauges.
func sparks(rs []result.Resource) []spark {
	var out []spark
	for _, g := range gauges(rs) {
		r := find(rs, g.name)
		path := sparkline(r.Series, peakOf(r.Series))
		if path == "" || r.Peak == nil {
			continue
		}
		peak := g.format(*r.Peak)
		out = append(out, spark{Title: g.title, Path: path, Peak: "peak " + peak, Label: fmt.Sprintf("%s over the run, peak %s", g.title, peak)})
	}
	return out
}
