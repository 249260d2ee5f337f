package hub_test

import (
	"strings"

	"github.com/benchharness/harness/ci/body"
	"github.com/benchharness/harness/ci/hubtest"
)

// judge checks what is left when the last run has ended.
func (h *history) judge() {
	for _, v := range h.s.Violations() {
		h.t.Errorf("GitHub's API description: %s", v)
	}
	left := h.s.Comments(pulls, 7)
	h.judgeForeign(left)
	mine := map[string][]hubtest.Comment{}
	for _, c := range left {
		if c.Login == h.login {
			m, ok := body.ParseMarker(c.Body)
			if !ok {
				h.t.Errorf("a comment of the bot without a marker: %q", c.Body)
			}
			mine[m.Leg] = append(mine[m.Leg], c)
		}
	}
	for _, leg := range h.legs {
		a := h.ended[leg]
		if got := mine[leg]; len(got) != 1 {
			h.t.Errorf("leg %q has %d comments", leg, len(got))
		} else if got[0].Body != a.text() {
			h.t.Errorf("leg %q says %q, not what the newest run says: %q", leg, got[0].Body, a.text())
		}
		h.judgeCheck(leg, a)
	}
	if len(mine) != len(h.legs) {
		h.t.Errorf("comments of %d legs, want %d", len(mine), len(h.legs))
	}
}

// judgeForeign wants what others said as they said it.
func (h *history) judgeForeign(left []hubtest.Comment) {
	now := map[int64]hubtest.Comment{}
	for _, c := range left {
		now[c.ID] = c
	}
	for _, f := range h.foreign {
		if c := now[f.ID]; c.Body != f.Body || c.Edits != 0 || c.Login != f.Login {
			h.t.Errorf("the comment of %s was touched: %q became %+v", f.Login, f.Body, c)
		}
	}
}

// refused says that one of the leg's jobs was told that it may not see or
// change checks. Then it cannot finish what another one began.
func (h *history) refused(leg string) bool {
	for _, c := range h.s.Calls() {
		if strings.HasSuffix(c.Bot, " leg "+leg) && strings.Contains(c.Path, "/check-runs") && (c.Fault == "403" || c.Fault == "404") {
			return true
		}
	}
	return false
}

// judgeCheck wants the leg's check on the newest head to be complete, and none
// that the bot left in progress beside it.
func (h *history) judgeCheck(leg string, a attempt) {
	name := strings.TrimSpace("harness " + leg)
	if a.check.Status {
		h.count("status", 1)
		want := map[string]string{body.Success: "success", body.Neutral: "success", body.Failure: "failure"}[a.out.Conclusion]
		for _, st := range h.s.Statuses(pulls, head(h.newest)) {
			if st.Context == name && st.State == want {
				return
			}
		}
		h.t.Errorf("leg %q: no status %s: %+v", leg, want, h.s.Statuses(pulls, head(h.newest)))
		return
	}
	h.count("check", 1)
	var last hubtest.Check
	for _, c := range h.s.Checks(pulls, head(h.newest)) {
		if c.Name != name {
			continue
		}
		last = c
		if c.Status != "completed" && !h.refused(leg) {
			h.t.Errorf("leg %q: a check was left %s: %+v", leg, c.Status, c)
		}
		for _, n := range c.Batches {
			if n > hubtest.MaxAnnotations {
				h.t.Errorf("leg %q: %d annotations at once", leg, n)
			}
		}
	}
	if last.ID != a.check.ID || last.Conclusion != a.out.Conclusion || last.Title != a.out.Title {
		h.t.Errorf("leg %q: the newest check says %s %q, want %s %q", leg, last.Conclusion, last.Title, a.out.Conclusion, a.out.Title)
	}
	if n := len(a.out.Annotations); last.Annotations < n || !a.check.Reused && last.Annotations != n {
		h.t.Errorf("leg %q: %d annotations, want %d", leg, last.Annotations, n)
	}
}
