//go:build linux

package machine

import (
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk/probe"
)

// deaf listens on loopback with the shortest queue there is, and accepts nobody.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 1); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: at.(*syscall.SockaddrInet4).Port}).String()
}

func TestAListenQueueThatOverflowsIsNamedAsItHappens(t *testing.T) {
	w := Begin()
	if !w.hasTCP {
		t.Skip("this system has no counters of TCP: /proc/net/snmp is missing; run it on Linux")
	}
	addr := deaf(t)
	ctx := t.Context()
	var dials sync.WaitGroup
	stop := make(chan struct{})
	for range 16 {
		dials.Go(func() {
			d := net.Dialer{Timeout: 15 * time.Second}
			if c, err := d.DialContext(ctx, "tcp", addr); err == nil {
				<-stop
				c.Close()
			}
		})
	}
	deadline := time.After(15 * time.Second)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var got []string
	for !slices.Contains(got, "listen_overflow") || !slices.Contains(got, "retransmits") {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("16 connections to a queue of one: findings %v, want listen_overflow and retransmits", got)
		}
		got = codes(t, w.Findings(probe.Series{}))
	}
	for _, f := range w.Findings(probe.Series{}) {
		if f.Code == "listen_overflow" && !strings.Contains(f.Message, "full accept queue") {
			t.Errorf("%s", f.Message)
		}
		t.Log(f.Message)
	}
	close(stop)
}
