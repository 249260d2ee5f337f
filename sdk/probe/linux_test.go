//go:build linux

package probe

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPhysicalDevicesLeaveOutWhatSitsOnThem(t *testing.T) {
	dir := t.TempDir()
	add := func(name string, device, hidden bool) {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if device {
			if err := os.Mkdir(filepath.Join(dir, name, "device"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if hidden {
			if err := os.WriteFile(filepath.Join(dir, name, "hidden"), []byte("1\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, why := hardwareDisks(dir); got != nil || !strings.HasPrefix(why, "no disk device") {
		t.Errorf("an empty folder gives %v, %q", got, why)
	}
	add("sda", true, false)
	add("nvme0n1", true, false)
	add("nvme0c0n1", true, true)
	add("dm-0", false, false)
	add("loop0", false, false)
	add("md127", false, false)
	got, why := hardwareDisks(dir)
	if strings.Join(got, ",") != "nvme0n1,sda" || why != "" {
		t.Errorf("disks = %v (%s), want nvme0n1 and sda", got, why)
	}
	if _, why := hardwareDisks(dir + "/none"); why != "no "+dir+"/none" {
		t.Errorf("reason = %q", why)
	}
}

func TestPressureIsUnavailableWhereTheKernelLacksIt(t *testing.T) {
	c := &pressureCollector{dir: filepath.Join(t.TempDir(), "pressure")}
	out := make([]point, 3)
	c.read(1, out, true)
	for _, p := range out {
		if p.ok || p.why != "no "+c.dir {
			t.Errorf("%+v", p)
		}
	}
}

func TestSharedMemoryIsReadFromStatm(t *testing.T) {
	for text, pages := range map[string]float64{"100 77 33 5 0 60 0\n": 33, "100 77": 0, "": 0, "1 2 x": 0, "1 2 -3": 0} {
		if got := parseShared([]byte(text)); got != pages*pageSize {
			t.Errorf("%q is %v B, want %v pages", text, got, pages)
		}
	}
	p, err := newProcesses().open(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	u, err := p.usage()
	if err != nil || u.shared <= 0 || u.shared >= u.memory {
		t.Errorf("%+v, %v; want this program's own pages to be shared, and not all of its memory", u, err)
	}
}

func TestProcessStatIsParsedWhateverTheCommandIsCalled(t *testing.T) {
	tail := " S 7 1 1 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 3 0 4242 1000000 77 18446744073709551615 1"
	for _, command := range []string{"(sh)", "(a b)", "(x) S 9 (y)", "()"} {
		u, err := parseStat([]byte("123 " + command + tail))
		if err != nil {
			t.Errorf("%s: %v", command, err)
		}
		if u.parent != 7 || u.start != 4242 || u.own != 3 || u.reaped != 0.5 || u.memory != 77*pageSize {
			t.Errorf("%s: %+v", command, u)
		}
	}
	for _, bad := range []string{"", "1 (sh", "1 (sh) S 7", "1 (sh) S x 1 1 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 1 1"} {
		if u, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q gives %+v, want an error", bad, u)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (sh) S 7 1 1 0 -1 4194560 100 0 0 0 250 50 30 20 20 0 3 0 4242 1000000 77 1"))
	f.Add([]byte(") 9"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if u, err := parseStat(b); err == nil && (u.own < 0 || u.reaped < 0 || u.memory < 0) {
			t.Errorf("negative usage %+v", u)
		}
	})
}

func FuzzParsePressure(f *testing.F) {
	f.Add([]byte("some avg10=1.79 avg60=9.29 avg300=17.46 total=103706103\nfull avg10=0 total=5"))
	f.Add([]byte("some total="))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := parsePressure(b); err == nil && v < 0 {
			t.Errorf("negative total %v", v)
		}
	})
}

func TestPressureTotalIsThatOfSome(t *testing.T) {
	v, err := parsePressure([]byte("some avg10=1.79 avg60=9.29 avg300=17.46 total=103706103\nfull avg10=0.00 total=5\n"))
	if err != nil || v != 103706103 {
		t.Errorf("%v, %v", v, err)
	}
	if v, err := parsePressure([]byte("full avg10=0.00 total=5\n")); err == nil {
		t.Errorf("%v without a line some", v)
	}
}

// BenchmarkSample is the CPU cost of one sample of everything, with a tree of
// this process. cores@10/s is the sampler's own load at its default interval.
func BenchmarkSample(b *testing.B) {
	s := New(Options{Trees: map[string]func() []int32{"plugin": Pids(int32(os.Getpid())), "target": Pids(int32(os.Getppid()))}})
	defer s.Stop()
	w := s.Open()
	defer w.Close()
	before := cpuTime(b)
	for i := 0; b.Loop(); i++ {
		s.mu.Lock()
		at := s.read(i%10 == 0) // looks for new processes once a second, as when sampling
		w.tick(at, s.points)
		s.mu.Unlock()
	}
	perSample := (cpuTime(b) - before).Seconds() / float64(b.N)
	b.ReportMetric(perSample*10, "cores@10/s")
	b.ReportMetric(perSample*1e6, "cpu-µs/op")
}

func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
