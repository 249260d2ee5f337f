package probe

import (
	"errors"
	"testing"
)

// fakeTable is a process table that the test edits.
type fakeTable map[int32]*fakeProc

type fakeProc struct{ usage }

func (t fakeTable) open(pid int32) (process, error) {
	if t[pid] == nil {
		return nil, errors.New("no such process")
	}
	return fakeHandle{t, pid}, nil
}
func (t fakeTable) scan() {}
func (t fakeTable) children(pid int32) (out []int32) {
	for id, p := range t {
		if p.parent == pid {
			out = append(out, id)
		}
	}
	return out
}

type fakeHandle struct {
	table fakeTable
	pid   int32
}

func (h fakeHandle) close() {}
func (h fakeHandle) usage() (usage, error) {
	if p := h.table[h.pid]; p != nil {
		return p.usage, nil
	}
	return usage{}, errors.New("no such process")
}

// exit ends a process; its parent reaps it.
func (t fakeTable) exit(pid int32) {
	p := t[pid]
	delete(t, pid)
	if parent := t[p.parent]; parent != nil {
		parent.reaped += p.own + p.reaped
	}
}

func TestTreeCountsEveryProcessOnce(t *testing.T) {
	table := fakeTable{10: {usage{parent: 1, start: 1, own: 100, reaped: 50, memory: 1}}}
	roots := []int32{10}
	tr := &tree{name: "target", roots: func() []int32 { return roots }, table: table}
	out := make([]point, 2)
	step := func(what string, cpu, memory float64) {
		t.Helper()
		tr.read(0, out, true)
		if !out[0].ok || out[0].num != cpu || out[1].num != memory {
			t.Errorf("%s: cpu %v, memory %v (%s); want %v and %v", what, out[0].num, out[1].num, out[0].why, cpu, memory)
		}
	}
	step("the root's past does not count", 0, 1)
	table[10].own += 1
	step("the root works", 1, 1)
	table[20] = &fakeProc{usage{parent: 10, start: 2, own: 3, memory: 7}}
	step("a new child counts from its birth", 4, 8)
	table[30] = &fakeProc{usage{parent: 20, start: 3, own: 2, memory: 5}}
	step("and so does a grandchild", 6, 13)
	table[30].own += 4
	table.exit(30)
	step("what it used unseen before it ended counts", 10, 8)
	table[20].own += 1
	table.exit(20)
	step("a child with a reaped one ends", 11, 1)
	table[10].reaped += 5
	step("a child that was never seen", 16, 1)
	table[40] = &fakeProc{usage{parent: 10, start: 4, own: 2, memory: 2}}
	step("another child", 18, 3)
	delete(table, 40)
	step("it ends and is not reaped yet", 18, 1)
	table[10].reaped += 2.5
	step("it is reaped", 18.5, 1)
	table[40] = &fakeProc{usage{parent: 1, start: 9, own: 1e6, memory: 1e6}}
	step("its id is used again elsewhere", 18.5, 1)
	delete(table, 10)
	table[50] = &fakeProc{usage{parent: 1, start: 11, own: 9, memory: 4}}
	roots = []int32{50}
	step("the root is replaced and its time stays", 18.5, 4)
	table[50].own += 1
	step("the new root works", 19.5, 4)
}

func TestMemoryThatProcessesShareCountsOnce(t *testing.T) {
	table := fakeTable{
		10: {usage{parent: 1, start: 1, memory: 30, shared: 20}},
		20: {usage{parent: 10, start: 2, memory: 105, shared: 100}},
		30: {usage{parent: 10, start: 3, memory: 107, shared: 100}},
		40: {usage{parent: 10, start: 4, memory: 9, shared: 10}}, // read a moment later, it had grown
	}
	tr := &tree{name: "target", roots: Pids(10), table: table}
	out := make([]point, 2)
	tr.read(0, out, true)
	if want := 10 + 5 + 7 + 0 + 100.0; out[1].num != want {
		t.Errorf("memory = %v, want %v", out[1].num, want)
	}
	lone := &tree{name: "plugin", roots: Pids(30), table: table}
	lone.read(0, out, true)
	if out[1].num != 107 {
		t.Errorf("a process without others has %v, want all its 107", out[1].num)
	}
}

func TestTreeFollowsOrphans(t *testing.T) {
	table := fakeTable{
		10: {usage{parent: 1, start: 1}}, 20: {usage{parent: 10, start: 2}}, 30: {usage{parent: 20, start: 3, own: 5}},
	}
	tr := &tree{name: "target", roots: Pids(10), table: table}
	out := make([]point, 2)
	tr.read(0, out, true)
	table.exit(20)
	table[30].parent, table[30].own = 1, 7
	tr.read(0, out, true)
	if out[0].num != 2 {
		t.Errorf("cpu = %v, want 2, from the orphan", out[0].num)
	}
}

func TestAProcessAloneCountsNothingOfItsChildren(t *testing.T) {
	table := fakeTable{10: {usage{parent: 1, start: 1, memory: 1}}}
	tr := &tree{name: "harness", roots: Pids(10), table: table, alone: true}
	out := make([]point, 2)
	tr.read(0, out, true)
	table[20] = &fakeProc{usage{parent: 10, start: 2, own: 3, memory: 7}}
	tr.read(0, out, true)
	table.exit(20)
	table[10].own += 2
	tr.read(0, out, true)
	if out[0].num != 2 || out[1].num != 1 {
		t.Errorf("cpu %v, memory %v; want 2 and 1, its own", out[0].num, out[1].num)
	}
}

func TestTreeWithoutProcessesIsUnavailable(t *testing.T) {
	tr := &tree{name: "plugin", roots: Pids(99), table: fakeTable{}}
	out := make([]point, 2)
	tr.read(0, out, true)
	for _, p := range out {
		if p.ok || p.why != "no process of plugin is running" {
			t.Errorf("%+v", p)
		}
	}
}
