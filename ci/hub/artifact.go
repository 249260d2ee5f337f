package hub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Artifact is a zip file that a workflow's run left behind.
type Artifact struct {
	Repo    Repo
	ID      int64
	RunID   int64
	Name    string
	Size    int64 // bytes of the zip file, as GitHub says
	Expired bool
	Digest  string // "sha256:…" of the zip file; "" where GitHub gives none
}

// downloadTime is how many times longer than a call a download may take.
const downloadTime = 4

// Artifacts lists the artifacts of a run, at most 1,000. Their names are the
// choice of whoever ran it.
func (c *Client) Artifacts(ctx context.Context, repo Repo, run int64) ([]Artifact, error) {
	if err := repo.check(); err != nil {
		return nil, err
	}
	o := op{what: fmt.Sprintf("list the artifacts of run %d of %s", run, repo), need: "actions: read"}
	var all []Artifact
	for page := 1; page > 0 && page <= 10; {
		req, err := c.gh.NewRequest(http.MethodGet, fmt.Sprintf("repos/%s/%s/actions/runs/%d/artifacts?per_page=100&page=%d", repo.Owner, repo.Name, run, page), nil)
		if err != nil {
			return nil, explain(o, err)
		}
		// go-github's own type has no digest yet.
		var list struct {
			Artifacts []struct {
				ID      int64  `json:"id"`
				Name    string `json:"name"`
				Size    int64  `json:"size_in_bytes"`
				Expired bool   `json:"expired"`
				Digest  string `json:"digest"`
			} `json:"artifacts"`
		}
		resp, err := c.gh.Do(o.in(ctx), req, &list)
		if err != nil {
			return nil, explain(o, err)
		}
		for _, a := range list.Artifacts {
			all = append(all, Artifact{Repo: repo, ID: a.ID, RunID: run, Name: a.Name, Size: a.Size, Expired: a.Expired, Digest: a.Digest})
		}
		page = resp.NextPage
	}
	return all, nil
}

// Download gives the files of an artifact in the order of their names. It
// holds them in memory and writes none: what they are called is the choice of
// whoever made them. A name that leads upwards or to nowhere, a link, a device
// or the same name twice is an error, as is more than the limits allow.
//
// The zip file lies on another host, under an address that is valid for a
// minute. That host never gets the token.
func (c *Client) Download(ctx context.Context, a Artifact, l Limits) ([]File, error) {
	l = l.orDefault()
	if err := a.Repo.check(); err != nil {
		return nil, err
	}
	o := op{what: fmt.Sprintf("download artifact %q of run %d of %s", line(a.Name), a.RunID, a.Repo), need: "actions: read"}
	switch {
	case a.Expired:
		return nil, &GoneError{&Failure{Op: o.what, Message: "it has expired", Remedy: "run the workflow again"}}
	case a.Size > l.Zip:
		return nil, &TooLargeError{&Failure{Op: o.what, Message: fmt.Sprintf("it has %d bytes, of at most %d", a.Size, l.Zip)}}
	}
	var zipped []byte
	for attempt := 1; ; attempt++ {
		address, _, err := c.gh.Actions.DownloadArtifact(o.in(ctx), a.Repo.Owner, a.Repo.Name, a.ID, 2)
		if err != nil {
			return nil, explain(o, err)
		}
		if zipped, err = c.fetch(ctx, o, address, l.Zip); err == nil {
			break
		}
		if err := c.http.pause(ctx, attempt, err); err != nil {
			return nil, err
		}
	}
	if sum := sha256.Sum256(zipped); strings.HasPrefix(a.Digest, "sha256:") && a.Digest != "sha256:"+hex.EncodeToString(sum[:]) {
		return nil, &ServerError{&Failure{Op: o.what, Message: "it is not what its digest says", Remedy: "run this again"}}
	}
	files, err := unpack(zipped, l)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.what, err)
	}
	return files, nil
}

// fetch reads a file from another host, without a token. Its address is a
// secret for as long as it is valid, so that no error repeats it.
func (c *Client) fetch(ctx context.Context, o op, address *url.URL, limit int64) ([]byte, error) {
	broken := func(message string) error {
		return &NetworkError{&Failure{Op: o.what, Message: message, Remedy: "check the network, or run this again"}}
	}
	if err := noDowngrade(c.base)(&http.Request{URL: address}, nil); err != nil {
		return nil, &ServerError{&Failure{Op: o.what, Message: err.Error()}}
	}
	timeout := downloadTime * c.o.Timeout
	each, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(each, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, &ServerError{&Failure{Op: o.what, Message: "its address is not valid"}}
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	resp, err := c.blob.Do(req)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return nil, broken(fmt.Sprintf("the storage at %s answered %d", line(req.URL.Host), resp.StatusCode))
		}
		var body []byte
		if body, err = readUpTo(resp.Body, limit); err == nil {
			return body, nil
		}
	}
	switch {
	case errors.Is(err, errTooLarge):
		return nil, &TooLargeError{&Failure{Op: o.what, Message: fmt.Sprintf("it has more than %d bytes", limit)}}
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", o.what, ctx.Err())
	case errors.Is(err, context.DeadlineExceeded):
		return nil, broken(fmt.Sprintf("the storage sent no whole answer within %s", timeout))
	}
	return nil, broken(c.redact(line(reason(err))))
}
