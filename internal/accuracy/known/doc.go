// Package known is a server whose answers take times that are known: drawn
// from a distribution by the number of the request, cut short or prolonged by
// freezes, resets and a queue of its own, and stamped as they really were. It
// is what the accuracy suite measures harness against.
//
// It is one thread that never sleeps while somebody is connected, because a
// thread that has to be woken up is late by tens of microseconds. It is not a
// web server: it understands just as much of HTTP/1.1 as a load generator
// sends, and it is in no release.
package known

import "time"

// Spec is what a server does. The zero value answers everything at once.
type Spec struct {
	Latency Latency       `json:"latency"`
	Slots   int           `json:"slots,omitempty"`    // requests that are worked on at once, the others queue; 0: all
	Every   time.Duration `json:"every,omitempty"`    // how often the server freezes; 0: never
	Freeze  time.Duration `json:"freeze,omitempty"`   // for how long: it reads, answers and accepts nothing
	Backlog int           `json:"backlog,omitempty"`  // of the listening socket; 0: 1024
	ResetAt int           `json:"reset_at,omitempty"` // every ResetAt-th request by its index is reset; 0: none
	// Reads delays the first read of a request: the client's send takes as long,
	// if the request is larger than the socket's buffers.
	Reads time.Duration `json:"reads,omitempty"`
	Small bool          `json:"small,omitempty"` // small buffers for what is received
	Most  int           `json:"most,omitempty"`  // requests that are stamped; 0: 1,000,000
}

// Stamp is one request as the server saw it, in nanoseconds since [Log.Base].
type Stamp struct {
	Index    int64 // as the request's path says, ?i=N; its number where it says none
	Received int64 // the last of it came, as the kernel says where it does
	Answered int64 // the answer was about to be written
	Written  int64 // the answer had been written
	Injected int64 // latency that was drawn for it
	Reset    bool  // it got a reset connection instead of an answer
}

// Freeze is when the server really did not run.
type Freeze struct{ From, To int64 }

// Log is what a server knows at its end.
type Log struct {
	Base     int64 // wall clock of the stamps' zero, in ns since 1970
	Stamps   []Stamp
	Freezes  []Freeze
	Accepted int64
	Lost     int64 // requests that were not stamped, because there were more than Spec.Most
}
