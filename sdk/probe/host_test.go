package probe

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// burnEnv makes the test binary a child that works instead of testing.
const burnEnv = "PROBE_TEST_BURN"

func TestMain(m *testing.M) {
	switch os.Getenv(burnEnv) {
	case "":
		os.Exit(m.Run())
	case "once": // burn when told to, report, end when stdin does
		awaitLine()
		burn()
		fmt.Println("burnt")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "nested": // burn in a child of one's own
		awaitLine()
		c := exec.Command(os.Args[0])
		c.Stdin = strings.NewReader("\n")
		c.Env = append(os.Environ(), burnEnv+"=once")
		if err := c.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("burnt")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

func awaitLine() {
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// burn uses at least 50 ms of CPU time, however slow the machine: it asks the
// system how much it has used.
func burn() {
	self, err := newProcesses().open(int32(os.Getpid()))
	if err != nil {
		panic(err)
	}
	x := 1
	for {
		u, err := self.usage()
		if err != nil {
			panic(err)
		}
		if u.own >= 0.05 {
			return
		}
		for i := range 1_000_000 {
			x = x*31 + i
		}
		runtime.KeepAlive(x)
	}
}

// burner starts a child and returns its id, and functions that let it burn
// and wait for that, and that end it.
func burner(t *testing.T, mode string) (pid int32, burnt, end func()) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), burnEnv+"="+mode)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	burnt = func() {
		if _, err := io.WriteString(in, "\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "burnt\n" {
			t.Fatalf("the child said %q: %v", line, err)
		}
	}
	end = func() {
		_ = in.Close()
		_ = c.Wait()
	}
	return int32(c.Process.Pid), burnt, end
}

func gauge(t *testing.T, s Series, name string) (average, peak float64) {
	t.Helper()
	g, ok := s.Gauge(name)
	switch {
	case !ok:
		t.Fatalf("no gauge %s", name)
	case g.Average == nil:
		t.Skipf("%s is unavailable here: %s", name, g.Unavailable)
	case len(g.Samples) != len(s.Times):
		t.Errorf("%s: %d samples at %d times", name, len(g.Samples), len(s.Times))
	}
	return *g.Average, *g.Peak
}

func TestCPUOfAChildIsSeenInItsTreeAndOnTheHost(t *testing.T) {
	for _, mode := range []string{"once", "nested"} {
		t.Run(mode, func(t *testing.T) {
			idle := int32(os.Getppid())
			pid, burnt, end := burner(t, mode)
			s := New(Options{Interval: 20 * time.Millisecond, Trees: map[string]func() []int32{"target": Pids(pid), "plugin": Pids(idle)}})
			s.Start(t.Context())
			defer s.Stop()
			w := s.Open()
			burnt()
			out := w.Close()
			end()
			busy, _ := gauge(t, out, "target.cpu")
			if seconds := busy * out.Length.Seconds(); seconds < 0.03 || seconds > 5 {
				t.Errorf("target used %v s of CPU, want about 0.05", seconds)
			}
			if _, peak := gauge(t, out, "target.memory"); peak < 1<<20 || peak > 1<<32 {
				t.Errorf("target's memory peaks at %v B", peak)
			}
			host, peak := gauge(t, out, "host.cpu")
			if host <= 0 || host > 1 || peak > 1 || peak < host*0.999 {
				t.Errorf("host.cpu = %v, peak %v", host, peak)
			}
		})
	}
}

func TestCPUOfAProcessThatEndedStaysCounted(t *testing.T) {
	pid, burnt, end := burner(t, "once")
	s := New(Options{Trees: map[string]func() []int32{"self": Pids(int32(os.Getpid()))}})
	defer s.Stop()
	w := s.Open()
	burnt()
	end()
	out := w.Close()
	busy, _ := gauge(t, out, "self.cpu")
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells the time of children that ended")
	}
	if busy*out.Length.Seconds() < 0.03 {
		t.Errorf("process %d left %v s of CPU", pid, busy*out.Length.Seconds())
	}
}

func TestWrittenFileIsSeenOnADisk(t *testing.T) {
	s := New(Options{})
	defer s.Stop()
	w := s.Open()
	f, err := os.Create(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 4 << 20
	block := make([]byte, size)
	for i := range block {
		block[i] = byte(i * 7919 >> 3)
	}
	if _, err := f.Write(block); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	out := w.Close()
	average, _ := gauge(t, out, "disk.write")
	if written := average * out.Length.Seconds(); written == 0 {
		t.Skip("the temporary folder is on no physical disk")
	} else if written < size/2 {
		t.Errorf("disks wrote %v B, want at least %d", written, size/2)
	}
}

func TestLoopbackTrafficIsCountedApart(t *testing.T) {
	s := New(Options{})
	defer s.Stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const size = 8 << 20
	w := s.Open()
	sent := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = c.Write(make([]byte, size))
			_ = c.Close()
		}
		sent <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := io.Copy(io.Discard, c); err != nil || n != size {
		t.Fatalf("received %d B: %v", n, err)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	out := w.Close()
	average, _ := gauge(t, out, "net.loopback")
	if got := average * out.Length.Seconds(); got < size {
		t.Errorf("loopback carried %v B, want at least %d", got, size)
	}
}

func TestEveryGaugeHasAValueInRangeOrAReason(t *testing.T) {
	s := New(Options{Interval: 10 * time.Millisecond, Trees: map[string]func() []int32{"plugin": Pids(int32(os.Getpid()))}})
	s.Start(t.Context())
	defer s.Stop()
	w := s.Open()
	burn()
	out := w.Close()
	for _, name := range []string{
		"host.cpu", "host.steal", "host.iowait", "host.memory_used", "host.memory_total", "host.swap", "host.swap_in",
		"host.swap_out", "disk.read", "disk.write", "net.in", "net.out", "net.loopback", "pressure.cpu", "pressure.memory",
		"pressure.io", "plugin.cpu", "plugin.memory", "gpu.util",
	} {
		g, ok := out.Gauge(name)
		switch {
		case !ok:
			t.Errorf("no gauge %s", name)
		case g.Average == nil:
			if g.Unavailable == "" {
				t.Errorf("%s: neither value nor reason", name)
			}
			t.Logf("%-20s %s", name, g.Unavailable)
		case *g.Average < 0 || *g.Peak < 0, g.Unit == "ratio" && (*g.Average > 1.01 || g.Unit == ""):
			t.Errorf("%s: average %v %s, peak %v", name, *g.Average, g.Unit, *g.Peak)
		default:
			t.Logf("%-20s %14.4f %14.4f %s", name, *g.Average, *g.Peak, g.Unit)
		}
	}
}

func TestFactsOfThisMachineAreThereOrExplained(t *testing.T) {
	f := Host(t.Context())
	if f.OS != runtime.GOOS || f.Arch != runtime.GOARCH {
		t.Errorf("%s/%s", f.OS, f.Arch)
	}
	for fact, missing := range map[string]bool{
		"kernel": f.Kernel == "", "cpu_model": f.CPUModel == "", "logical_cores": f.LogicalCores == 0,
		"physical_cores": f.PhysicalCores == 0, "memory": f.Memory == 0, "gpus": len(f.GPUs) == 0,
	} {
		if missing != (f.Unavailable[fact] != "") {
			t.Errorf("%s: missing is %v, reason is %q", fact, missing, f.Unavailable[fact])
		}
	}
	available, size, err := Memory(t.Context())
	if err != nil || available == 0 || available > size || size != f.Memory {
		t.Errorf("memory %d of %d: %v", available, size, err)
	}
	free, size, err := Disk(t.Context(), t.TempDir())
	if err != nil || size == 0 || free > size {
		t.Errorf("disk %d of %d: %v", free, size, err)
	}
	if _, _, err := Disk(t.Context(), "/no/such/folder"); err == nil {
		t.Error("disk space of a folder that does not exist")
	}
}
