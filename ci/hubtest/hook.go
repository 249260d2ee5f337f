package hubtest

import (
	"sync"
	"sync/atomic"
)

// hook is called at a point of requests.
type hook struct {
	on    string
	after bool
	f     func(*Call)
}

// Before calls f for requests that the pattern means (see Fault.On), when they
// have arrived and had no effect yet. f may wait, which holds up this request
// and no other, and it may change the state, which makes things happen between
// two requests of a client.
func (s *Server) Before(on string, f func(*Call)) { s.hook(hook{on: on, f: f}) }

// After calls f when a request had its effect and the answer is not sent yet.
func (s *Server) After(on string, f func(*Call)) { s.hook(hook{on: on, after: true, f: f}) }

// Once makes a hook run at the first request only. Others do not wait for it.
func Once(f func(*Call)) func(*Call) {
	var taken atomic.Bool
	return func(c *Call) {
		if taken.CompareAndSwap(false, true) {
			f(c)
		}
	}
}

func (s *Server) hook(h hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, h)
}

func (s *Server) runHooks(c *Call, after bool) {
	s.mu.Lock()
	hooks := s.hooks
	s.mu.Unlock()
	for _, h := range hooks {
		if h.after == after && hits(h.on, c) {
			h.f(c)
		}
	}
}

// A Pause holds one request up.
type Pause struct {
	reached, release chan struct{}
	once             sync.Once
}

// PauseBefore holds the next request that the pattern means before it has an
// effect, until Release.
func (s *Server) PauseBefore(on string) *Pause { return s.pause(on, false) }

// PauseAfter holds it when it had its effect, before the answer.
func (s *Server) PauseAfter(on string) *Pause { return s.pause(on, true) }

func (s *Server) pause(on string, after bool) *Pause {
	p := &Pause{reached: make(chan struct{}), release: make(chan struct{})}
	f := Once(func(*Call) {
		close(p.reached)
		<-p.release
	})
	s.hook(hook{on: on, after: after, f: f})
	return p
}

// Reached is closed when the request is held.
func (p *Pause) Reached() <-chan struct{} { return p.reached }

// Release lets the request go on.
func (p *Pause) Release() { p.once.Do(func() { close(p.release) }) }
