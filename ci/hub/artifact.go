package hub

import "context"

// Artifact is a zip file that a workflow's run left behind.
type Artifact struct {
	Repo    Repo
	ID      int64
	RunID   int64
	Name    string
	Size    int64 // bytes of the zip file
	Expired bool
	Digest  string // "sha256:…" of the zip file; "" where GitHub gives none
}

// Limits bound what an artifact may hold. 0 is the default.
type Limits struct {
	Zip   int64 // bytes of the zip file; default 64 MiB
	Total int64 // bytes of all files, unpacked; default 256 MiB
	File  int64 // bytes of one file, unpacked; default 64 MiB
	Files int   // default 1,000
}

// File is a file of an artifact.
type File struct {
	Name string // relative, slashes, never upwards
	Data []byte
}

// Artifacts lists the artifacts of a run, at most 1,000.
func (c *Client) Artifacts(ctx context.Context, repo Repo, run int64) ([]Artifact, error) {
	return nil, errUnfinished
}

// Download gives the files of an artifact in the order of their names. It
// holds them in memory and writes none: what they are called is the choice of
// whoever made them. A name that leads upwards or to nowhere, a link, a device
// or the same name twice is an error, as is more than the limits allow.
func (c *Client) Download(ctx context.Context, a Artifact, l Limits) ([]File, error) {
	return nil, errUnfinished
}
