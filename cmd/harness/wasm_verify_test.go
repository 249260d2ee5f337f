package main

import "testing"

// verified puts guests before harness plugin verify. One that loops is killed as
// in a run; without that the suite would wait minutes for each of its calls.
func (g guests) verified(t *testing.T) {
	p := g.place(t)
	p.must("plugin", "verify", g.hash)
	o := p.harness("plugin", "verify", g.guest, "--with", `plain={"do":"loop"}`, "--grant", "guest=http,sql,blob:"+p.dir, "--bound", "5s")
	if o.code != exitGate {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	wantLine(t, o.stderr, "plugin guest", "its process is killed")
	wantLine(t, o.stdout, "fail", "benchmark plain", "a closed loop of a few ops")
}
