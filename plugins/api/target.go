package api

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/benchharness/harness/sdk"
)

// endpoint is a resolved address: where requests go, what is added to them,
// and what must not be shown.
type endpoint struct {
	label   string // name and address, without secrets
	url     *url.URL
	headers map[string]string // of the target; values are secret
	secrets redactor
}

// redactor replaces secrets in texts that people see.
type redactor struct{ r *strings.Replacer }

func newRedactor(secrets []string) redactor {
	var pairs []string
	for _, s := range secrets {
		if len(s) < 3 {
			continue // too short to be one, and to be replaced without damage
		}
		pairs = append(pairs, s, "[secret]")
	}
	return redactor{strings.NewReplacer(pairs...)}
}

// text returns s with the secrets replaced.
func (r redactor) text(s string) string { return r.r.Replace(s) }

// error returns err with the secrets replaced in its text, and its class.
func (r redactor) error(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); r.text(text) != text {
		return sdk.Classify(sdk.Class(err), &redactedError{r.text(text), err})
	}
	return err
}

// redactedError is an error with another text.
type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }

// resolve finds where the requests of a scenario go: to the absolute URL if
// there is one, and otherwise to the target, with path behind its URL. Headers
// and key of the target are sent to the target only. It returns the path that
// is left to be put behind the endpoint's URL.
func resolve(t sdk.Target, absolute, path string) (*endpoint, string, error) {
	if absolute != "" {
		base, rest := splitURL(absolute)
		u, err := parseURL(base)
		if err != nil {
			return nil, "", sdk.BadParam("url", "is malformed; want http://host:port/path")
		}
		e := &endpoint{label: "url " + address(u), url: u}
		e.takeUser(nil)
		return e, rest, nil
	}
	if t.URL == "" {
		return nil, "", sdk.BadParam("url", "is absent and the scenario has no target with a URL; set target, or url")
	}
	base, err := parseURL(t.URL)
	if err != nil {
		return nil, "", sdk.TargetDown(targetName(t), errors.New("its url is malformed"), "want http://host:port")
	}
	e := &endpoint{label: fmt.Sprintf("%s (%s)", targetName(t), address(base)), url: base, headers: map[string]string{}}
	for k, v := range t.Headers {
		e.headers[k] = v
	}
	if _, given := lookupFold(e.headers, "Authorization"); t.APIKey != "" && !given {
		e.headers["Authorization"] = "Bearer " + t.APIKey
	}
	secrets := []string{t.APIKey}
	for _, values := range base.Query() {
		secrets = append(secrets, values...)
	}
	e.takeUser(secrets)
	return e, path, nil
}

// splitURL separates scheme and host of a URL from what comes behind them,
// where placeholders may stand.
func splitURL(s string) (base, path string) {
	from := 0
	if i := strings.Index(s, "://"); i >= 0 {
		from = i + len("://")
	}
	if i := strings.IndexAny(s[from:], "/?"); i >= 0 {
		return s[:from+i], s[from+i:]
	}
	return s, ""
}

// takeUser moves user and password from the URL to a header, and collects
// what has to be kept secret.
func (e *endpoint) takeUser(secrets []string) {
	if u := e.url.User; u != nil {
		pass, _ := u.Password()
		basic := base64.StdEncoding.EncodeToString([]byte(u.Username() + ":" + pass))
		if _, given := lookupFold(e.headers, "Authorization"); !given {
			if e.headers == nil {
				e.headers = map[string]string{}
			}
			e.headers["Authorization"] = "Basic " + basic
		}
		secrets = append(secrets, u.String(), pass, basic)
		e.url.User = nil
	}
	for _, v := range e.headers {
		secrets = append(secrets, v)
		if i := strings.LastIndexByte(v, ' '); i >= 0 {
			secrets = append(secrets, v[i+1:]) // the token behind "Bearer "
		}
	}
	e.secrets = newRedactor(secrets)
}

func lookupFold(m map[string]string, name string) (string, bool) {
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

func targetName(t sdk.Target) string {
	if t.Name == "" {
		return "unnamed"
	}
	return t.Name
}

// parseURL reads an absolute URL, or host:port as http. Its errors hold no
// part of the text, which may be secret.
func parseURL(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("malformed URL")
	}
	return u, nil
}

// address is the part of a URL that holds no secret.
func address(u *url.URL) string { return u.Scheme + "://" + u.Host }

// urlTemplate puts a path, with its query and its placeholders, behind the
// endpoint's URL.
func (e *endpoint) urlTemplate(t *templates, path string) (template, error) {
	p, query, _ := strings.Cut(path, "?")
	prefix := address(e.url) + strings.TrimRight(e.url.EscapedPath(), "/")
	if p = strings.TrimLeft(p, "/"); p != "" || e.url.Path == "" {
		prefix += "/"
	}
	out, err := t.compile(p, asPath)
	if err != nil {
		return nil, err
	}
	behind, err := t.compile(query, asQuery)
	if err != nil {
		return nil, err
	}
	out = append(template{{literal: prefix, column: -1}}, out...)
	separator := "?"
	if e.url.RawQuery != "" {
		out.literal("?" + e.url.RawQuery)
		separator = "&"
	}
	if query != "" {
		out.literal(separator)
		out = append(out, behind...)
	}
	for i := range out {
		out[i].literal = escapeLoose(out[i].literal)
	}
	return out, nil
}

// escapeLoose escapes what may not stand in a URL as it is: people write
// spaces and umlauts into a query.
func escapeLoose(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unfit turns the error of a setup's first request into one that says why the
// target cannot be measured.
func unfit(ctx context.Context, label string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // the setup was given up, which says nothing about the target
	}
	class := sdk.Class(err)
	if class == "grpc_unavailable" && strings.Contains(err.Error(), "handshake failed") {
		class = "tls" // grpc-go tells it in the text only
	}
	switch class {
	case "http_401", "http_403", "grpc_unauthenticated", "grpc_permission_denied":
		return sdk.TargetDown(label, fmt.Errorf("authentication refused: %w", err), "check api_key and headers of the target")
	case "connect", "dns", "reset", "timeout", "grpc_unavailable", "grpc_deadline_exceeded":
		return sdk.TargetDown(label, fmt.Errorf("no answer (%s): %w", class, err), "start it, or check the target's url")
	case "tls":
		return sdk.TargetDown(label, err, "check the certificate, or set tls_insecure: true for a self-signed one")
	case "http_404", "grpc_unimplemented":
		return sdk.TargetDown(label, fmt.Errorf("the first request failed: %w", err), "check the path or method")
	default:
		return sdk.TargetDown(label, fmt.Errorf("the first request failed: %w", err), "check the request, and what is expected of its answer")
	}
}
