package abi

import "time"

// Module is the name of the module that the host's functions are imported from.
const Module = "harness_v1"

// Exports of a guest.
const (
	Memory     = "memory"
	Initialize = "_initialize"
	Describe   = "harness_v1_describe"
	SetUp      = "harness_v1_setup"
	Op         = "harness_v1_op"
	TearDown   = "harness_v1_teardown"
)

// Codes that imports return in place of a length.
const (
	Fault    = -1 // a pointer and its length are not inside the guest's memory
	TooLarge = -2 // more bytes than the limit for results, replies or the log
	NotFound = -3 // no such key, parameter or blob
	Invalid  = -4 // an argument is malformed; last_error says which
	Stopped  = -5 // the op's time is over
	Failed   = -6 // the target or the host failed; last_error says how
	NotNow   = -7 // not allowed in the export that is running
)

// Classes of ops that the host fails.
const (
	ClassABI   = "abi"   // a pointer out of range, an import at the wrong time
	ClassLimit = "limit" // a reply or a log over its limit
)

// Tick is how far a clock that was not granted moves with every reading.
const Tick = time.Microsecond

// Capabilities that imports may need.
const (
	Clock = "clock" // the machine's clock in place of a made one
	HTTP  = "http"  // http_do
	SQL   = "sql"   // sql_query
	Blob  = "blob"  // blob_read
)

// Import is one function of [Module].
type Import struct {
	Name       string
	Params     string // one letter per parameter: i is i32, l is i64, d is f64
	Result     string // the same
	Capability string // "" when it needs none
}

// Imports are all functions of [Module].
var Imports = []Import{
	{"now", "", "l", ""},
	{"log", "iii", "i", ""},
	{"config_get", "iiii", "i", ""},
	{"reply", "ii", "i", ""},
	{"record", "id", "i", ""},
	{"should_stop", "", "i", ""},
	{"http_do", "iiiiiiiiii", "l", HTTP},
	{"sql_query", "iiiiii", "i", SQL},
	{"blob_read", "iilii", "i", Blob},
}
