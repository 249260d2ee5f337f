package wire

// The handshake of a plugin process, as go-plugin does it.
const (
	// ProtocolVersion is the version of sdk/proto that this sdk speaks. A
	// process answers with the highest version both sides know.
	ProtocolVersion = 1
	// CookieKey and CookieValue are in the environment of a process that the
	// harness started as a plugin. They are no secret: they only tell a plugin
	// started by hand to explain itself.
	CookieKey   = "HARNESS_PLUGIN_COOKIE"
	CookieValue = "b6f4c1e2-harness-benchmark-plugin"
	// ServiceName is the name of the one service, for go-plugin's dispenser.
	ServiceName = "plugin"
	// MaxMessage bounds a message in bytes: far above four histograms.
	MaxMessage = 64 << 20
)
