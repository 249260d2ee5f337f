package postgres

import "fmt"

// Unavailable says that this machine has no PostgreSQL to start and why. A
// benchmark reports it as "not measured", not as a failure.
type Unavailable struct {
	Reason string // one line or, with one cause for each place that was tried, several
	Remedy string // what a person can do about it
	Err    error  // the last cause, may be nil
}

func (u *Unavailable) Error() string {
	return fmt.Sprintf("no PostgreSQL server: %s; %s", u.Reason, u.Remedy)
}

func (u *Unavailable) Unwrap() error { return u.Err }

// WrongDigest says that a fetched or cached archive is not the one this version
// of harness was made with. Nothing of it was unpacked.
type WrongDigest struct {
	From      string // where it came from
	Got, Want string // SHA-256, in hexadecimal
}

func (w *WrongDigest) Error() string {
	return fmt.Sprintf("%s has sha256 %s, want %s: refused, nothing was unpacked", w.From, w.Got, w.Want)
}

// PortTaken says that the TCP port asked for is in use.
type PortTaken struct {
	Port int
	Err  error
}

func (p *PortTaken) Error() string {
	return fmt.Sprintf("start PostgreSQL: port %d of 127.0.0.1 cannot be used: %v; name another port, or 0 for a free one", p.Port, p.Err)
}

func (p *PortTaken) Unwrap() error { return p.Err }
