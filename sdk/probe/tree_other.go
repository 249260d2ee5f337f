//go:build !linux

package probe

import (
	"fmt"
	"time"

	gops "github.com/shirou/gopsutil/v3/process"
)

// treeEvery is long because without cgo every figure comes from a process, ps.
const treeEvery = time.Second

type table struct{ byParent map[int32][]int32 }

func newProcesses() processes { return &table{} }

type entry struct{ *gops.Process }

func (*table) open(pid int32) (process, error) {
	p, err := gops.NewProcess(pid)
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return entry{p}, nil
}

// usage knows no reaped time: the system does not tell it of other processes.
func (e entry) usage() (usage, error) {
	t, err := e.Times()
	if err != nil {
		return usage{}, fmt.Errorf("read process %d: %w", e.Pid, err)
	}
	m, err := e.MemoryInfo()
	if err != nil {
		return usage{}, fmt.Errorf("read process %d: %w", e.Pid, err)
	}
	parent, err := e.Ppid()
	if err != nil {
		return usage{}, fmt.Errorf("read process %d: %w", e.Pid, err)
	}
	start, err := e.CreateTime()
	if err != nil {
		return usage{}, fmt.Errorf("read process %d: %w", e.Pid, err)
	}
	return usage{parent: parent, start: uint64(start), own: t.User + t.System, memory: float64(m.RSS)}, nil
}

func (entry) close() {}

func (t *table) scan() { t.byParent = nil }

func (t *table) children(pid int32) []int32 {
	if t.byParent == nil {
		t.byParent = map[int32][]int32{}
		list, err := gops.Processes()
		if err != nil {
			return nil
		}
		for _, p := range list {
			if parent, err := p.Ppid(); err == nil {
				t.byParent[parent] = append(t.byParent[parent], p.Pid)
			}
		}
	}
	return t.byParent[pid]
}
