package db

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
)

// blockedRead reads from a connection on which nothing ever comes.
func blockedRead(c net.Conn) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		done <- err
	}()
	return done
}

func TestAnOpIsInterruptedWhenItsContextEnds(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	var g guard
	defer g.close()
	ctx, cancel := context.WithCancel(t.Context())
	for range 3 {
		if err := g.begin(ctx, ours); err != nil {
			t.Fatal(err)
		}
		if g.end() {
			t.Fatal("an op that nobody interrupted says so")
		}
	}
	if err := g.begin(ctx, ours); err != nil {
		t.Fatal(err)
	}
	read := blockedRead(ours)
	cancel()
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read ended with %v", err)
	}
	if !g.end() {
		t.Error("the interrupted op does not say so")
	}
	if err := g.begin(ctx, ours); !errors.Is(err, context.Canceled) {
		t.Errorf("an op of an ended context begins with %v", err)
	}
	g.end()
}

func TestTheEndOfAnEarlierContextInterruptsNothing(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	defer theirs.Close()
	var g guard
	defer g.close()
	for range 1000 {
		ctx, cancel := context.WithCancel(t.Context())
		if err := g.begin(ctx, ours); err != nil {
			t.Fatal(err)
		}
		if g.end() {
			t.Fatal("interrupted before its context ended")
		}
		cancel() // as at the end of a round; its watcher runs at any time from now on
	}
	if err := g.begin(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	read := blockedRead(ours)
	go func() { _, _ = theirs.Write([]byte("x")) }()
	if err := <-read; err != nil {
		t.Errorf("read ended with %v", err)
	}
	if g.end() {
		t.Error("an op was interrupted by the end of another's context")
	}
}
