//go:build !wasip1

package sandbox

import "time"

// HTTP sends a request and reads the answer into buf. It needs the capability
// http.
func HTTP(Request, []byte) (Response, error) { return Response{}, ErrNoSandbox }

// Query runs one SQL statement with arguments that can be JSON, and returns
// its rows as a JSON array of arrays, in buf. It needs the capability sql.
func Query(string, []any, []byte) ([]byte, error) { return nil, ErrNoSandbox }

// ReadBlob reads from a file of the granted folder into buf, from offset on.
// It returns how much it read, 0 at the end. It needs the capability blob.
func ReadBlob(string, int64, []byte) (int, error) { return 0, ErrNoSandbox }

// Now is the guest's monotonic clock: the machine's with the capability clock,
// else one that moves with every reading.
func Now() time.Duration { return 0 }
