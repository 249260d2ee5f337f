package probe

import (
	"maps"
	"slices"
	"time"
)

// usage is what a process has used. own and reaped are seconds of CPU time;
// reaped is that of children which ended and were waited for.
type usage struct {
	parent      int32
	start       uint64 // tells a process from a later one with its id
	own, reaped float64
	memory      float64 // B, resident
	shared      float64 // B of it that other processes may have too; 0 where that is unknown
}

// processes reads the process table.
type processes interface {
	// open starts watching a process. An error says that it is gone.
	open(pid int32) (process, error)
	// children returns the children of a process. scan is called before a
	// round of calls.
	scan()
	children(pid int32) []int32
}

type process interface {
	usage() (usage, error)
	close()
}

// rescanEvery is the time between two looks for new processes of a tree.
// What lives and ends between two looks is still counted, through the CPU
// time that its parent has reaped.
const rescanEvery = time.Second

func treeCollectors(o Options) []*scheduled {
	var out []*scheduled
	for _, name := range slices.Sorted(maps.Keys(o.Trees)) {
		out = append(out, &scheduled{collector: &tree{name: name, roots: o.Trees[name], table: newProcesses()}, every: treeEvery})
	}
	for _, name := range slices.Sorted(maps.Keys(o.Processes)) {
		t := &tree{name: name, roots: o.Processes[name], table: newProcesses(), alone: true}
		out = append(out, &scheduled{collector: t, every: treeEvery})
	}
	return out
}

// tree accounts for the processes under its roots.
type tree struct {
	name  string
	roots func() []int32
	table processes
	alone bool // the roots only, without what they started

	known  []*member // parents before children
	byID   map[int32]*member
	cpu    float64 // s, never decreases
	rescan float64 // when, on the sampler's clock
}

type member struct {
	pid int32
	process
	usage
	// credit is CPU time of vanished children that is counted already and
	// will appear in this process's reaped time.
	credit float64
	grew   float64 // reaped since the last reading
	gone   bool
	fresh  bool // found in this reading with its past left out
}

func (t *tree) defs() []def {
	return []def{{t.name + ".cpu", "cores", rate}, {t.name + ".memory", "B", level}}
}

func (t *tree) close() {
	for _, m := range t.known {
		m.close()
	}
	t.known, t.byID = nil, nil
}

func (t *tree) read(at float64, out []point, boundary bool) {
	if t.byID == nil {
		t.byID = map[int32]*member{}
	}
	t.update()
	t.bury()
	t.settle()
	look := t.adopt() || boundary || at >= t.rescan
	if look {
		t.rescan = at + rescanEvery.Seconds()
		t.discover()
	}
	if len(t.known) == 0 {
		fill(out, unavailable("no process of "+t.name+" is running"))
		return
	}
	for _, m := range t.known {
		m.fresh = false
	}
	out[0], out[1] = ratePoint(t.cpu, at), levelPoint(t.memory())
}

// memory counts what processes may share once, with the process that has most
// of it: thirty backends of PostgreSQL hold the same buffers, and the sum of
// their resident memory was six times what they took. (The kernel's own
// division of shared pages costs a walk through all of them.)
func (t *tree) memory() float64 {
	private, shared := 0.0, 0.0
	for _, m := range t.known {
		s := min(m.shared, m.memory)
		private += m.memory - s
		shared = max(shared, s)
	}
	return private + shared
}

// update reads every known process, parents first: what a parent has reaped
// by then is gone when the child is looked at, so it is never in both.
func (t *tree) update() {
	for _, m := range t.known {
		u, err := m.process.usage()
		if err != nil || u.start != m.start {
			m.gone = true
			continue
		}
		t.cpu += max(0, u.own-m.own)
		m.grew = max(0, u.reaped-m.reaped)
		m.usage = u
	}
}

// bury removes the vanished, children first, and passes what was counted of
// them to their parents.
func (t *tree) bury() {
	for _, m := range slices.Backward(t.known) {
		if !m.gone {
			continue
		}
		if p := t.byID[m.parent]; p != nil {
			p.credit += m.own + m.reaped + m.credit
		}
		m.close()
		delete(t.byID, m.pid)
	}
	t.known = slices.DeleteFunc(t.known, func(m *member) bool { return m.gone })
}

// settle counts reaped time that was not seen while its process lived.
func (t *tree) settle() {
	for _, m := range t.known {
		if !t.alone {
			t.cpu += max(0, m.grew-m.credit)
		}
		m.credit = max(0, m.credit-m.grew)
		m.grew = 0
	}
}

// adopt takes new roots in. Their past is not the tree's.
func (t *tree) adopt() (added bool) {
	for _, pid := range t.roots() {
		if t.byID[pid] == nil {
			if m := t.enter(pid); m != nil {
				m.fresh = true
				added = true
			}
		}
	}
	return added
}

// discover looks for children. One whose parent was watched already began
// under watch: all it has used counts.
func (t *tree) discover() {
	if t.alone {
		return
	}
	t.table.scan()
	for i := 0; i < len(t.known); i++ {
		parent := t.known[i]
		for _, pid := range t.table.children(parent.pid) {
			if t.byID[pid] != nil {
				continue
			}
			if m := t.enter(pid); m != nil {
				if m.fresh = parent.fresh; !m.fresh {
					t.cpu += m.own + m.reaped
				}
			}
		}
	}
}

func (t *tree) enter(pid int32) *member {
	p, err := t.table.open(pid)
	if err != nil {
		return nil
	}
	u, err := p.usage()
	if err != nil {
		p.close()
		return nil
	}
	m := &member{pid: pid, process: p, usage: u}
	t.known = append(t.known, m)
	t.byID[pid] = m
	return m
}
