package known

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	defaultMost = 1_000_000
	longest     = 10 * time.Millisecond // of a sleep: Stop is looked for as often
	readSize    = 64 << 10
)

var answer = []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")

type conn struct {
	fd    int
	buf   []byte
	skip  int   // bytes of a body that are still to come
	until int64 // it is not read before; 0: it is
	held  head  // of the request whose body is to come

	gone bool
}

// Server is a server that listens. It is for one goroutine, but for Stop.
type Server struct {
	spec   Spec
	base   time.Time
	listen int
	poll   int
	timer  int
	addr   netip.AddrPort
	stop   atomic.Bool

	conns  map[int]*conn
	due    dues
	queue  []waiting // for a slot
	active int
	late   []*conn // that are not read yet: Spec.Reads
	last   int64   // when something was received
	count  uint64
	frozen int64 // freezes so far
	log    Log
	scrap  []byte
	oob    [64]byte // room for one time of the kernel's
	came   int64    // when the kernel received what was read last
}

// Listen opens a server on a free port of 127.0.0.1. Serve has to be called.
func Listen(spec Spec) (*Server, error) {
	if spec.Most == 0 {
		spec.Most = defaultMost
	}
	if spec.Backlog == 0 {
		spec.Backlog = 1024
	}
	s := &Server{spec: spec, conns: map[int]*conn{}, scrap: make([]byte, readSize)}
	s.log.Stamps = make([]Stamp, 0, spec.Most)
	var err error
	if s.listen, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	if spec.Small { // before listen: connections inherit it
		_ = unix.SetsockoptInt(s.listen, unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10)
	}
	if err := s.open(); err != nil {
		_ = unix.Close(s.listen)
		return nil, err
	}
	return s, nil
}

func (s *Server) open() error {
	if err := unix.Bind(s.listen, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("bind 127.0.0.1: %w", err)
	}
	if err := unix.Listen(s.listen, s.spec.Backlog); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	own, err := unix.Getsockname(s.listen)
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	s.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(own.(*unix.SockaddrInet4).Port))
	if s.poll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("open epoll: %w", err)
	}
	if s.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return fmt.Errorf("open a timer: %w", err)
	}
	if err := s.watch(s.timer); err != nil {
		return err
	}
	return s.watch(s.listen)
}

func (s *Server) watch(fd int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(s.poll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
		return fmt.Errorf("watch a socket: %w", err)
	}
	return nil
}

// Address is host:port.
func (s *Server) Address() string { return s.addr.String() }

// Stop makes Serve return soon.
func (s *Server) Stop() { s.stop.Store(true) }

func (s *Server) now() int64 { return int64(time.Since(s.base)) }

// Serve serves until Stop, on the caller's thread, with the garbage collector
// off: it allocates for new connections alone.
func (s *Server) Serve() (*Log, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	s.base = time.Now()
	s.log.Base = s.base.UnixNano()
	events := make([]unix.EpollEvent, 256)
	defer s.close()
	for !s.stop.Load() {
		now := s.now()
		if s.freeze(now) {
			continue
		}
		for len(s.due) > 0 && s.due[0].due <= now {
			s.finish(s.due.pop())
			now = s.now()
		}
		s.wakeReaders(now)
		if err := s.alarm(now); err != nil {
			return nil, err
		}
		n, err := unix.EpollWait(s.poll, events, int(longest/time.Millisecond))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("wait for sockets: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if int(e.Fd) == s.listen {
				s.accept()
			} else if int(e.Fd) == s.timer {
				_, _ = unix.Read(s.timer, s.scrap[:8])
			} else if c := s.conns[int(e.Fd)]; c != nil {
				s.read(c)
			}
		}
	}
	return &s.log, nil
}

// alarm has the wait for sockets end when the next thing is due. A server that
// polled instead would take a processor from the client; that it wakes up some
// tens of microseconds late is in its stamps.
func (s *Server) alarm(now int64) error {
	next := now + int64(longest)
	if len(s.due) > 0 {
		next = min(next, s.due[0].due)
	}
	for _, c := range s.late {
		next = min(next, c.until)
	}
	if s.spec.Every > 0 && s.last != 0 {
		next = min(next, (s.frozen+1)*int64(s.spec.Every))
	}
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(max(next-s.now(), 1))}
	if err := unix.TimerfdSettime(s.timer, 0, &at, nil); err != nil {
		return fmt.Errorf("set a timer: %w", err)
	}
	return nil
}

// freeze sleeps through a freeze that is due.
func (s *Server) freeze(now int64) bool {
	if s.spec.Every <= 0 || s.last == 0 {
		return false
	}
	k := now / int64(s.spec.Every)
	if k <= s.frozen {
		return false
	}
	s.frozen = k
	sleepUntil(s.base, time.Duration(now)+s.spec.Freeze)
	s.log.Freezes = append(s.log.Freezes, Freeze{now, s.now()})
	return true
}

// sleepUntil sleeps, and spins through the end of it.
func sleepUntil(base time.Time, at time.Duration) {
	const spin = 200 * time.Microsecond
	if left := at - time.Since(base) - spin; left > 0 {
		ts := unix.NsecToTimespec(int64(left))
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil) // cut short, the rest is spun
	}
	for time.Since(base) < at {
	}
}

func (s *Server) accept() {
	for {
		fd, _, err := unix.Accept4(s.listen, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		s.log.Accepted++
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) // without it, received says when it was read
		c := &conn{fd: fd, buf: make([]byte, 0, maxHead)}
		if err := s.watch(fd); err != nil {
			_ = unix.Close(fd)
			continue
		}
		s.conns[fd] = c
		if s.spec.Reads > 0 {
			s.read(c) // the head; the body waits
		}
	}
}

// wakeReaders goes on reading bodies whose time has come.
func (s *Server) wakeReaders(now int64) {
	if len(s.late) == 0 {
		return
	}
	late := s.late
	s.late = nil
	for _, c := range late {
		switch {
		case c.gone:
		case c.until > now:
			s.late = append(s.late, c)
		default:
			c.until = 0
			s.read(c)
		}
	}
}

// read takes what a connection has to say.
func (s *Server) read(c *conn) {
	for !c.gone && c.until == 0 {
		var n int
		var err error
		if c.skip > 0 {
			if n, err = s.receive(c.fd, s.scrap[:min(c.skip, len(s.scrap))]); !s.received(c, n, err) {
				return
			}
			if c.skip -= n; c.skip == 0 {
				s.request(c, c.held)
			}
			continue
		}
		if n, err = s.receive(c.fd, c.buf[len(c.buf):cap(c.buf)]); !s.received(c, n, err) {
			return
		}
		c.buf = c.buf[:len(c.buf)+n]
		if !s.take(c) || len(c.buf) == 0 && n < cap(c.buf) {
			return
		}
	}
}

// receive reads, and learns when what it read came: the kernel says it by the
// wall clock, so the difference to that is taken from the server's own. How long
// the server took to wake up is thereby in its time for the request.
func (s *Server) receive(fd int, b []byte) (int, error) {
	n, oobn, _, _, err := unix.Recvmsg(fd, b, s.oob[:], 0)
	s.came = s.now()
	if err != nil || oobn < unix.CmsgLen(int(unsafe.Sizeof(unix.Timespec{}))) {
		return n, err
	}
	if h := (*unix.Cmsghdr)(unsafe.Pointer(&s.oob[0])); h.Level == unix.SOL_SOCKET && h.Type == unix.SCM_TIMESTAMPNS {
		at := (*unix.Timespec)(unsafe.Pointer(&s.oob[unix.CmsgLen(0)]))
		if ago := time.Now().UnixNano() - at.Nano(); ago >= 0 && ago < int64(time.Minute) {
			s.came -= ago
		}
	}
	return n, nil
}

// received looks at the result of a read; false ends the reading.
func (s *Server) received(c *conn, n int, err error) bool {
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return false
	}
	if err != nil || n <= 0 {
		s.drop(c)
		return false
	}
	s.last = s.now()
	return true
}

// take takes the requests out of a connection's buffer.
func (s *Server) take(c *conn) bool {
	for len(c.buf) > 0 {
		h, err := parse(c.buf)
		if err != nil {
			s.drop(c)
			return false
		}
		if h.size == 0 {
			return true
		}
		got := min(h.body, len(c.buf)-h.size)
		c.buf = c.buf[:copy(c.buf, c.buf[h.size+got:])]
		if got == h.body {
			s.request(c, h)
			continue
		}
		c.skip, c.held = h.body-got, h
		if s.spec.Reads > 0 {
			c.until = s.now() + int64(s.spec.Reads)
			s.late = append(s.late, c)
		}
	}
	return true
}

// request begins the work on a request that is complete.
func (s *Server) request(c *conn, h head) {
	now := s.now()
	w := waiting{conn: c, stamp: Stamp{Index: h.index, Received: s.came}}
	if h.index < 0 {
		w.stamp.Index = int64(s.count)
	}
	s.count++
	w.stamp.Injected = int64(s.spec.Latency.Of(uint64(w.stamp.Index)))
	if s.spec.Slots > 0 && s.active >= s.spec.Slots {
		s.queue = append(s.queue, w)
		return
	}
	s.begin(w, now)
}

func (s *Server) begin(w waiting, now int64) {
	s.active++
	if w.due = now + w.stamp.Injected; w.stamp.Injected == 0 {
		s.finish(w)
		return
	}
	s.due.push(w)
}

// finish answers a request and begins the next one that waits for a slot.
func (s *Server) finish(w waiting) {
	for {
		s.active--
		s.answer(w)
		if len(s.queue) == 0 || s.spec.Slots > 0 && s.active >= s.spec.Slots {
			return
		}
		w = s.queue[0]
		s.queue = s.queue[1:]
		s.active++
		if now := s.now(); w.stamp.Injected > 0 {
			w.due = now + w.stamp.Injected
			s.due.push(w)
			return
		}
	}
}

func (s *Server) answer(w waiting) {
	c := w.conn
	w.stamp.Answered = s.now()
	if c.gone {
		return
	}
	if n := s.spec.ResetAt; n > 0 && w.stamp.Index%int64(n) == int64(n)-1 {
		w.stamp.Reset = true
		if w.stamp.Index/int64(n)%2 == 1 { // every other one in the middle of its answer
			_, _ = unix.Write(c.fd, answer[:20])
		}
		_ = unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		s.drop(c)
	} else if _, err := unix.Write(c.fd, answer); err != nil {
		s.drop(c)
		return
	}
	w.stamp.Written = s.now()
	if len(s.log.Stamps) < s.spec.Most {
		s.log.Stamps = append(s.log.Stamps, w.stamp)
	} else {
		s.log.Lost++
	}
}

func (s *Server) drop(c *conn) {
	if !c.gone {
		c.gone = true
		delete(s.conns, c.fd)
		_ = unix.Close(c.fd)
	}
}

func (s *Server) close() {
	for _, c := range s.conns {
		s.drop(c)
	}
	_ = unix.Close(s.listen)
	_ = unix.Close(s.timer)
	_ = unix.Close(s.poll)
}
