package hub

import (
	"fmt"
	"testing"
)

func TestDecideKeepsTheOldestCommentAndTheNewestRun(t *testing.T) {
	at := func(id int64, text string, run int64) found {
		r := said(text, run)
		return found{id: id, body: r.Body, marker: r.Marker}
	}
	ours := said("ours", 5)
	for _, tt := range []struct {
		name string
		mine []found
		r    CommentRequest
		want string // action, kept id, text written by run, removed ids
	}{
		{"nothing there", nil, ours, "created 0 run 5 []"},
		{"nothing there and nothing regressed", nil, CommentRequest{Mode: OnRegression, Changed: true}, "skipped 0 - []"},
		{"nothing there and nothing changed", nil, CommentRequest{Mode: OnChange}, "skipped 0 - []"},
		{"a regression is a change", nil, CommentRequest{Mode: OnChange, Regressed: true, Body: "x"}, "created 0 run 0 []"},
		{"an older run", []found{at(1, "old", 4)}, ours, "updated 1 run 5 []"},
		{"an older run, although nothing regressed", []found{at(1, "old", 4)},
			CommentRequest{Mode: OnRegression, Marker: ours.Marker, Body: ours.Body}, "updated 1 run 5 []"},
		{"the same", []found{at(1, "ours", 5)}, ours, "unchanged 1 - []"},
		{"the same run with another text", []found{at(1, "other", 5)}, ours, "updated 1 run 5 []"},
		{"a newer run", []found{at(1, "new", 6)}, ours, "stale 1 - []"},
		{"a run that nobody knows", []found{at(1, "desk", 0)}, ours, "updated 1 run 5 []"},
		{"two of the same", []found{at(2, "ours", 5), at(1, "ours", 5)}, ours, "unchanged 1 - [2]"},
		{"two older", []found{at(3, "old", 4), at(2, "old", 3)}, ours, "updated 2 run 5 [3]"},
		{"the second is newer", []found{at(1, "old", 4), at(2, "new", 6)}, ours, "stale 1 run 6 [2]"},
		{"three, the newest in the middle", []found{at(1, "a", 7), at(2, "b", 9), at(3, "c", 8)}, ours, "stale 1 run 9 [2 3]"},
	} {
		p := decide(tt.mine, tt.r)
		wrote := "-"
		if p.write != "" {
			wrote = fmt.Sprintf("run %d", p.marker.Run)
		}
		if got := fmt.Sprintf("%s %d %s %v", p.action, p.keep.id, wrote, p.remove); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestBodiesAreComparedAsGitHubKeepsThem(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a\nb\n", "a\r\nb", true},
		{"a", "a \n\n", true},
		{"a", " a", false},
		{"a\nb", "ab", false},
	} {
		if got := sameText(tt.a, tt.b); got != tt.want {
			t.Errorf("%q and %q: %v", tt.a, tt.b, got)
		}
	}
}
