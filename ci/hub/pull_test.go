package hub

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchharness/harness/ci/hubtest"
)

func TestAPullRequestIsRead(t *testing.T) {
	s := world(t, "")
	s.ClosePull("acme/search", 8, true)
	c := client(t, s, "ghs_fork") // a token that can only read
	for _, tt := range []struct {
		number                 int
		state                  string
		fork, locked, isMerged bool
	}{{7, "open", true, false, false}, {8, "closed", false, false, true}, {9, "open", false, true, false}} {
		p, err := c.Pull(t.Context(), acme, tt.number)
		if err != nil {
			t.Fatal(err)
		}
		if p.Number != tt.number || p.State != tt.state || p.Fork() != tt.fork || p.Locked != tt.locked || p.Merged != tt.isMerged || p.BaseRef != "main" || !validSHA(p.BaseSHA) || p.URL == "" {
			t.Errorf("%+v, want %+v", p, tt)
		}
	}
	var missing *NotFoundError
	if _, err := c.Pull(t.Context(), acme, 404); !errors.As(err, &missing) || !strings.Contains(err.Error(), "acme/search#404") {
		t.Error(err)
	}
	s.DeleteFork("acme/search", 7)
	if p, err := c.Pull(t.Context(), acme, 7); err != nil || !p.Fork() || p.HeadOwner != "" {
		t.Errorf("a deleted fork: %+v, %v", p, err)
	}
}

func TestAPullRequestIsFoundByItsHead(t *testing.T) {
	first := Head{Owner: "contributor", Repo: "search", Branch: "faster", SHA: hubtest.SHA("first")}
	for _, tt := range []struct {
		name, more string
		change     func(*Head, *hubtest.Server)
		want       int    // number; 0 is an error
		says       string // a part of the error
	}{
		{name: "as the event says", want: 7},
		{name: "owner in other letters", change: func(h *Head, _ *hubtest.Server) { h.Owner = "Contributor" }, want: 7},
		{name: "without the fork's name", change: func(h *Head, _ *hubtest.Server) { h.Repo = "" }, want: 7},
		{name: "the same branch of somebody else", change: func(h *Head, _ *hubtest.Server) { h.Owner = "mallory" }, says: "has the head mallory:faster"},
		{name: "another fork of the same owner", change: func(h *Head, _ *hubtest.Server) { h.Repo = "search-2" }, says: "--pr"},
		{name: "another branch", change: func(h *Head, _ *hubtest.Server) { h.Branch = "faster2" }, says: "--pr"},
		{name: "the head has moved", change: func(_ *Head, s *hubtest.Server) { s.Push("acme/search", 7, hubtest.SHA("later")) }, says: "by now, not"},
		{name: "closed in between", change: func(_ *Head, s *hubtest.Server) { s.ClosePull("acme/search", 7, false) }, want: 7},
		{name: "the fork is deleted", change: func(_ *Head, s *hubtest.Server) { s.DeleteFork("acme/search", 7) }, want: 7},
		{name: "closed before, open again with the same head", more: "repo: acme/search\npulls: [{number: 12, head: \"contributor:faster\", sha: first}]\n",
			change: func(_ *Head, s *hubtest.Server) { s.ClosePull("acme/search", 7, false) }, want: 12},
		{name: "two open with the same head", more: "repo: acme/search\npulls: [{number: 12, head: \"contributor:faster\", sha: first, base: release}]\n", says: "#12, #7"},
		{name: "no SHA", change: func(h *Head, _ *hubtest.Server) { h.SHA = "" }, says: "40 digits"},
		{name: "an owner with another parameter", change: func(h *Head, _ *hubtest.Server) { h.Owner = "a&state=open" }, says: "want the head's owner"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := world(t, tt.more)
			h := first
			if tt.change != nil {
				tt.change(&h, s)
			}
			p, err := client(t, s, "ghs_job").FindPull(t.Context(), acme, h)
			switch {
			case tt.want == 0 && (err == nil || !strings.Contains(err.Error(), tt.says)):
				t.Errorf("%+v, %v; want %q", p, err, tt.says)
			case tt.want != 0 && (err != nil || p.Number != tt.want):
				t.Errorf("#%d, %v; want #%d", p.Number, err, tt.want)
			}
		})
	}
}

func TestAMovedHeadIsToldWithThePullRequest(t *testing.T) {
	s := world(t, "")
	s.Push("acme/search", 7, hubtest.SHA("later"))
	_, err := client(t, s, "ghs_job").FindPull(t.Context(), acme, Head{Owner: "contributor", Branch: "faster", SHA: hubtest.SHA("first")})
	var moved *HeadMovedError
	if !errors.As(err, &moved) || moved.Pull.Number != 7 || moved.Pull.HeadSHA != hubtest.SHA("later") || moved.Want != hubtest.SHA("first") {
		t.Errorf("%v", err)
	}
}
