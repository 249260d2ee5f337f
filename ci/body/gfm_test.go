package body

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extensionast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/verdict"
)

var pages = flag.String("pages", "", "`FOLDER` to which to write the examples as HTML pages, for looking at")

// gfm renders as GitHub does before it sanitises: raw HTML would show.
var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))

func toHTML(t testing.TB, body string) string {
	t.Helper()
	var b bytes.Buffer
	if err := gfm.Convert([]byte(body), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const pageStyle = `<!doctype html><meta charset="utf-8"><title>%s</title><style>
body{font:14px/1.5 -apple-system,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;color:#1f2328;max-width:860px;margin:16px auto;padding:16px;border:1px solid #d1d9e0;border-radius:6px}
h3{font-size:1.25em;margin:0 0 16px;font-weight:600;line-height:1.25} p,ul,table,pre,details{margin:0 0 16px}
code{font:85%% ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;background:#818b981f;padding:.2em .4em;border-radius:6px}
pre{background:#f6f8fa;padding:16px;border-radius:6px;overflow:auto} pre code{background:none;padding:0}
table{border-collapse:collapse;display:block;overflow:auto;width:max-content;max-width:100%%} th,td{padding:6px 13px;border:1px solid #d1d9e0} tr:nth-child(2n){background:#f6f8fa}
a{color:#0969da;text-decoration:none} ul{padding-left:2em} summary{cursor:pointer}
</style>%s`

// TestPagesForLooking writes what -pages asks for.
func TestPagesForLooking(t *testing.T) {
	if *pages == "" {
		t.Skip("pages are for looking at: go test ./ci/body -run PagesForLooking -pages FOLDER")
	}
	for _, e := range examples() {
		page := fmt.Sprintf(pageStyle, e.name, toHTML(t, Comment(e.legs, e.o)))
		if err := os.WriteFile(filepath.Join(*pages, e.name+".html"), []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// harmless reports everything in a rendered body that the bot did not put
// there: markup, links elsewhere, what GitHub would link or expand in text,
// tables with cells too many or too few, and characters that deceive.
func harmless(t testing.TB, body string, o Options) {
	t.Helper()
	source := []byte(body)
	root := gfm.Parser().Parse(text.NewReader(source))
	allowed := []string{}
	for _, u := range []string{o.RepoURL, o.ReportURL, o.RunURL} {
		if u = address(u); u != "" {
			allowed = append(allowed, u)
		}
	}
	var plainText strings.Builder
	err := ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		if n.Type() != ast.TypeInline {
			plainText.WriteByte('\n')
		}
		switch n := n.(type) {
		case *ast.Image, *ast.AutoLink, *ast.RawHTML, *extensionast.TaskCheckBox, *extensionast.Strikethrough, *ast.Blockquote, *ast.ThematicBreak, *ast.CodeBlock:
			t.Errorf("the body holds a %s", n.Kind())
		case *ast.Link:
			if !slices.ContainsFunc(allowed, func(u string) bool { return strings.HasPrefix(string(n.Destination), u) }) {
				t.Errorf("a link leads to %s", n.Destination)
			}
		case *ast.Heading:
			if n.Level != 3 || n.PreviousSibling() != nil {
				t.Errorf("a heading of level %d is not the first line", n.Level)
			}
		case *ast.HTMLBlock:
			htmlLines(t, n, source)
		case *extensionast.Table:
			cells(t, n, source)
		case *ast.Text:
			if n.Parent().Kind() != ast.KindCodeSpan && n.Parent().Kind() != ast.KindLink {
				plainText.Write(n.Segment.Value(source))
				if n.SoftLineBreak() || n.HardLineBreak() {
					plainText.WriteByte('\n')
				}
			} else {
				plainText.WriteByte('\n')
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, re := range linked {
		if found := re.FindString(plainText.String()); found != "" {
			t.Errorf("text outside of code holds %q, which GitHub takes for %s", found, name)
		}
	}
	deceptive(t, body)
}

// htmlLine is every line of HTML that the bot writes.
var htmlLine = regexp.MustCompile(`^(<details><summary>[A-Za-z0-9,:. ]+</summary>|</details>|<!-- harness:v1 suite=[\w%.~+-]* leg=[\w%.~+-]* head=[\w%.~+-]* run=\d+ attempt=\d+ -->|)$`)

func htmlLines(t testing.TB, n *ast.HTMLBlock, source []byte) {
	t.Helper()
	for i := range n.Lines().Len() {
		at := n.Lines().At(i)
		if line := strings.TrimRight(string(at.Value(source)), "\n"); !htmlLine.MatchString(line) {
			t.Errorf("the body holds the HTML %q", line)
		}
	}
}

// cells counts those of the source: a parser drops what is too much.
func cells(t testing.TB, n *extensionast.Table, source []byte) {
	t.Helper()
	for r := n.FirstChild(); r != nil; r = r.NextSibling() {
		for c := r.FirstChild(); c != nil; c = c.NextSibling() {
			if c.Lines().Len() == 0 {
				continue
			}
			at := c.Lines().At(0)
			start, stop := bytes.LastIndexByte(source[:at.Start], '\n')+1, at.Stop+bytes.IndexByte(source[at.Stop:], '\n')
			line := string(source[start:stop])
			if got := strings.Count(line, "|") - 1; got != len(n.Alignments) {
				t.Errorf("%d cells in a table of %d columns: %s", got, len(n.Alignments), line)
			}
			break
		}
	}
}

// linked are what GitHub links or expands in text that is no code.
var linked = map[string]*regexp.Regexp{
	"a mention":            regexp.MustCompile(`@`),
	"a reference":          regexp.MustCompile(`#`),
	"a reference by GH":    regexp.MustCompile(`(?i)\bgh-\d`),
	"a commit":             regexp.MustCompile(`(?i)\b[0-9a-f]{7,40}\b`),
	"an address":           regexp.MustCompile(`(?i)://|www\.|mailto:\S`),
	"a shortcode of emoji": regexp.MustCompile(`:[\w+-]+:`),
	"mathematics":          regexp.MustCompile(`\$`),
	"markup":               regexp.MustCompile("[<>`\\\\*_~]"),
}

func deceptive(t testing.TB, body string) {
	t.Helper()
	for _, r := range strings.ReplaceAll(body, "⚠️", "") {
		if r != '\n' && (unicode.IsControl(r) || invisible(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("the body holds %U", r)
			return
		}
	}
}

func TestExamplesRenderAsTheBotMeantThem(t *testing.T) {
	for _, e := range examples() {
		t.Run(e.name, func(t *testing.T) {
			check := Check(e.legs, e.o)
			for part, body := range map[string]string{"comment": Comment(e.legs, e.o), "summary": Summary(e.legs, e.o), "check's summary": check.Summary} {
				harmless(t, body, e.o)
				if !strings.HasPrefix(body, "### ") {
					t.Errorf("the %s begins with %.60q", part, body)
				}
			}
			harmless(t, check.Text, e.o)
		})
	}
}

// naughty are names that do harm in one place or another.
var naughty = []string{
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</details></table><h1>x", "<!-- x", "--> <b>x</b>", "a|b|c", `a\|b`, `\`, "`", "``", "```", "a`b|c`d", "` `",
	"*a*", "**", "_a_", "~~a~~", "[a](https://evil.example)", "![a](https://evil.example/x.png)", "[a]: https://evil.example", "[^1]", "[ ] x", "# a", "1. a", "1)", "- a", "+ a", "> a", "    a", "---", "===", "***",
	"@everyone", "@acme/admins", "a@b.example", "#1", "acme/x#1", "GH-1", "gh-12", "JIRA-7", "f00360612f6d2f0c5a0b8c3d4e5f60718293a4b5", "deadbeef", "Ǘaaaaaaaa", "deadbeefé", "1234567", "acme/x@deadbeef",
	"https://evil.example", "http://a.b", "www.evil.example", "(www. x", "ftp://x.y", "mailto:a@b.example", "javascript:alert(1)", ":tada:", ":+1:", "$x$", "$$", "&lt;b&gt;", "&#64;x", "&copy;",
	"\x1b[31mred\x1b[0m", "\x1b]8;;http://evil.example\x07x", "a\nb", "a\r\n\r\n# b", "a\tb", "\u202eabc", "\u2066x", "a\u200bb", "GH\u200b-1", "@\u200dx", "\ufeff", "\u00ad", "\u2028x", "\u3164", "e\u0301\u0301\u0301\u0301\u0301", "\xff\xfe", "\U000e0041", "\u2800",
	"", " ", "{{ x }}", "{% raw %}", "::error::x", "%0A", strings.Repeat("x", 300), strings.Repeat("ä ", 150), strings.Repeat("@a ", 100), "<details>", "http:", "//x", "x:", ":x", "a--b", "✅ No regression", "|", "| --- |",
}

func TestNoNameDoesHarm(t *testing.T) {
	for i, name := range naughty {
		t.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
			legs, o := everywhere(name, naughty[(i+1)%len(naughty)])
			everythingHarmless(t, legs, o)
		})
	}
}

func FuzzNoNameDoesHarm(f *testing.F) {
	for i := 0; i < len(naughty); i += 6 { // with all of them it is the test above
		f.Add(naughty[i], naughty[(i+7)%len(naughty)])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		legs, o := everywhere(a, b)
		everythingHarmless(t, legs, o)
	})
}

// everywhere puts two texts wherever a document or an option has text.
func everywhere(a, b string) ([]Leg, Options) {
	row := func(v verdict.Verdict, gate bool) verdict.Row {
		r := metric(a+string(v), "8", b, 0.002, 0.2, 0.01, v)
		r.Params[a], r.Params[b] = b, a
		r.Gate, r.Unit, r.Reason, r.Cautions = gate, a, b, []string{a, b + a}
		if v == verdict.Regressed && !gate {
			r.Benchmark += b
		}
		return r
	}
	var rows []verdict.Row
	for _, v := range []verdict.Verdict{verdict.Regressed, verdict.Invalid, verdict.Incomparable, verdict.Improved, verdict.Slower, verdict.Faster, verdict.Unchanged, verdict.Inconclusive, verdict.New, verdict.Missing, verdict.Verdict(a)} {
		rows = append(rows, row(v, true), row(v, false))
	}
	excused := row(verdict.Regressed, true)
	excused.Acknowledged = &verdict.Acknowledgement{Benchmark: a, Metric: b, Reason: a + b, Until: start}
	c := comparison(append(rows, excused)...)
	c.Base.Label, c.Head.Label, c.Base.MachineID, c.Head.MachineID = a, b, a, b
	c.Head.RunIDs, c.Head.Harness, c.Method.Correction = []string{a, b, a}, b, a
	c.Validity = []result.Finding{{Level: "caution", Message: a}, {Level: "invalid", Message: b}}
	c.Budgets = []result.Budget{
		budgetRow(a, b, a, b, a, verdict.Missed, number64(2), nil, number64(1)),
		budgetRow(b, a, b, a, b, verdict.NotMeasured, nil, number64(2), nil),
	}
	c.Budgets[1].Reason = a

	head := headRun()
	head.Harness.Version, head.MachineID = a, b
	head.Machine, _ = json.Marshal(map[string]any{"cpu_model": a, "logical_cores": 2, a: b, "platform": b})
	head.Plugins[0].Table = result.Table{Title: a, Subject: b, Columns: []result.Column{{Title: a, Metric: "latency_mean"}, {Title: b, Metric: b}}}
	head.Plugins[1].Version = b
	head.Benchmarks[0].ID, head.Benchmarks[0].Metrics[0].Unit = "embedding/"+a, b
	head.Benchmarks[0].Validity = []result.Finding{{Level: "caution", Code: a, Message: b}}
	head.Benchmarks[1].Status, head.Benchmarks[1].Reason, head.Benchmarks[1].Remedy, head.Benchmarks[1].Rounds = result.Failed, a, b, nil
	head.Resources[7].Average, head.Resources[7].Unavailable = nil, a

	o := Options{Suite: a, Base: Ref{a, b}, Head: Ref{b, a}, RepoURL: "https://github.com/acme/search", ReportURL: a, RunURL: "https://x.example/" + b,
		Notes: []string{a, b + " " + a}, Reproduce: a + "\n" + b, ConfigPath: "harness.yaml", Marker: Marker{Suite: a, Leg: b, Head: a, Run: 1, Attempt: 1}}
	return []Leg{{Name: a, Comparison: c, Head: head, Exit: 1}, {Name: b, Exit: 3, Problem: a + " " + b}}, o
}

// everythingHarmless checks all that is written of legs.
func everythingHarmless(t testing.TB, legs []Leg, o Options) {
	t.Helper()
	comment := Comment(legs, o)
	within(t, comment, CommentLimit)
	harmless(t, comment, o)
	if m, ok := ParseMarker(comment); !ok || m.String() != o.Marker.String() || m.Key() != o.Marker.Key() {
		t.Errorf("the comment's marker is %v, want %v", m, o.Marker)
	}
	check := Check(legs, o)
	for _, body := range []string{Summary(legs, o), check.Summary, check.Text} {
		harmless(t, body, o)
		if _, ok := ParseMarker(body); ok {
			t.Errorf("a body without a marker has one:\n%s", body)
		}
	}
	if strings.ContainsAny(check.Title, "\n\r\x1b") {
		t.Errorf("the title is %q", check.Title)
	}
	slackHarmless(t, legs, o)
}
