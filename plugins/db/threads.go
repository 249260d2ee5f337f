package db

import (
	"net/netip"
	"runtime"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// threadsFor is how many threads of the client run at a time in a closed round,
// as pgbench's -j: as asked, or half of the CPUs where the server is on this
// machine and wants the others. With more, each answer may wake a second thread
// which looks for work, finds none and sleeps: half of the client's CPU time.
func threadsFor(asked int, c *pgconn.Config) int {
	switch cpus := runtime.NumCPU(); {
	case asked > 0:
		return asked
	case here(c):
		return max(1, cpus/2)
	default:
		return cpus
	}
}

// here says that the server is on this machine, as far as its address tells.
func here(c *pgconn.Config) bool {
	if strings.HasPrefix(c.Host, "/") || c.Host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(c.Host)
	return err == nil && a.IsLoopback()
}

// ready counts the rounds that run now, which share the process.
var ready struct {
	mu     sync.Mutex
	rounds int
	before int // threads without them
}

// ReadyRound limits the threads for the length of a closed round. An open one
// needs one that keeps its schedule.
func (s *session) ReadyRound(open bool) (after func()) {
	if open {
		return func() {}
	}
	ready.mu.Lock()
	defer ready.mu.Unlock()
	if before := runtime.GOMAXPROCS(0); ready.rounds == 0 {
		ready.before = before
		if s.threads != before {
			runtime.GOMAXPROCS(s.threads)
		}
	}
	ready.rounds++
	return func() {
		ready.mu.Lock()
		defer ready.mu.Unlock()
		if ready.rounds--; ready.rounds == 0 && runtime.GOMAXPROCS(0) != ready.before {
			runtime.GOMAXPROCS(ready.before)
		}
	}
}
