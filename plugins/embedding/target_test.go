package embedding

import (
	"errors"
	"strings"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func TestThePathStandsBehindTheTargetsURLOnce(t *testing.T) {
	for _, test := range []struct{ url, path, want string }{
		{"http://h:1", "/embed", "http://h:1/embed"},
		{"h:1", "/embed", "http://h:1/embed"},
		{"http://h:1/", "/v1/embeddings", "http://h:1/v1/embeddings"},
		{"https://h/v1", "/v1/embeddings", "https://h/v1/embeddings"},
		{"https://h/openai/v1/", "/v1/embeddings", "https://h/openai/v1/embeddings"},
		{"https://h/v1/embeddings", "/v1/embeddings", "https://h/v1/embeddings"},
		{"http://h/embed", "/embed", "http://h/embed"},
		{"http://h/api", "/api/embed", "http://h/api/embed"},
		{"http://h/tei", "embed", "http://h/tei/embed"},
		{"https://h/deploy?api-version=1", "/embeddings", "https://h/deploy/embeddings?api-version=1"},
		{"http://user:pw@h:1", "/embed", "http://h:1/embed"},
	} {
		a, err := resolve(sdk.Target{Name: "box", URL: test.url})
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if got := a.endpoint(test.path); got != test.want {
			t.Errorf("%s and %s give %s, want %s", test.url, test.path, got, test.want)
		}
	}
}

func TestATargetWithoutAUsableURLIsNamedAndNotShown(t *testing.T) {
	for _, url := range []string{"", "ftp://hunter2", "http://", "http://a b:hunter2/%zz"} {
		_, err := resolve(sdk.Target{Name: "box", URL: url})
		var target *sdk.TargetError
		if !errors.As(err, &target) || !strings.Contains(err.Error(), "box") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error is %v", url, err)
		}
	}
}

func TestCredentialsBecomeHeadersAndAreRedacted(t *testing.T) {
	for name, test := range map[string]struct {
		target sdk.Target
		header string
		secret string
	}{
		"a key":                 {sdk.Target{APIKey: "sk-hunter2"}, "Bearer sk-hunter2", "sk-hunter2"},
		"a header of their own": {sdk.Target{APIKey: "unused", Headers: map[string]string{"authorization": "Token sk-hunter2"}}, "Token sk-hunter2", "sk-hunter2"},
		"user and password":     {sdk.Target{URL: "http://me:hunter2@h:1"}, "Basic bWU6aHVudGVyMg==", "hunter2"},
		"a key in the query":    {sdk.Target{URL: "http://h:1?key=hunter2"}, "", "hunter2"},
		"another header":        {sdk.Target{Headers: map[string]string{"api-key": "hunter2"}}, "", "hunter2"},
	} {
		if test.target.URL == "" {
			test.target.URL = "http://h:1"
		}
		a, err := resolve(test.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.headers.Get("Authorization"); got != test.header {
			t.Errorf("%s: Authorization is %q, want %q", name, got, test.header)
		}
		if got := a.redact("you sent\n" + test.secret + " to us"); got != "you sent [secret] to us" {
			t.Errorf("%s: redacted text is %q", name, got)
		}
		if strings.Contains(a.label, "hunter2") {
			t.Errorf("%s: label is %q", name, a.label)
		}
	}
}
