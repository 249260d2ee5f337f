package result

import "testing"

func TestPlainKeepsWhatAMessageSaysAndDropsHowGoSaysIt(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"dial tcp 127.0.0.1:9: connect: connection refused", "dial tcp 127.0.0.1:9: connect: connection refused"},
		{"given up: context deadline exceeded", "given up: timed out"},
		{"Get: context deadline exceeded (Client.Timeout exceeded while awaiting headers)", "Get: timed out"},
		{"prepare: context canceled", "prepare: cancelled"},
		{"read: unexpected EOF", "read: the connection was closed"},
		{"http: EOF", "http: the connection was closed"},
		{"GEOFENCE", "GEOFENCE"},
		{"rpc error: code = NotFound desc = no collection docs", "NotFound: no collection docs"},
		{`rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial tcp [::1]:9: connect: connection refused"`,
			"Unavailable: dial tcp [::1]:9: connect: connection refused"},
		{"failed to connect:\n\tfirst\n\tsecond\n", "failed to connect: first second"},
	} {
		if got := Plain(c.in); got != c.want {
			t.Errorf("Plain(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}
