package hub

import (
	"cmp"
	"slices"
	"strings"

	"github.com/benchharness/harness/ci/body"
)

// found is a comment of the bot.
type found struct {
	id     int64
	marker body.Marker
	body   string
	url    string
}

// plan is what to do about the comments there are.
type plan struct {
	action Action
	keep   found  // the one that stays; id 0 where there is none
	write  string // what keep, or the new comment, is to say; "" is nothing to write
	marker body.Marker
	remove []int64
}

// done says that there is nothing to do.
func (p plan) done() bool { return p.write == "" && len(p.remove) == 0 }

// decide says what brings the comments of one key to the one that should be.
//
// It is a function of what is there alone, and two bots that see the same
// decide alike: the oldest comment stays, as that is the one people have
// answered to and linked; it says what the newest run says, whoever wrote that;
// the others go.
func decide(mine []found, r CommentRequest) plan {
	if len(mine) == 0 {
		if r.Mode == OnRegression && !r.Regressed || r.Mode == OnChange && !r.Changed && !r.Regressed {
			return plan{action: Skipped}
		}
		return plan{action: Created, write: r.Body, marker: r.Marker}
	}
	mine = slices.Clone(mine)
	slices.SortFunc(mine, func(a, b found) int { return cmp.Compare(a.id, b.id) })
	p := plan{action: Updated, keep: mine[0], write: r.Body, marker: r.Marker}
	for _, f := range mine {
		if f.marker.Newer(p.marker) {
			p.action, p.write, p.marker = Stale, f.body, f.marker
		}
	}
	for _, f := range mine[1:] {
		p.remove = append(p.remove, f.id)
	}
	if sameText(p.keep.body, p.write) {
		p.write = ""
		if p.action == Updated {
			p.action = Unchanged
		}
	}
	return p
}

// sameText compares bodies as GitHub keeps them: it may end lines in its own
// way, and drop white space at the end.
func sameText(a, b string) bool {
	tidy := func(s string) string { return strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), " \t\n") }
	return tidy(a) == tidy(b)
}
