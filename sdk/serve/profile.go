//go:build !wasip1

package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
)

// EnvProfile names the variable with the folder that a plugin writes its
// profiles to: NAME-PID.cpu.pprof and NAME-PID.heap.pprof.
const EnvProfile = "HARNESS_PPROF"

// Profile writes a CPU profile of this process from now until the function that
// it returns is called, which then writes one of the heap. A folder that cannot
// be written to is said on stderr, and measures nothing else.
func Profile(dir, name string) (stop func()) {
	base := filepath.Join(dir, fmt.Sprintf("%s-%d", name, os.Getpid()))
	f, err := os.Create(base + ".cpu.pprof")
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "profile of %s: %v\n", name, err)
		return func() {}
	}
	return func() {
		pprof.StopCPUProfile()
		err := f.Close()
		if err == nil {
			err = writeHeap(base + ".heap.pprof")
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "profile of %s: %v\n", name, err)
		}
	}
}

func writeHeap(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	runtime.GC() // the profile is as of the last collection
	if err := pprof.WriteHeapProfile(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
