package suite

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/benchharness/harness/sdk"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSecretsReachOnlyTheTargets(t *testing.T) {
	p := documentedPlan(t, "target", "search=http://u:flag-hunter2@h:1/x?token=q-hunter2")
	if got := benchmark(t, p, "api/search").Target.Spec.URL; !strings.Contains(got, "flag-hunter2") {
		t.Fatalf("the flag did not reach the target: %s", got)
	}
	doc, err := json.Marshal(p.Redacted())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(doc), "hunter2") {
		t.Errorf("a secret is in the document: %s", doc)
	}
	for _, want := range []string{`"url":"http://h:1/x"`, `"url":"postgres://db:5432/app"`, `"name":"qdrant"`} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("the document lacks %s: %s", want, doc)
		}
	}
	for _, s := range p.Settings {
		if strings.Contains(s.Value+s.Source, "hunter2") {
			t.Errorf("a secret is in setting %+v", s)
		}
	}
}

func TestNoErrorShowsASecret(t *testing.T) {
	const head = "version: 1\ntargets:\n"
	for name, config := range map[string]string{
		"wrong type of a target": head + "  a: pw-hunter2\n",
		"wrong type of targets":  "version: 1\ntargets: pw-hunter2\n",
		"wrong type of headers":  head + "  a: {headers: pw-hunter2}\n",
		"list for a key":         head + "  a: {api_key: [pw-hunter2]}\n",
		"tagged key":             head + "  a: {api_key: !x pw-hunter2}\n",
		"bad number":             head + "  a: {api_key: !!int pw-hunter2}\n",
		"bad placeholder":        head + "  a: {api_key: 'pw-hunter2${'}\n",
		"bad url":                head + "  a: {url: '::pw-hunter2'}\nsuites: {default: {benchmarks: [{use: vector/search, target: a}]}}\n",
		"expanded bad url":       head + "  a: {url: '${SECRET}'}\nsuites: {default: {benchmarks: [{use: vector/search, target: a}]}}\n",
		"bad grpc":               head + "  a: {url: 'http://h:1', grpc: pw-hunter2}\nsuites: {default: {benchmarks: [{use: vector/search, target: a}]}}\n",
		"unset beside a secret":  head + "  a: {api_key: '${SECRET}${UNSET_VARIABLE}'}\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := plan(t, map[string]string{"harness.yaml": config}, Flags{}, "SECRET=pw-hunter2")
			if err == nil {
				t.Fatal("accepted")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestAddressesAreRedacted(t *testing.T) {
	for in, want := range map[string]Target{
		"":                 {},
		"http://h:1/p":     {Spec: sdk.Target{URL: "http://u:p@h:1/p?key=k#f"}},
		"h:1":              {Spec: sdk.Target{URL: "h:1"}},
		"redacted":         {Spec: sdk.Target{URL: "u:p@h:1"}},
		"postgres://h:5/d": {Spec: sdk.Target{DSN: "postgres://u:p@h:5/d?sslpassword=s"}},
		"postgres://h:6/d": {Spec: sdk.Target{DSN: "host=h port=6 user=u password=p dbname=d"}},
		"postgres://h/":    {Spec: sdk.Target{DSN: "host=h"}},
	} {
		if got := want.Redacted().URL; got != in {
			t.Errorf("got %q, want %q", got, in)
		}
	}
	if got := (Target{Spec: sdk.Target{DSN: "host=h password='a dbname=secret'"}}).Redacted().URL; got != "redacted" {
		t.Errorf("a quoted connection string became %q", got)
	}
}
