package hub

import "sync"

// DryRun collects the calls that were not made. It is safe for concurrent use.
type DryRun struct {
	mu    sync.Mutex
	calls []Call
}

// Call is a call that would have changed something.
type Call struct {
	Method string
	Path   string // with the query, without the host
	Body   string // JSON; long strings in it are cut
}

// Calls are the calls so far.
func (d *DryRun) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Call(nil), d.calls...)
}
