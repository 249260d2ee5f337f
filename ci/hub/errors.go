package hub

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Failure is what every error of a call says. The types below hold one each
// and tell callers apart what happened; errors.As finds it in all of them.
type Failure struct {
	Op      string // what was being done, such as "list the comments on o/r#7"
	Status  int    // of HTTP; 0 where there was no answer
	Message string // the server's own words, one line, cut
	Remedy  string // what a person can do about it; "" is nothing
	Err     error  // the cause below; may be nil
	// after is how long the server asks to wait; 0 is nothing said.
	after time.Duration
}

// Error is one line.
func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(f.Op)
	if f.Status != 0 {
		fmt.Fprintf(&b, ": GitHub answered %d", f.Status)
	}
	if f.Message != "" {
		b.WriteString(": " + f.Message)
	}
	if f.Remedy != "" {
		b.WriteString("; " + f.Remedy)
	}
	return b.String()
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }

// As gives the Failure itself to whoever looks for one in a type below.
func (f *Failure) As(target any) bool {
	t, ok := target.(**Failure)
	if ok {
		*t = f
	}
	return ok
}

func (f *Failure) failure() *Failure { return f }

// typed is any of the types below, and Failure.
type typed interface {
	error
	failure() *Failure
}

type (
	// AuthError says that the token is wrong, has expired or was revoked (401).
	AuthError struct{ *Failure }
	// PermissionError says that the token may not do this (403).
	PermissionError struct{ *Failure }
	// LockedError says that the conversation is locked for this token (403).
	LockedError struct{ *Failure }
	// NotFoundError says that it does not exist, or that the token cannot see it
	// (404).
	NotFoundError struct{ *Failure }
	// ConflictError says that it changed at the same time (409).
	ConflictError struct{ *Failure }
	// GoneError says that it was there and is not any more (410), such as an
	// artifact that has expired.
	GoneError struct{ *Failure }
	// InvalidError says that GitHub refuses what was sent (422 and others).
	InvalidError struct{ *Failure }
	// ServerError says that GitHub failed (5xx), or answered with something that
	// it never answers with.
	ServerError struct{ *Failure }
	// NetworkError says that there was no answer, or half of one.
	NetworkError struct{ *Failure }
	// TooLargeError says that what there is to read is more than the bot takes.
	TooLargeError struct{ *Failure }
)

// LimitError says that there were too many calls (403, 429), and that waiting
// would take longer than the client may wait.
type LimitError struct {
	*Failure
	Secondary bool          // a limit on how fast, not on how many in an hour
	Wait      time.Duration // until the next call may succeed
}

// HeadMovedError says that the pull request has other commits by now, so that
// what was measured is not what would be merged.
type HeadMovedError struct {
	Pull Pull
	Want string // the commit that was measured
}

func (e *HeadMovedError) Error() string {
	return fmt.Sprintf("find the pull request: the head of %s#%d is %.12s by now, not %.12s: the run of that commit will report",
		e.Pull.Repo, e.Pull.Number, e.Pull.HeadSHA, e.Want)
}

// AmbiguousPullError says that several open pull requests have the same head.
type AmbiguousPullError struct {
	Head  Head
	Pulls []Pull
}

func (e *AmbiguousPullError) Error() string {
	numbers := make([]string, len(e.Pulls))
	for i, p := range e.Pulls {
		numbers[i] = fmt.Sprintf("#%d", p.Number)
	}
	return fmt.Sprintf("find the pull request: %s:%s is the head of %s; name one with --pr",
		line(e.Head.Owner), line(e.Head.Branch), strings.Join(numbers, ", "))
}

// unsent marks an error of a request that never left: whatever it would have
// done, it did not, so that it can be sent again.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

func isUnsent(err error) bool {
	var u unsent
	return errors.As(err, &u)
}

// absent says that an error means: there is no such thing here, or not for
// this token.
func absent(err error) bool {
	var missing *NotFoundError
	var gone *GoneError
	return errors.As(err, &missing) || errors.As(err, &gone)
}

// forbidden says that an error means that the token may not do this, or cannot
// see where to do it.
func forbidden(err error) bool {
	var denied *PermissionError
	return errors.As(err, &denied) || absent(err)
}
