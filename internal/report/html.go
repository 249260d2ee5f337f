package report

import (
	"bufio"
	_ "embed"
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

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"css":       func() template.CSS { return template.CSS(styleSheet) },
	"rest":      func(t *table, r row) int { return len(t.Columns) - len(r.Cells) },
	"width":     func(t *table) int { return len(t.Columns) },
	"result":    func(t *table, i int) bool { return i < len(t.Columns) && t.Columns[i].result() },
	"number":    func(t *table, i int) bool { return i < len(t.Columns) && t.Columns[i].Number },
	"addr":      func(t table) *table { return &t },
	"pair":      func(t *table, r row) tableRow { return tableRow{t, r} },
	"breakable": breakable,
	"word":      func(s state) string { return stateWords[s] },
	"plot":      func() map[string]string { return plotNumbers },
}).Parse(htmlTemplate))

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

// HTML writes one page that needs nothing else: styles and drawings are
// inside, there is no script and no request to anywhere.
func HTML(w io.Writer, run *result.Run) error {
	b := bufio.NewWriter(w)
	if err := page.Execute(b, htmlView{newView(run), sparks(run.Resources)}); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write HTML report: %w", err)
	}
	return nil
}

// sparks draws the series of the gauges that the utilisation table is about.
func sparks(rs []result.Resource) []spark {
	type gauge struct {
		title, name string
		format      func(float64) string
	}
	gauges := []gauge{{"CPU", "host.cpu", percent}, {"Memory used", "host.memory_used", fixed(binary)}}
	for _, n := range gpuNumbers(rs) {
		gauges = append(gauges, gauge{"GPU " + n, "gpu." + n + ".util", percent})
	}
	gauges = append(gauges, gauge{"Disk read", "disk.read", fixed(megabyte)}, gauge{"Disk write", "disk.write", fixed(megabyte)},
		gauge{"Network in", "net.in", fixed(megabit)}, gauge{"Network out", "net.out", fixed(megabit)})
	var out []spark
	for _, g := range gauges {
		r := find(rs, g.name)
		path := sparkline(r.Series)
		if path == "" || r.Peak == nil {
			continue
		}
		peak := g.format(*r.Peak)
		out = append(out, spark{Title: g.title, Path: path, Peak: peak, Label: fmt.Sprintf("%s over the run, peak %s", g.title, peak)})
	}
	return out
}
