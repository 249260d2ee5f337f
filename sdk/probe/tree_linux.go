package probe

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

const treeEvery = time.Duration(0)

// userHz is the unit of CPU time in /proc on every Linux that Go runs on.
const userHz = 100

// maxOpen bounds the processes whose files in /proc a tree keeps open. Reading an open one
// costs a third of opening it, and it fails when its process is gone even if
// the id is used again.
const maxOpen = 128

type procfs struct {
	opened   int
	buf      [4096]byte
	parents  map[int32][]int32 // children by parent, where the kernel does not list them
	fallback bool
}

func newProcesses() processes { return &procfs{} }

func (t *procfs) open(pid int32) (process, error) {
	dir := fmt.Sprintf("/proc/%d", pid)
	p := &procStat{table: t, stat: procFile{path: dir + "/stat", fd: -1}, statm: procFile{path: dir + "/statm", fd: -1}}
	if t.opened < maxOpen {
		if err := p.stat.open(); err != nil {
			return nil, err
		}
		t.opened++
		_ = p.statm.open() // shared memory is then not known
	}
	return p, nil
}

type procStat struct {
	table       *procfs
	stat, statm procFile
}

func (p *procStat) usage() (usage, error) {
	b, err := p.stat.read(p.table.buf[:])
	if err != nil {
		return usage{}, err
	}
	u, err := parseStat(b)
	if err != nil {
		return usage{}, err
	}
	if b, err := p.statm.read(p.table.buf[:]); err == nil {
		u.shared = parseShared(b)
	}
	return u, nil
}

func (p *procStat) close() {
	if p.stat.fd >= 0 {
		p.table.opened--
	}
	p.stat.close()
	p.statm.close()
}

// procFile is a file of /proc that is read again and again.
type procFile struct {
	path string
	fd   int // -1 where it is not kept open
}

func (f *procFile) open() error {
	fd, err := syscall.Open(f.path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", f.path, err)
	}
	f.fd = fd
	return nil
}

func (f *procFile) read(buf []byte) ([]byte, error) {
	if f.fd < 0 {
		b, err := os.ReadFile(f.path)
		if err != nil {
			return nil, fmt.Errorf("read process: %w", err)
		}
		return b, nil
	}
	for {
		n, err := syscall.Pread(f.fd, buf, 0)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", f.path, err)
		}
		return buf[:n], nil
	}
}

func (f *procFile) close() {
	if f.fd >= 0 {
		_ = syscall.Close(f.fd)
		f.fd = -1
	}
}

var pageSize = float64(os.Getpagesize())

// parseStat reads /proc/PID/stat; see proc_pid_stat(5). The second field, the
// command, may hold anything, so counting starts after its last parenthesis.
func parseStat(b []byte) (usage, error) {
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return usage{}, errors.New("parse process stat: no command")
	}
	var v [25]float64 // by field number of the manual
	var start uint64
	field := 3
	for f := range bytes.FieldsSeq(b[i+1:]) {
		if field == len(v) {
			break
		}
		if field > 3 { // 3 is the state, a letter
			n, err := strconv.ParseInt(string(f), 10, 64)
			if err != nil && field != 22 && !errors.Is(err, strconv.ErrRange) {
				return usage{}, fmt.Errorf("parse process stat, field %d: %w", field, err)
			}
			v[field] = max(0, float64(n))
			if field == 22 {
				if start, err = strconv.ParseUint(string(f), 10, 64); err != nil {
					return usage{}, fmt.Errorf("parse process stat, start time: %w", err)
				}
			}
		}
		field++
	}
	if field < len(v) {
		return usage{}, fmt.Errorf("parse process stat: %d fields, want %d", field-1, len(v)-1)
	}
	return usage{
		parent: int32(v[4]), start: start,
		own: (v[14] + v[15]) / userHz, reaped: (v[16] + v[17]) / userHz,
		memory: v[24] * pageSize,
	}, nil
}

// parseShared reads the third field of /proc/PID/statm: resident pages of
// files and of shared memory. 0 where there is none.
func parseShared(b []byte) float64 {
	f := bytes.Fields(b)
	if len(f) < 3 {
		return 0
	}
	n, err := strconv.ParseUint(string(f[2]), 10, 64)
	if err != nil {
		return 0
	}
	return float64(n) * pageSize
}

func (t *procfs) scan() { t.parents = nil }

// children reads the kernel's own lists, one per thread, and goes through the
// whole table only where the kernel was built without them.
func (t *procfs) children(pid int32) []int32 {
	if t.fallback {
		return t.byParent()[pid]
	}
	dir := fmt.Sprintf("/proc/%d/task", pid)
	threads, err := os.ReadDir(dir)
	if err != nil {
		return nil // gone
	}
	var out []int32
	for _, th := range threads {
		b, err := os.ReadFile(dir + "/" + th.Name() + "/children")
		if err != nil {
			if _, alive := os.Stat(dir + "/" + th.Name() + "/stat"); alive == nil && errors.Is(err, os.ErrNotExist) {
				t.fallback = true
				return t.byParent()[pid]
			}
			continue // the thread ended
		}
		for f := range bytes.FieldsSeq(b) {
			if n, err := strconv.ParseInt(string(f), 10, 32); err == nil {
				out = append(out, int32(n))
			}
		}
	}
	return out
}

func (t *procfs) byParent() map[int32][]int32 {
	if t.parents != nil {
		return t.parents
	}
	t.parents = map[int32][]int32{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return t.parents
	}
	for _, e := range entries {
		pid, err := strconv.ParseInt(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		if u, err := parseStat(b); err == nil {
			t.parents[u.parent] = append(t.parents[u.parent], int32(pid))
		}
	}
	return t.parents
}
