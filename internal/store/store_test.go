package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
)

func content(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func onlyFile(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != name {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

func TestWriteFileReplacesAWholeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run.json")
	for _, s := range []string{"a long first version", "second"} {
		if err := WriteFile(path, 0o600, content(s)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != s {
			t.Errorf("content is %q, want %q", got, s)
		}
	}
	onlyFile(t, dir, "run.json")
}

func TestAWriteThatFailsLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run.json")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(path, 0o644, func(w io.Writer) error {
		io.WriteString(w, strings.Repeat("half ", 100_000))
		return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	})
	if err == nil || !strings.Contains(err.Error(), "is full") || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v, want one that says the disk is full", err)
	}
	if got := read(t, path); got != "old" {
		t.Errorf("content is %q, want the old one", got)
	}
	onlyFile(t, dir, "run.json")
}

func TestAReaderNeverSeesHalfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	versions := []string{strings.Repeat("a", 1<<16), strings.Repeat("b", 1<<17)}
	if err := WriteFile(path, 0o644, content(versions[0])); err != nil {
		t.Fatal(err)
	}
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		defer done.Store(true)
		for i := range 50 {
			if err := WriteFile(path, 0o644, content(versions[i%2])); err != nil {
				t.Error(err)
			}
		}
	})
	for !done.Load() {
		if s := read(t, path); s != versions[0] && s != versions[1] {
			t.Fatalf("read %d bytes of neither version", len(s))
		}
	}
	wg.Wait()
}

func TestWriteFileKeepsWhatTheFileIs(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, 0o644, content("new")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Lstat(link); info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced by a file")
	}
	if info, _ := os.Stat(target); info.Mode().Perm() != 0o640 {
		t.Errorf("mode is %v, want 0640", info.Mode())
	}
	if got := read(t, target); got != "new" {
		t.Errorf("target holds %q", got)
	}
	if err := WriteFile(os.DevNull, 0o644, content("gone")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced by a file", os.DevNull)
	}
}

func TestErrorsNameThePathAndTheRemedy(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	readErr := func(path string) error { _, err := ReadRun(path); return err }
	writeErr := func(path string) error { return WriteFile(path, 0o644, content("x")) }
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"a folder that does not exist", writeErr(filepath.Join(dir, "no", "run.json")), []string{"no/run.json", "there is no folder " + dir + "/no"}},
		{"a folder as a file", writeErr(dir), []string{dir, "it is a folder; name a file"}},
		{"a folder as a run", readErr(dir), []string{dir, "it is a folder; name a file"}},
		{"a file as a folder", writeErr(filepath.Join(file, "run.json")), []string{"file/run.json", "is not a folder"}},
		{"a link to itself", writeErr(loop), []string{"loop", "too many levels of symbolic links"}},
		{"a document that does not exist", readErr(filepath.Join(dir, "run.json")), []string{"run.json", "there is no such file"}},
		{"a file that is no document", readErr(file), []string{file, "document is empty"}},
		{"a read-only file system", explain("write", "/ro/run.json", syscall.EROFS), []string{"/ro/run.json", "read-only file system; choose another folder"}},
		{"a folder of somebody else", explain("write", "/x/run.json", fs.ErrPermission), []string{"/x/run.json", "no permission in /x"}},
		{"a used-up quota", explain("write", "/x/run.json", syscall.EDQUOT), []string{"/x/run.json", "is full"}},
		{"any other error", explain("write", "/x/run.json", syscall.EIO), []string{"write /x/run.json", "input/output error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, w := range c.want {
				if c.err == nil || !strings.Contains(c.err.Error(), w) {
					t.Errorf("error is %v, want it to contain %q", c.err, w)
				}
			}
		})
	}
}

func TestAFolderWithoutPermissionIsNamed(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("needs a user other than root, whom no folder is closed to")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(filepath.Join(dir, "run.json"), 0o644, content("x"))
	if err == nil || !strings.Contains(err.Error(), "no permission in "+dir) {
		t.Errorf("error is %v", err)
	}
}

func TestARunSurvivesWritingAndReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.json")
	run := &result.Run{ID: "20260102T150405Z-4f3a2b1c", Started: time.Unix(1, 0).UTC()}
	if err := WriteRun(path, run); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRun(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != run.ID || got.Checksum != run.Checksum || got.Checksum == "" {
		t.Errorf("read %q %q, wrote %q %q", got.ID, got.Checksum, run.ID, run.Checksum)
	}
}

func TestAFolderIsLockedOnce(t *testing.T) {
	dir := t.TempDir()
	l, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Lock(dir)
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() {
		t.Fatalf("second lock: %v, want a LockedError with pid %d", err, os.Getpid())
	}
	if want := fmt.Sprintf("another run (pid %d) is writing in %s", os.Getpid(), dir); !strings.Contains(err.Error(), want) {
		t.Errorf("error is %q, want it to contain %q", err, want)
	}
	for range 2 {
		if err := l.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	onlyFile(t, dir, "")
	l, err = Lock(dir)
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(filepath.Join(dir, "no")); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("lock in a missing folder: %v", err)
	}
}

func TestOnlyOneOfManyHoldsALock(t *testing.T) {
	dir := t.TempDir()
	var holders, got atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				l, err := Lock(dir)
				if errors.As(err, new(*LockedError)) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d holders at once", n)
				}
				got.Add(1)
				holders.Add(-1)
				if err := l.Unlock(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got.Load() == 0 {
		t.Error("nobody ever held the lock")
	}
}

func TestAKilledHolderLeavesNoLock(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldLock$")
	cmd.Env = append(os.Environ(), "STORE_TEST_LOCK="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("holder said %q, %v", line, err)
	}
	var locked *LockedError
	if _, err := Lock(dir); !errors.As(err, &locked) || locked.PID != cmd.Process.Pid {
		t.Errorf("lock beside the holder: %v, want pid %d named", err, cmd.Process.Pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	l, err := Lock(dir)
	if err != nil {
		t.Fatalf("lock after the holder was killed: %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Error(err)
	}
}

// TestHoldLock is the process that TestAKilledHolderLeavesNoLock kills.
func TestHoldLock(t *testing.T) {
	dir := os.Getenv("STORE_TEST_LOCK")
	if dir == "" {
		return
	}
	if _, err := Lock(dir); err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	io.Copy(io.Discard, os.Stdin)
}

func TestDirs(t *testing.T) {
	home, tmp := t.TempDir(), t.TempDir()
	private := filepath.Join(tmp, fmt.Sprintf("harness-%d", os.Getuid()))
	for _, c := range []struct {
		name string
		env  map[string]string
		want Folders
	}{
		{"below home by default", map[string]string{"HOME": home},
			Folders{State: home + "/.local/state/harness", Cache: home + "/.cache/harness", Data: home + "/.local/share/harness"}},
		{"where XDG says", map[string]string{"HOME": home, "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c", "XDG_DATA_HOME": "/d"},
			Folders{State: "/s/harness", Cache: "/c/harness", Data: "/d/harness"}},
		{"a relative XDG folder is ignored", map[string]string{"HOME": home, "XDG_STATE_HOME": "s"},
			Folders{State: home + "/.local/state/harness", Cache: home + "/.cache/harness", Data: home + "/.local/share/harness"}},
		{"XDG without home needs no temporary folder", map[string]string{"XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c", "XDG_DATA_HOME": "/d"},
			Folders{State: "/s/harness", Cache: "/c/harness", Data: "/d/harness"}},
		{"a private temporary folder without home", map[string]string{"TMPDIR": tmp},
			Folders{State: private + "/state", Cache: private + "/cache", Data: private + "/share", Temporary: true}},
		{"the same one again, also when home does not exist", map[string]string{"TMPDIR": tmp, "HOME": "/nonexistent", "XDG_DATA_HOME": "/d"},
			Folders{State: private + "/state", Cache: private + "/cache", Data: "/d/harness", Temporary: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Dirs(func(k string) string { return c.env[k] })
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	if info, err := os.Stat(private); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("temporary folder: %v, %v; want mode 0700", info, err)
	}
}

func TestATemporaryFolderThatOthersCanWriteInIsRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(path string) error
	}{
		{"a folder that is open to all", func(p string) error {
			if err := os.Mkdir(p, 0o700); err != nil {
				return err
			}
			return os.Chmod(p, 0o777)
		}},
		{"a link to elsewhere", func(p string) error { return os.Symlink(os.TempDir(), p) }},
		{"a file", func(p string) error { return os.WriteFile(p, nil, 0o600) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp := t.TempDir()
			if err := c.plant(filepath.Join(tmp, fmt.Sprintf("harness-%d", os.Getuid()))); err != nil {
				t.Fatal(err)
			}
			_, err := Dirs(func(k string) string { return map[string]string{"TMPDIR": tmp}[k] })
			if err == nil || !strings.Contains(err.Error(), "set HOME") {
				t.Errorf("error is %v, want a refusal that names the remedy", err)
			}
		})
	}
}
