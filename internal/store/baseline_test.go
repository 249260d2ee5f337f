package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
)

func numbered(n int) *result.Run {
	return &result.Run{ID: fmt.Sprintf("20260102T1504%02dZ-4f3a2b1c", n), Started: time.Unix(int64(n), 0).UTC(), Complete: true}
}

func ids(runs []*result.Run) string {
	var out []string
	for _, r := range runs {
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(r.ID, "20260102T1504"), "Z-4f3a2b1c"))
	}
	return strings.Join(out, " ")
}

func mustSave(t *testing.T, dirs Folders, name string, n int) (backup string) {
	t.Helper()
	backup, err := SaveBaseline(dirs, name, numbered(n))
	if err != nil {
		t.Fatal(err)
	}
	return backup
}

func mustRead(t *testing.T, dirs Folders, name string) string {
	t.Helper()
	runs, err := ReadBaseline(dirs, name)
	if err != nil {
		t.Fatal(err)
	}
	return ids(runs)
}

func TestABaselineIsReplacedAndTheOneBeforeIsKept(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	file := filepath.Join(t.TempDir(), "baseline.json")
	for _, name := range []string{"main", file} {
		if backup := mustSave(t, dirs, name, 1); backup != "" {
			t.Errorf("%s: the first one has the backup %s", name, backup)
		}
		backup := mustSave(t, dirs, name, 2)
		if got := mustRead(t, dirs, name); got != "02" {
			t.Errorf("%s holds runs %s, want 02", name, got)
		}
		if runs, err := ReadRuns(backup); err != nil || ids(runs) != "01" {
			t.Errorf("%s: the backup holds %v, %v", name, runs, err)
		}
	}
	if path, err := BaselinePath(dirs, "main"); err != nil || path != filepath.Join(dirs.Data, "baselines", "main.json") {
		t.Errorf("main is %s, %v", path, err)
	}
}

func TestOnlyTheNewestBackupsAreKept(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	for n := range 9 {
		mustSave(t, dirs, "main", n)
	}
	path, err := BaselinePath(dirs, "main")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, b := range Backups(path) {
		runs, err := ReadRuns(b)
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, ids(runs))
	}
	if got := strings.Join(have, " "); got != "03 04 05 06 07" {
		t.Errorf("backups hold runs %s, want the five before the last", got)
	}
}

func TestRunsAreAddedAndTheOldestGoes(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	for n := range MaxBaselineRuns {
		runs, backup, err := AddToBaseline(dirs, "main", numbered(n))
		if err != nil || runs != n+1 || backup != "" {
			t.Fatalf("run %d: %d runs, backup %q, %v", n, runs, backup, err)
		}
	}
	if _, _, err := AddToBaseline(dirs, "main", numbered(3)); err == nil || !strings.Contains(err.Error(), "is in the baseline already") {
		t.Errorf("the same run again: %v", err)
	}
	runs, backup, err := AddToBaseline(dirs, "main", numbered(50))
	if err != nil || runs != MaxBaselineRuns || backup == "" {
		t.Fatalf("one too many: %d runs, backup %q, %v", runs, backup, err)
	}
	got := mustRead(t, dirs, "main")
	if !strings.HasPrefix(got, "01 ") || !strings.HasSuffix(got, " 50") {
		t.Errorf("it holds runs %s, want 01 … 50", got)
	}
	if old, err := ReadRuns(backup); err != nil || !strings.HasPrefix(ids(old), "00 01 ") {
		t.Errorf("the backup holds %s, %v", ids(old), err)
	}
}

func TestACorruptBaselineIsNamedWithItsNewestIntactBackup(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(content []byte) []byte
		want string
	}{
		{"cut off", func(b []byte) []byte { return b[:len(b)/2] }, "cut off"},
		{"edited", func(b []byte) []byte { return bytes.Replace(b, []byte("1504"), []byte("1505"), 1) }, "changed after it was written"},
		{"empty", func([]byte) []byte { return nil }, "empty"},
		{"foreign", func([]byte) []byte { return []byte(`{"schema": "other/v1"}`) }, "not a run document"},
		{"of a later version", func([]byte) []byte { return []byte(`{"schema": "harness.run/v7"}`) }, "upgrade harness"},
		{"a run and rubbish", func(b []byte) []byte { return append(b, "{]"...) }, "run 2 of it"},
		{"the same run twice", func(b []byte) []byte { return append(b, b...) }, "is in it twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dirs := Folders{Data: t.TempDir()}
			mustSave(t, dirs, "main", 1)
			intact := mustSave(t, dirs, "main", 2)
			broken := mustSave(t, dirs, "main", 3)
			if err := os.WriteFile(broken, []byte("rubbish"), 0o644); err != nil {
				t.Fatal(err)
			}
			path, err := BaselinePath(dirs, "main")
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.harm(content), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err = ReadBaseline(dirs, "main")
			var corrupt *CorruptError
			if !errors.As(err, &corrupt) || corrupt.Backup != intact {
				t.Fatalf("error is %v, want one that names %s", err, intact)
			}
			for _, want := range []string{path, c.want, "newest intact backup is " + intact} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %q, want it to contain %q", err, want)
				}
			}
			if _, _, err := AddToBaseline(dirs, "main", numbered(4)); !errors.As(err, &corrupt) {
				t.Errorf("adding to it: %v, want a refusal", err)
			}
			// Saving anew keeps even what is broken.
			backup := mustSave(t, dirs, "main", 5)
			if kept, err := os.ReadFile(backup); err != nil || !bytes.Equal(kept, c.harm(content)) {
				t.Errorf("the backup of the broken one holds %d bytes, %v", len(kept), err)
			}
		})
	}
}

func TestAMissingBaselineIsSaidToBeMissing(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	for _, name := range []string{"main", filepath.Join(dirs.Data, "x.json")} {
		if _, err := ReadBaseline(dirs, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := RemoveBaseline(dirs, "main"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("remove: %v", err)
	}
}

func TestARemovedBaselineLeavesABackup(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	mustSave(t, dirs, "main", 1)
	backup, err := RemoveBaseline(dirs, "main")
	if err != nil {
		t.Fatal(err)
	}
	if runs, err := ReadRuns(backup); err != nil || ids(runs) != "01" {
		t.Errorf("the backup holds %s, %v", ids(runs), err)
	}
	if list, err := ListBaselines(dirs); err != nil || len(list) != 0 {
		t.Errorf("the list has %v, %v", list, err)
	}
}

func TestTheListHoldsTheBrokenToo(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	if list, err := ListBaselines(dirs); err != nil || len(list) != 0 {
		t.Fatalf("without a folder: %v, %v", list, err)
	}
	mustSave(t, dirs, "main", 1)
	mustSave(t, dirs, "main", 2)
	mustSave(t, dirs, "zoo.v2", 3)
	if err := os.WriteFile(filepath.Join(dirs.Baselines(), "bad.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	list, err := ListBaselines(dirs)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, b := range list {
		got = append(got, fmt.Sprintf("%s:%d:%d:%v", b.Name, len(b.Runs), b.Backups, b.Err != nil))
	}
	if s := strings.Join(got, " "); s != "bad:0:0:true main:1:1:false zoo.v2:1:0:false" {
		t.Errorf("the list is %s", s)
	}
}

func TestNamesThatWouldLeaveTheFolderAreRefused(t *testing.T) {
	for _, name := range []string{"", "..", ".hidden", "a b", "naïve", strings.Repeat("x", 101), "a\nb"} {
		if path, err := BaselinePath(Folders{Data: "/d"}, name); err == nil {
			t.Errorf("%q is %s", name, path)
		}
	}
	for name, want := range map[string]string{"main": "/d/baselines/main.json", "v1.2_x-y": "/d/baselines/v1.2_x-y.json", "main.json": "main.json", "./main": "./main"} {
		if path, err := BaselinePath(Folders{Data: "/d"}, name); err != nil || path != want {
			t.Errorf("%q is %s, %v, want %s", name, path, err, want)
		}
	}
}

func TestALinkedBaselineStaysALink(t *testing.T) {
	dir := t.TempDir()
	link, target := filepath.Join(dir, "link.json"), filepath.Join(dir, "target.json")
	if err := os.Symlink("target.json", link); err != nil {
		t.Fatal(err)
	}
	mustSave(t, Folders{}, link, 1)
	backup := mustSave(t, Folders{}, link, 2)
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced by a file")
	}
	if !strings.HasPrefix(backup, target+".bak-") || mustRead(t, Folders{}, target) != "02" {
		t.Errorf("backup %s", backup)
	}
}

func TestWhatIsNoFileIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir + "/", os.DevNull} {
		if _, err := SaveBaseline(Folders{}, path, numbered(1)); err == nil || !strings.Contains(err.Error(), "not a plain file") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := SaveBaseline(Folders{}, filepath.Join(dir, "no", "b.json"), numbered(1)); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestSaversDoNotLoseEachOther has goroutines and a second process add to one
// baseline at once.
func TestSaversDoNotLoseEachOther(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	cmd := exec.Command(os.Args[0], "-test.run=^TestAddFive$")
	cmd.Env = append(os.Environ(), "STORE_TEST_ADD="+dirs.Data)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 10 {
		wg.Go(func() {
			if _, _, err := AddToBaseline(dirs, "main", numbered(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got := len(strings.Fields(mustRead(t, dirs, "main"))); got != 15 {
		t.Errorf("%d runs are left of 15", got)
	}
	onlyFile(t, dirs.Baselines(), "main.json")
}

// TestAddFive is the second process of TestSaversDoNotLoseEachOther.
func TestAddFive(t *testing.T) {
	dir := os.Getenv("STORE_TEST_ADD")
	if dir == "" {
		return
	}
	for n := range 5 {
		if _, _, err := AddToBaseline(Folders{Data: dir}, "main", numbered(20+n)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASaverThatNeverEndsIsNamed(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	mustSave(t, dirs, "main", 1)
	defer func(d time.Duration) { lockPatience = d }(lockPatience)
	lockPatience = 50 * time.Millisecond
	l, err := lockFile(filepath.Join(dirs.Baselines(), ".main.json.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	_, err = SaveBaseline(dirs, "main", numbered(2))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) || !strings.Contains(err.Error(), "is writing it") {
		t.Errorf("error is %v", err)
	}
	if got := mustRead(t, dirs, "main"); got != "01" {
		t.Errorf("it holds runs %s, want the old one", got)
	}
}

func FuzzBaselineFile(f *testing.F) {
	var one bytes.Buffer
	if err := result.Encode(&one, numbered(1)); err != nil {
		f.Fatal(err)
	}
	f.Add(one.Bytes())
	f.Add(append(one.Bytes(), one.Bytes()...))
	f.Add([]byte(`{"schema":"harness.run/v1"} {`))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		runs, err := decodeRuns(raw)
		if (err == nil) != (len(runs) > 0) {
			t.Fatalf("%d runs and error %v", len(runs), err)
		}
		var again bytes.Buffer
		for _, r := range runs {
			if err := result.Encode(&again, r); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
		}
		if err == nil {
			if back, err := decodeRuns(again.Bytes()); err != nil || ids(back) != ids(runs) {
				t.Fatalf("what was written cannot be read: %v", err)
			}
		}
	})
}

func TestOnlyPlainFilesAreBaselines(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	if _, err := SaveBaseline(dirs, "main", numbered(1)); err != nil {
		t.Fatal(err)
	}
	for name, create := range map[string]func(string) error{
		"pipe":   func(p string) error { return syscall.Mkfifo(p, 0o644) },
		"folder": func(p string) error { return os.Mkdir(p, 0o755) },
		"link":   func(p string) error { return os.Symlink(filepath.Join(dirs.Baselines(), "main.json"), p) },
		"main.json.bak-20260101T000000.000Z": func(p string) error {
			return syscall.Mkfifo(strings.TrimSuffix(p, ".json"), 0o644)
		},
	} {
		if err := create(filepath.Join(dirs.Baselines(), name+".json")); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		list, err := ListBaselines(dirs)
		if err != nil || len(list) != 2 || list[0].Name != "link" || list[1].Name != "main" || list[1].Backups != 0 {
			t.Errorf("the baselines are %+v, %v", list, err)
		}
		for _, name := range []string{"pipe", "folder"} {
			if _, err := ReadBaseline(dirs, name); err == nil || !strings.Contains(err.Error(), "not a plain file") {
				t.Errorf("%s is read with error %v", name, err)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it waits for somebody to write into a pipe")
	}
}
