package hub

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/benchharness/harness/internal/result"
)

// DryRun collects the calls that were not made. It is safe for concurrent use.
type DryRun struct {
	mu    sync.Mutex
	calls []Call
}

// Call is a call that would have changed something.
type Call struct {
	Method string
	Path   string // with the query, without the host
	Body   string // JSON; long texts in it are cut, "" is none
}

// String is one line.
func (c Call) String() string { return strings.TrimSpace(c.Method + " " + c.Path + " " + c.Body) }

// Calls are the calls so far.
func (d *DryRun) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// recorder answers by itself what would change something.
type recorder struct {
	into *DryRun
	next http.RoundTripper
}

func (t recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet || req.Method == http.MethodHead || opOf(req.Context()).reads {
		return t.next.RoundTrip(req)
	}
	var sent []byte
	if req.Body != nil {
		var err error
		sent, err = io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	t.into.mu.Lock()
	t.into.calls = append(t.into.calls, Call{req.Method, req.URL.RequestURI(), shorten(sent)})
	t.into.mu.Unlock()
	status, body := http.StatusOK, "{}"
	switch req.Method {
	case http.MethodPost:
		status = http.StatusCreated
	case http.MethodDelete:
		status, body = http.StatusNoContent, ""
	}
	return &http.Response{
		Status: http.StatusText(status), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), Request: req,
	}, nil
}

// maxText is how much of a text a recorded call shows, in bytes.
const maxText = 100

// shorten writes JSON on one line, with long texts cut and long lists ended.
func shorten(sent []byte) string {
	if len(bytes.TrimSpace(sent)) == 0 {
		return ""
	}
	var v any
	if json.Unmarshal(sent, &v) != nil {
		return result.Printable(string(sent), maxText)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if enc.Encode(cut(v)) != nil {
		return ""
	}
	return strings.TrimSpace(out.String())
}

func cut(v any) any {
	switch v := v.(type) {
	case string:
		return result.Printable(strings.Join(strings.Fields(v), " "), maxText)
	case map[string]any:
		for k := range v {
			v[k] = cut(v[k])
		}
	case []any:
		const most = 3
		for i := range v[:min(len(v), most)] {
			v[i] = cut(v[i])
		}
		if len(v) > most {
			return append(v[:most:most], "…")
		}
	}
	return v
}
