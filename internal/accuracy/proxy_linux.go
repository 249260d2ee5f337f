package main

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A proxy passes on what comes, and what is answered only after a delay. Two
// clients of one database are comparable beside it: the delay is most of what
// they wait for, and the same for both.
type proxy struct {
	listener net.Listener
	target   string
	network  string
	delay    time.Duration
	all      sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
}

func startProxy(network, target string, delay time.Duration) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, network: network, target: target, delay: delay, conns: map[net.Conn]struct{}{}}
	p.all.Go(p.accept)
	return p, nil
}

// close ends every connection and waits for the end of all that the proxy does.
func (p *proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.conns = nil
	p.mu.Unlock()
	p.all.Wait()
}

// own makes a connection the proxy's; false when the proxy is closed.
func (p *proxy) own(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		c.Close()
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *proxy) disown(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.all.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	if !p.own(client) {
		return
	}
	defer p.disown(client)
	server, err := net.Dial(p.network, p.target)
	if err != nil || !p.own(server) {
		return
	}
	defer p.disown(server)
	p.all.Go(func() {
		pass(server, client, 0)
		server.Close() // the answers end, too
	})
	pass(client, server, p.delay)
}

// pass copies until either side ends. What is read is written after the delay.
func pass(to, from net.Conn, delay time.Duration) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if delay > 0 {
				ts := unix.NsecToTimespec(int64(delay))
				_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil) // late by tens of microseconds, for both clients
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
