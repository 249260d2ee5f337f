package pluginv1

import _ "embed"

// Source is plugin.proto, from which plugins in other languages are built.
//
//go:embed plugin.proto
var Source []byte
