package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAFolderIsShownWithWhereItLeads(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir()) // macOS has links above it
	if err != nil {
		t.Fatal(err)
	}
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.Mkdir(real, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{real: real, link: link + ", a link to " + real, filepath.Join(dir, "absent"): filepath.Join(dir, "absent")} {
		if is := led(path); is != want {
			t.Errorf("%s is shown as %q, want %q", path, is, want)
		}
	}
}
