package machine

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/benchharness/harness/internal/cpus"
)

// The host's gauges are of all its CPUs. Where harness may use one of two, what
// its own processes take would otherwise hide half of what others do.
func TestTheMachinesCoresAreCountedAndNotThoseOfTheProcess(t *testing.T) {
	const asked = "HARNESS_TEST_PRINT_CORES"
	if os.Getenv(asked) != "" {
		fmt.Println("cores:", Cores(), "of which may be used:", runtime.NumCPU())
		return
	}
	all, err := cpus.Allowed()
	if err != nil {
		t.Skipf("processes cannot be bound here: %v", err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asked+"=1")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	undo, err := all[:1].Pin()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	undo()
	if want := fmt.Sprintf("cores: %d of which may be used: 1", Cores()); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("bound to one CPU it says %q (%v), want %q", out, err, want)
	}
	if Cores() < len(all) {
		t.Errorf("%d cores, of which %d may be used", Cores(), len(all))
	}
}
