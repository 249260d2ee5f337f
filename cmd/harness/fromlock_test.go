package main

import "testing"

func TestAPathInALockfileIsRelativeToIt(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{"./plugin", "../plugin"},
		{"conf/plugin.zip", "./plugin.zip"},
		{"../plugin", "../../plugin"},
		{"/w/conf/sub/plugin", "./sub/plugin"},
		{"/elsewhere/plugin", "/elsewhere/plugin"},
		{"github.com/acme/hash@v1", "github.com/acme/hash@v1"},
		{"https://example.com/x.zip", "https://example.com/x.zip"},
	} {
		if got := fromLock("/w", "/w/conf", tt.source); got != tt.want {
			t.Errorf("%s is written as %s, want %s", tt.source, got, tt.want)
		}
	}
}
