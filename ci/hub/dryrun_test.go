package hub

import (
	"fmt"
	"strings"
	"testing"

	"github.com/benchharness/harness/ci/body"
)

func TestADryRunReadsAndChangesNothing(t *testing.T) {
	s := world(t, "")
	put(t, client(t, s, "ghs_job", func(o *Options) { o.Settle = -1 }), said("old", 1))
	sent, id := len(s.Calls()), s.Comments("acme/search", 7)[0].ID
	var dry DryRun
	c := client(t, s, "ghs_job", func(o *Options) { o.DryRun = &dry })
	long := said(strings.Repeat("long ", 100), 2)
	if r := put(t, c, long); r.Action != Updated {
		t.Errorf("%+v", r)
	}
	s.Erase("acme/search", id)
	if r := put(t, c, long); r.Action != Created || r.URL != "" {
		t.Errorf("%+v", r)
	}
	check := start(t, c, checkOf("harness"))
	if err := c.CompleteCheck(t.Context(), check, verdictOf(body.Failure, 5)); err != nil {
		t.Fatal(err)
	}
	for _, call := range s.Calls()[sent:] {
		if call.Mutates() {
			t.Errorf("sent %s %s", call.Method, call.Path)
		}
	}
	var got []string
	for _, call := range dry.Calls() {
		got = append(got, call.Method+" "+call.Path)
		if len(call.String()) > 1200 || strings.Contains(call.String(), "\n") {
			t.Errorf("no short line: %s", call)
		}
	}
	same(t, "calls", strings.Join(got, "\n"), fmt.Sprintf(`PATCH /repos/acme/search/issues/comments/%d
POST /repos/acme/search/issues/7/comments
POST /repos/acme/search/check-runs
PATCH /repos/acme/search/check-runs/0`, id))
	if first := dry.Calls()[0].Body; !strings.HasPrefix(first, `{"body":"long long `) || !strings.HasSuffix(first, `…"}`) {
		t.Errorf("body %s", first)
	}
}

func TestADryRunNeedsNoToken(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "GITHUB_TOKEN") {
		t.Errorf("without a token: %v", err)
	}
	if _, err := New(Options{DryRun: &DryRun{}}); err != nil {
		t.Errorf("dry: %v", err)
	}
}

func TestShortenKeepsJSON(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{`{"a":"<b>","n":1}`, `{"a":"<b>","n":1}`},
		{`{"l":[1,2,3,4,5]}`, `{"l":[1,2,3,"…"]}`},
		{`{"o":{"t":"a\n\n b"}}`, `{"o":{"t":"a b"}}`},
		{"no json\n", "no json"},
	} {
		if got := shorten([]byte(tt.in)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}
