// Package sandbox is what a WASM plugin asks its host to do for it: requests
// and statements to the benchmark's target, and files of a granted folder.
//
//	resp, err := sandbox.HTTP(sandbox.Request{Method: "GET", Path: "/search?q=x"}, buf)
//
// The host makes the call, with the credentials of harness.yaml, and stamps the
// op's clocks around it: an op that uses this package lasts as long as its
// calls. Each function needs the capability it names; a plugin that uses one
// without the grant is refused before it runs. In a plugin that is a program
// every function fails with [ErrNoSandbox]: use the client of your choice.
package sandbox

import "errors"

// Errors of this package; test for them with errors.Is. An op whose time is
// over gets context.DeadlineExceeded, and a blob that does not exist
// fs.ErrNotExist.
var (
	ErrNoSandbox = errors.New("this plugin is a program and has no sandbox around it")
	ErrTooLarge  = errors.New("the answer is larger than the buffer or the limit for results")
)

// Request is an HTTP request to the benchmark's target.
type Request struct {
	Method string
	Path   string   // below the target's url, beginning with one '/'; may have a query
	Header []string // "Name: value"; Host and Authorization are the host's
	Body   []byte
}

// Response is the target's answer.
type Response struct {
	Status int
	Body   []byte // in the caller's buffer
}
