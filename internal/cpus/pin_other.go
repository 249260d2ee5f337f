//go:build !linux

package cpus

import (
	"fmt"
	"runtime"
)

// Allowed is an error: this system lets nobody choose.
func Allowed() (Set, error) { return nil, errSystem() }

// Of is an error: this system lets nobody choose.
func Of(int) (Set, error) { return nil, errSystem() }

// Pin is an error but for any CPU.
func (s Set) Pin() (undo func(), err error) {
	if len(s) > 0 {
		return nil, errSystem()
	}
	return func() {}, nil
}

func errSystem() error {
	return fmt.Errorf("processes cannot be pinned to CPUs on %s; leave it out, or measure on Linux", runtime.GOOS)
}
