package http1

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// idle looks after the connections that nothing happens on, while a client is
// about.
var idle struct {
	epoch atomic.Uint32 // tenths of a second: to know without reading a clock that something took long

	mu    sync.Mutex
	users int
	stop  chan struct{}
	lines map[*line]struct{}
}

// patience is after how many epochs without an answer a line is nudged.
const patience = 3

// Idle starts to look after connections on which nothing happens. One that the
// server closed between two requests is noticed before the second, and opened
// anew; one that is closed while an answer is waited for is noticed even where
// the system does not wake who waits. The function it returns ends that.
func Idle() (stop func()) {
	idle.mu.Lock()
	defer idle.mu.Unlock()
	if idle.users++; idle.users == 1 {
		idle.stop = make(chan struct{})
		if idle.lines == nil { // a client may outlive who looked after it, and is looked after again
			idle.lines = make(map[*line]struct{})
		}
		go tick(idle.stop)
	}
	return sync.OnceFunc(func() {
		idle.mu.Lock()
		defer idle.mu.Unlock()
		if idle.users--; idle.users == 0 {
			close(idle.stop)
		}
	})
}

func tick(stop chan struct{}) {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			nudgeSlow(idle.epoch.Add(1))
		case <-stop:
			return
		}
	}
}

// nudgeSlow nudges the lines that have waited for long. A line's lock is taken
// before that of idle, never after it.
func nudgeSlow(now uint32) {
	var slow []*line
	idle.mu.Lock()
	for l := range idle.lines {
		if since := l.waits.Load(); since != 0 && now-uint32(since-1) >= patience {
			slow = append(slow, l)
		}
	}
	idle.mu.Unlock()
	for _, l := range slow {
		l.nudge()
	}
}

// watched adds a line to those that are looked after. It is false while nobody
// does.
func watched(l *line) bool {
	idle.mu.Lock()
	defer idle.mu.Unlock()
	if idle.users == 0 {
		return false
	}
	idle.lines[l] = struct{}{}
	return true
}

func unwatched(l *line) {
	idle.mu.Lock()
	defer idle.mu.Unlock()
	delete(idle.lines, l)
}

// nudge wakes the goroutine that waits in a turn, by a deadline that is over.
func (l *line) nudge() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.waits.Load() == 0 || l.ctx == nil || l.ctx.Err() != nil {
		return
	}
	l.nudged = true
	_ = l.conn.SetReadDeadline(past) // a connection that is closed has ended, too
}

// nudgedBy says that err comes from a nudge and nothing else, and ends that.
func (l *line) nudgedBy(err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.nudged || l.ctx == nil || l.ctx.Err() != nil {
		return false
	}
	l.nudged = false
	return l.conn.SetReadDeadline(time.Time{}) == nil
}

// read reads from the connection, whatever nudges.
func (l *line) read(b []byte) (int, error) {
	for {
		n, err := l.conn.Read(b)
		if n == 0 && err != nil && l.nudgedBy(err) {
			continue
		}
		return n, err
	}
}
