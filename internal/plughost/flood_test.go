package plughost

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/wire"
)

// allocated is how many bytes this process allocates while f runs.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A plugin can send as much as it likes: none of it piles up here.
func TestAFloodOfOutputIsReadAndDropped(t *testing.T) {
	var err error
	if n := allocated(func() {
		o := options("floods stdout")
		o.StartTimeout = time.Minute
		var p *Plugin
		if p, err = Start(context.Background(), o); err == nil {
			p.Stop()
		}
	}); n > flooded/4 {
		t.Errorf("a line of %d MiB before the handshake takes %d MiB", flooded>>20, n>>20)
	}
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Problem, "to stdout before the handshake") || len(e.Problem) > 1000 {
		t.Errorf("error is %v", err)
	}
	if n := allocated(func() {
		p := start(t, options("floods stderr"))
		if _, err = p.Describe(context.Background()); err != nil {
			t.Error(err)
		}
		poll(t, "all of it to be read", func() bool { return slices.Contains(p.tail.Lines(), "done") })
		p.Stop()
	}); n > flooded/4 {
		t.Errorf("a log line of %d MiB takes %d MiB", flooded>>20, n>>20)
	}
}

// The length that a message has is checked before it is read.
func TestAMessageOverTheLimitIsRefusedUnread(t *testing.T) {
	for role, call := range map[string]func(*Plugin) error{
		"huge description": func(p *Plugin) error {
			_, err := p.Describe(context.Background())
			return err
		},
		"huge result": func(p *Plugin) error {
			_, err := p.Round(context.Background(), "s", fewOps, nil)
			return err
		},
	} {
		p := start(t, options(role))
		var err error
		if n := allocated(func() { err = call(p) }); n > wire.MaxMessage/2 {
			t.Errorf("%s takes %d MiB here", role, n>>20)
		}
		if err == nil || !strings.Contains(err.Error(), "message larger than max") || !strings.HasPrefix(err.Error(), "plugin actor: ") {
			t.Errorf("%s: error is %v", role, err)
		}
		p.Stop()
	}
}

func TestAHandshakeThatDribblesIsOverWhenItsTimeIs(t *testing.T) {
	o := options("dribbles")
	o.StartTimeout = 500 * time.Millisecond
	_, err := Start(context.Background(), o)
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("error is %v", err)
	}
}

func TestAPluginThatLeavesItsSocketInMidRoundIsKilled(t *testing.T) {
	p := start(t, options("leaves the socket in mid-round"))
	_, err := p.Round(context.Background(), "s", fewOps, nil)
	if err == nil || !strings.HasPrefix(err.Error(), "plugin actor broke the connection while running a round: ") {
		t.Errorf("error is %v", err)
	}
	wait(t, p.child.Load().Done(), "the process to end")
	if _, err := p.Prepare(context.Background(), "s", "fine", sdk.SetupRequest{}); err == nil {
		t.Error("it can be used again")
	}
}
