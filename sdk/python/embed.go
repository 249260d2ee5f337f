// Package python has the sdk for plugins in Python, for a project to take with
// it: package harness_plugin, and what it requires. It is not on an index of
// Python packages.
package python

import "embed"

// Files are harness_plugin and requirements.txt.
//
//go:embed harness_plugin/*.py requirements.txt
var Files embed.FS
