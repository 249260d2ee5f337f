package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/benchharness/harness/internal/store"
)

// outFolder is the folder that belongs to a run document: its own, or the
// working directory if it goes to a pipe or a device such as /dev/stdout.
func outFolder(out string) string {
	if info, err := os.Stat(out); err == nil && !info.Mode().IsRegular() {
		return "."
	}
	return filepath.Dir(out)
}

// reportBase is the path of the reports beside a run document, without ending.
func reportBase(out string) string { return filepath.Join(outFolder(out), reportName) }

// lockOutput keeps a second run out of the folder that this one writes to, and
// finds out whether it can be written to before anything is measured.
func lockOutput(out string, reports ...string) (*store.FolderLock, error) {
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return nil, usage("the run document cannot be written to %s, which is a folder; name a file in it with --out", out)
	}
	for _, format := range reports {
		// The JSON report is the run document, and may well be the same file.
		if path := reportBase(out) + extensions[format]; format != "json" && path == filepath.Clean(out) {
			return nil, usage("the %s report would replace the run document %s; name another file with --out", format, out)
		}
	}
	lock, err := store.Lock(outFolder(out))
	if err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return nil, &exit{exitUsage, err}
	}
	return lock, err
}
