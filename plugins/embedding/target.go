package embedding

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// address is where requests go and what identifies them, some of it secret.
type address struct {
	label   string // name and host, without secrets
	base    url.URL
	headers http.Header
	secrets *strings.Replacer
}

// resolve reads a target. Its errors show no part of the target's URL.
func resolve(t sdk.Target) (*address, error) {
	name := t.Name
	if name == "" {
		name = "unnamed"
	}
	text := t.URL
	if text != "" && !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, sdk.TargetDown(name, errors.New("it has no url, or a malformed one"), "want url: http://host:port")
	}
	a := &address{label: name + " (" + u.Scheme + "://" + u.Host + ")", base: *u, headers: http.Header{}}
	a.base.User = nil
	for k, v := range t.Headers {
		a.headers.Set(k, v)
	}
	if a.headers.Get("Authorization") == "" {
		switch {
		case t.APIKey != "":
			a.headers.Set("Authorization", "Bearer "+t.APIKey)
		case u.User != nil:
			pass, _ := u.User.Password()
			a.headers.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+pass)))
		}
	}
	a.secrets = redactor(t, u, a.headers)
	return a, nil
}

// redactor replaces what a server may repeat in its answers: keys, header
// values and what stands in the URL beside the host.
func redactor(t sdk.Target, u *url.URL, headers http.Header) *strings.Replacer {
	secrets := []string{t.APIKey}
	for _, values := range headers {
		for _, v := range values {
			_, token, _ := strings.Cut(v, " ")
			secrets = append(secrets, v, token)
		}
	}
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	if u.User != nil {
		pass, _ := u.User.Password()
		secrets = append(secrets, pass)
	}
	var pairs []string
	for _, s := range secrets {
		if len(s) >= 3 { // less is no secret, and replacing it would garble every text
			pairs = append(pairs, s, "[secret]")
		}
	}
	return strings.NewReplacer(pairs...)
}

// endpoint is the URL of a protocol's path behind the target's. A target whose
// URL already ends in the path, or in its first part as in …/v1, is not given
// it twice.
func (a *address) endpoint(path string) string {
	u := a.base
	have := strings.TrimRight(u.Path, "/")
	path = "/" + strings.TrimLeft(path, "/")
	first, rest, _ := strings.Cut(path[1:], "/")
	switch {
	case strings.HasSuffix(have, path):
		path = ""
	case rest != "" && strings.HasSuffix(have, "/"+first):
		path = "/" + rest
	}
	u.Path, u.RawPath = have+path, ""
	return u.String()
}

// redact returns a text without secrets, on one line and not too long.
func (a *address) redact(text string) string {
	text = a.secrets.Replace(text)
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}
