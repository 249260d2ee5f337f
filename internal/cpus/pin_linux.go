package cpus

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Allowed are the CPUs that this process may use: those of the machine, less
// what its cpuset and whoever started it keep from it.
func Allowed() (Set, error) { return Of(0) }

// Of are the CPUs that the main thread of a process may use; 0 is the calling
// thread.
func Of(pid int) (Set, error) {
	var mask unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &mask); err != nil {
		return nil, fmt.Errorf("read which CPUs may be used: %w", err)
	}
	var out Set
	for n := range Most {
		if mask.IsSet(n) {
			out = append(out, n)
		}
	}
	return out, nil
}

// Pin binds the calling thread, which the goroutine must have locked, to the
// set; any CPU changes nothing. undo gives it back what it had, and is never
// nil without an error.
func (s Set) Pin() (undo func(), err error) {
	if len(s) == 0 {
		return func() {}, nil
	}
	var before, mask unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("pin to CPUs %s: %w", s, err)
	}
	for _, n := range s {
		mask.Set(n)
	}
	if err := unix.SchedSetaffinity(0, &mask); err != nil {
		return nil, fmt.Errorf("pin to CPUs %s: %w", s, err)
	}
	return func() {
		// It fails only where a cpuset has taken every one of them away
		// meanwhile, and then the kernel has chosen others already.
		_ = unix.SchedSetaffinity(0, &before)
	}, nil
}
