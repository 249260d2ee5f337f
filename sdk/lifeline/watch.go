package lifeline

import (
	"context"
	"errors"
	"time"
)

// EnvFD names the environment variable that carries the number of the inherited
// descriptor. When it is unset or empty the process has no lifeline.
const EnvFD = "HARNESS_LIFELINE_FD"

// ErrParentGone is the cause of a [Context] that ended with the lifeline.
var ErrParentGone = errors.New("the process that started this one is gone")

// Context returns a context that is cancelled, with the cause [ErrParentGone],
// when the parent is gone. From then on the process has grace to tear down;
// after that its whole process group is killed, itself included, if it leads
// that group (a process that shares its parent's group only stops being
// watched: killing there would reach strangers). A process that finishes
// earlier simply exits.
//
// Without a lifeline the context is only as cancellable as its parent.
func Context(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc, error) {
	gone, err := Watch()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(parent)
	if gone != nil {
		go func() {
			// The watch is not tied to ctx: a process that is already tearing
			// down for another reason must not hang about either.
			<-gone
			cancel(ErrParentGone)
			time.AfterFunc(grace, killOwnGroup)
		}()
	}
	return ctx, func() { cancel(context.Canceled) }, nil
}
