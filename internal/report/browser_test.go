//go:build browser

package report

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var screenshots = flag.String("screenshots", "", "`folder` to put pictures of the pages in")

// browserPages are the pages that are opened, by the renderer of each.
var browserPages = map[string]func(*testing.T) string{
	"run":        func(t *testing.T) string { return report(t, 3) },
	"comparison": func(t *testing.T) string { return renderComparison(t, 3, comparisonFixture()) },
}

// startBrowser starts Debian's chromium, or another that is there, with a
// profile of its own. Without one the test is skipped, or fails where
// HARNESS_REQUIRE_PEERS=1 says that every peer must be there.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		const why = "needs chromium: apt-get install chromium"
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	// chromedp makes the profile's folder and removes it.
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.Flag("headless", true), chromedp.WindowSize(1120, 900)}
	for _, name := range []string{"no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "no-default-browser-check", "hide-scrollbars",
		"disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage", "disable-extensions"} {
		options = append(options, chromedp.Flag(name, true))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancelBrowser := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancelBrowser)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return ctx
}

// tab is an open page and what it has said and asked for.
type tab struct {
	ctx  context.Context
	mu   sync.Mutex
	said []string // to the console
	gets []string // addresses
}

func open(t *testing.T, browser context.Context, html string) *tab {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	p := &tab{ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	p.do(t, chromedp.Navigate("file://"+path))
	return p
}

func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		p.said = append(p.said, fmt.Sprint("console.", e.Type))
	case *runtime.EventExceptionThrown:
		p.said = append(p.said, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		p.said = append(p.said, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		p.gets = append(p.gets, e.Request.URL)
	}
}

func (p *tab) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval returns the value of an expression in the page.
func eval[T any](t *testing.T, p *tab, expression string) T {
	t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

func (p *tab) scheme(t *testing.T, name string) {
	t.Helper()
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *tab) picture(t *testing.T, name string) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

const openAll = `document.querySelectorAll("details").forEach(d => d.open = true); 0`

func TestBrowserPages(t *testing.T) {
	browser := startBrowser(t)
	for name, html := range browserPages {
		t.Run(name, func(t *testing.T) {
			p := open(t, browser, html(t))
			p.scheme(t, "light")
			light := eval[string](t, p, `getComputedStyle(document.body).backgroundColor`)
			p.picture(t, name+"-light")
			checkContrast(t, p, "light")
			p.scheme(t, "dark")
			if dark := eval[string](t, p, `getComputedStyle(document.body).backgroundColor`); dark == light {
				t.Errorf("dark mode has the background of light mode, %s", dark)
			}
			p.picture(t, name+"-dark")
			checkContrast(t, p, "dark")
			p.scheme(t, "light")
			checkNarrow(t, p, name)
			checkNames(t, p)
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.said) > 0 {
				t.Errorf("the console says %q", p.said)
			}
			p.gets = slices.DeleteFunc(p.gets, func(url string) bool { return url == "data:," }) // the icon, which is empty
			if len(p.gets) != 1 || !strings.HasPrefix(p.gets[0], "file://") {
				t.Errorf("the page asked for %q, want itself alone", p.gets)
			}
		})
	}
}

// checkNarrow checks that a telephone scrolls the page in one direction only.
func checkNarrow(t *testing.T, p *tab, name string) {
	t.Helper()
	p.do(t, chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile))
	p.picture(t, name+"-360")
	_ = eval[int](t, p, openAll)
	if width := eval[int](t, p, `document.documentElement.scrollWidth`); width > 360 {
		t.Errorf("on 360 px the page is %d px wide", width)
	}
	p.do(t, chromedp.ResetViewport())
}

// contrastScript lists texts whose colour is too close to what is behind them:
// WCAG 2.1, 1.4.3, asks for 4.5 : 1.
const contrastScript = `(() => {
  const rgb = c => c.match(/[\d.]+/g).map(Number);
  const luminance = c => { const [r, g, b] = rgb(c).map(x => (x /= 255) <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (rgb(c)[3] !== 0) return c; } return "rgb(255,255,255)"; };
  const found = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, text = walker.currentNode.textContent.trim();
    if (!text || ["SCRIPT", "TITLE", "title"].includes(e.tagName)) continue;
    texts++;
    const style = getComputedStyle(e), a = luminance(e.namespaceURI.endsWith("svg") ? style.fill : style.color), b = luminance(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.add(ratio.toFixed(2) + " " + e.tagName + "." + e.getAttribute("class") + ": " + text.slice(0, 40));
  }
  return texts > 100 ? [...found] : ["only " + texts + " texts"];
})()`

func checkContrast(t *testing.T, p *tab, mode string) {
	t.Helper()
	_ = eval[int](t, p, openAll)
	for _, bad := range eval[[]string](t, p, contrastScript) {
		t.Errorf("%s mode: too little contrast: %s", mode, bad)
	}
}

// checkNames checks that what a screen reader stops at has a name.
func checkNames(t *testing.T, p *tab) {
	t.Helper()
	_ = eval[int](t, p, openAll)
	tree, err := chromedp.Call(p.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		role, name := text(t, n.Role), text(t, n.Name)
		switch role {
		case "button", "image", "img", "table", "region", "columnheader", "rowheader", "heading", "DisclosureTriangle", "RootWebArea":
			seen[role]++
			if strings.TrimSpace(name) == "" {
				t.Errorf("a %s has no accessible name (node %s)", role, n.NodeID)
			}
		}
	}
	for _, role := range []string{"button", "table", "region", "columnheader", "rowheader", "heading", "DisclosureTriangle", "RootWebArea"} {
		if seen[role] == 0 {
			t.Errorf("the page has no %s: %v", role, seen)
		}
	}
	if seen["image"]+seen["img"] == 0 {
		t.Errorf("no drawing is an image to a screen reader: %v", seen)
	}
}

func text(t *testing.T, v *accessibility.Value) string {
	t.Helper()
	if v == nil || len(v.Value) == 0 {
		return ""
	}
	var s string
	if err := json.Unmarshal(v.Value, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// sortableTable is a table by its caption, in the page's own words.
type sortableTable struct {
	t       *testing.T
	p       *tab
	caption string
}

func (s sortableTable) js(rest string) string {
	caption, _ := json.Marshal(s.caption)
	return fmt.Sprintf(`(() => { const table = [...document.querySelectorAll("table")].find(t => t.caption.textContent.startsWith(%s)); %s })()`, caption, rest)
}

// column returns the texts of a column, top to bottom; of rows that have no
// such cell, what stands in its place.
func (s sortableTable) column(i int) []string {
	s.t.Helper()
	return eval[[]string](s.t, s.p, s.js(fmt.Sprintf(`return [...table.tBodies[0].rows].filter(r => r.className !== "note").map(r => (r.cells[%d] || r.cells[r.cells.length - 1]).textContent.trim())`, i)))
}

// mark sets an id on a column's button, for clicks.
func (s sortableTable) mark(i int, id string) {
	s.t.Helper()
	_ = eval[string](s.t, s.p, s.js(fmt.Sprintf(`return table.tHead.rows[0].cells[%d].querySelector("button").id = %q`, i, id)))
}

func (s sortableTable) direction(i int) string {
	s.t.Helper()
	return eval[string](s.t, s.p, s.js(fmt.Sprintf(`return table.tHead.rows[0].cells[%d].getAttribute("aria-sort") || ""`, i)))
}

func TestBrowserTablesSortByClick(t *testing.T) {
	browser := startBrowser(t)
	p := open(t, browser, browserPages["comparison"](t))
	regressed := sortableTable{t, p, "Regressed"}
	original := regressed.column(4)
	regressed.mark(4, "base")
	p.do(t, chromedp.Click("#base"))
	ascending := []string{"2 ms", "2.01 ms", "3 ms", "4 ms", "12 ms", "3.95 k/s"}
	if got := regressed.column(4); !slices.Equal(got, ascending) || regressed.direction(4) != "ascending" {
		t.Errorf("after a click %s: %q, want %q", regressed.direction(4), got, ascending)
	}
	after := eval[string](t, p, regressed.js(`return [...table.tBodies[0].rows].find(r => r.textContent.startsWith("api/logout")).nextElementSibling.textContent`))
	if !strings.Contains(after, "expired on 2026-03-01") {
		t.Errorf("below api/logout is %q: its note did not move with it", after)
	}
	p.do(t, chromedp.Click("#base"))
	slices.Reverse(ascending)
	if got := regressed.column(4); !slices.Equal(got, ascending) || regressed.direction(4) != "descending" {
		t.Errorf("after two clicks %s: %q, want %q", regressed.direction(4), got, ascending)
	}
	p.do(t, chromedp.Click("#base"))
	if got := regressed.column(4); !slices.Equal(got, original) || regressed.direction(4) != "" {
		t.Errorf("after three clicks %s: %q, want the report's order %q", regressed.direction(4), got, original)
	}
	signs := sortableTable{t, p, "Faster"}
	signs.mark(2, "change")
	p.do(t, chromedp.Click("#change"))
	if got, want := signs.column(2), []string{"−5.1% better", "−4.6% better"}; !slices.Equal(got, want) {
		t.Errorf("changes are sorted as %q, want %q", got, want)
	}
}

func TestBrowserSortsWhatHasNoNumberLastBothWays(t *testing.T) {
	browser := startBrowser(t)
	p := open(t, browser, browserPages["run"](t))
	api := sortableTable{t, p, "API"}
	api.mark(1, "avg")
	for _, want := range [][]string{{"2.28 ms", "3.40 ms", "failed", "failed"}, {"3.40 ms", "2.28 ms", "failed", "failed"}} {
		p.do(t, chromedp.Click("#avg"))
		got := api.column(1)
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("sorted %s: %q, want them to begin with %q", api.direction(1), got, want)
		}
	}
}

func TestBrowserClocksSortUnderTheirHeadingsAndExplainThemselvesByKeyboard(t *testing.T) {
	browser := startBrowser(t)
	p := open(t, browser, browserPages["run"](t))
	vector := sortableTable{t, p, "Vector search: clocks and validity"}
	if wide := eval[int](t, p, vector.js(`return Math.max(0, ...[...table.tHead.rows[0].querySelectorAll("td")].map(gap => parseFloat(getComputedStyle(gap).minWidth) || 0))`)); wide > 0 {
		t.Errorf("the gap between the names of clocks asks for %d pixels, which no number below it needs", wide)
	}
	// The row with the names of the clocks stands above the one that sorts.
	_ = eval[string](t, p, vector.js(`return [...table.tHead.rows[1].cells].find(c => c.textContent.startsWith("Max")).querySelector("button").id = "max"`))
	p.do(t, chromedp.Click("#max"))
	if got, want := vector.column(5), []string{"802 µs", "828 µs", "2.33 ms"}; !slices.Equal(got, want) {
		t.Errorf("sorted by the largest response: %q, want %q", got, want)
	}
	_ = eval[string](t, p, `document.querySelectorAll("details.meaning summary")[1].id = "meaning"`)
	for range 60 {
		p.do(t, chromedp.KeyEvent(kb.Tab))
		if eval[string](t, p, `document.activeElement.id`) == "meaning" {
			p.do(t, chromedp.KeyEvent(kb.Enter))
			break
		}
	}
	if !eval[bool](t, p, `document.querySelector("#meaning").parentElement.open`) {
		t.Error("what the clocks mean does not open by keyboard")
	}
}

func TestBrowserTablesSortByKeyboard(t *testing.T) {
	browser := startBrowser(t)
	p := open(t, browser, browserPages["comparison"](t))
	regressed := sortableTable{t, p, "Regressed"}
	regressed.mark(4, "base")
	tabTo := func(id string) {
		t.Helper()
		for range 60 {
			p.do(t, chromedp.KeyEvent(kb.Tab))
			if eval[string](t, p, `document.activeElement.id`) == id {
				return
			}
		}
		t.Fatalf("the tab key does not reach #%s", id)
	}
	tabTo("base")
	if outline := eval[string](t, p, `getComputedStyle(document.activeElement).outlineStyle`); outline == "none" {
		t.Error("the focus does not show")
	}
	p.do(t, chromedp.KeyEvent(kb.Enter))
	if regressed.direction(4) != "ascending" {
		t.Errorf("after Enter the column is sorted %q", regressed.direction(4))
	}
	p.do(t, chromedp.KeyEvent(" "))
	if got := regressed.column(4); regressed.direction(4) != "descending" || got[0] != "3.95 k/s" {
		t.Errorf("after Space the column is sorted %q: %q", regressed.direction(4), got)
	}
	_ = eval[string](t, p, `document.querySelector(".group summary").id = "fold"`)
	tabTo("fold")
	p.do(t, chromedp.KeyEvent(kb.Enter))
	if !eval[bool](t, p, `document.querySelector(".group details").open`) {
		t.Error("Enter does not unfold the unchanged metrics")
	}
}
