// Package pulse lets one process see from outside how long another has been
// inside a guest, whatever state that one is in.
//
// A guest in a tight loop cannot be preempted: the garbage collector of its
// host waits for it, and every timer and watchdog of the host with it. So the
// host only notes, in a page of memory that both processes map, which call it
// enters and when it is back; the harness reads the page, on clocks of its own,
// and ends the process. Package pulse knows nothing of WebAssembly.
package pulse

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// Phase is what a guest is called for.
type Phase uint8

// Phases. In [Host] the guest waits for its host, which is not its time.
const (
	Idle Phase = iota
	Describe
	SetUp
	Op
	TearDown
	Host
)

func (p Phase) String() string {
	return [...]string{"idle", "describe", "set up", "op", "tear down", "host"}[min(p, Host)]
}

// Slots is how many guests a page has room for.
const Slots = 1 << 14

const (
	lineSize = 64 // a cache line: no two guests share one
	pageSize = (1 + Slots) * lineSize
	magic    = 0x31_65_73_6c_75_70 // "pulse1"
)

// line is a slot as both processes see it. Its writer uses plain stores: each
// is one aligned word, nobody else writes it, and a reader that sees one late
// is late by nanoseconds. Atomic ones would be a quarter of an empty op.
type line struct {
	state  uint64 // number of the call << 8 | phase
	op     uint64
	worker uint64
	_      [lineSize - 24]byte
}

// Page is the memory that both processes map.
type Page struct {
	path string
	mem  []byte

	mu   sync.Mutex
	free []*Slot
	made int
}

// Create makes a page in a new file in dir.
func Create(dir string) (*Page, error) {
	f, err := os.CreateTemp(dir, "pulse")
	if err != nil {
		return nil, fmt.Errorf("make the page that a guest is watched by: %w", err)
	}
	defer f.Close()
	p := &Page{path: f.Name()}
	if err = f.Truncate(pageSize); err == nil {
		err = p.attach(f)
	}
	if err != nil {
		os.Remove(p.path)
		return nil, fmt.Errorf("make the page that a guest is watched by: %w", err)
	}
	p.line(0).state = magic
	return p, nil
}

// Open maps the page that another process made, and removes its file, which
// nobody needs any more.
func Open(path string) (*Page, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open the page that a guest is watched by: %w", err)
	}
	defer f.Close()
	p := &Page{path: path}
	info, err := f.Stat()
	if err == nil && info.Size() != pageSize {
		err = errors.New("it is not such a page")
	}
	if err == nil {
		err = p.attach(f)
	}
	if err == nil && p.line(0).state != magic {
		err = errors.Join(errors.New("it is not such a page"), p.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("open the page that a guest is watched by: %w", err)
	}
	os.Remove(path)
	return p, nil
}

func (p *Page) attach(f *os.File) (err error) {
	p.mem, err = syscall.Mmap(int(f.Fd()), 0, pageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	return err
}

// Path is the file's.
func (p *Page) Path() string { return p.path }

// Close unmaps the page; its slots must not be used any more. It removes the
// file if the other process has not.
func (p *Page) Close() error {
	os.Remove(p.path)
	if err := syscall.Munmap(p.mem); err != nil {
		return fmt.Errorf("close the page that a guest is watched by: %w", err)
	}
	return nil
}

// line is a slot, from 1; 0 is the head, where op holds how many were made.
func (p *Page) line(i int) *line {
	return (*line)(unsafe.Pointer(&p.mem[i*lineSize]))
}

// Slot is the writer's view of one guest. One goroutine at a time uses it.
type Slot struct {
	line *line
	call uint64
	page *Page
}

// Slot returns one that no other guest has.
func (p *Page) Slot(worker int) (*Slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var s *Slot
	if n := len(p.free); n > 0 {
		s, p.free = p.free[n-1], p.free[:n-1]
	} else {
		if p.made == Slots {
			return nil, fmt.Errorf("there is room for %d guests in one plugin, and they are there", Slots)
		}
		p.made++
		s = &Slot{line: p.line(p.made), page: p}
		p.line(0).op = uint64(p.made)
	}
	s.line.worker = uint64(worker)
	return s, nil
}

// Release gives the slot back.
func (s *Slot) Release() {
	s.Leave()
	s.page.mu.Lock()
	defer s.page.mu.Unlock()
	s.page.free = append(s.page.free, s)
}

// Enter notes that a call begins.
func (s *Slot) Enter(phase Phase, op uint64) {
	s.call += 1 << 8
	s.line.op = op
	s.line.state = s.call | uint64(phase)
}

// Leave notes that it is over.
func (s *Slot) Leave() { s.line.state = s.call }

// Host notes that the guest waits for its host, until the function that it
// returns is called.
func (s *Slot) Host() (back func()) {
	was := s.line.state
	s.line.state = s.call | uint64(Host)
	return func() { s.line.state = was }
}

// Loose returns a slot of no page, which nobody watches.
func Loose() *Slot { return &Slot{line: &line{}, page: &Page{}} }
