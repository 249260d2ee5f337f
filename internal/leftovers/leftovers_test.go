package leftovers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/benchharness/harness/internal/proc"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/journal"
)

// scene is a folder of journals, one for temporary files, and what a sweep
// did.
type scene struct {
	t              *testing.T
	journals, temp string
	removed        []string
	cleaned        []string
	fail           error // of Clean
	kept           bool  // asks for what was kept
}

func newScene(t *testing.T) *scene {
	return &scene{t: t, journals: filepath.Join(t.TempDir(), "journal"), temp: t.TempDir()}
}

// run starts the journal of a run.
func (s *scene) run(id string) *Journal {
	s.t.Helper()
	j, err := Create(s.journals, journal.Run{ID: id, PID: os.Getpid(), Dir: "/work"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { j.lock.Close() })
	return j
}

// die drops a journal's lock, as the end of its process does.
func die(t *testing.T, j *Journal) {
	t.Helper()
	if err := errors.Join(j.File.Close(), j.lock.Close()); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) scratch(id string, j sdk.Journal) string {
	s.t.Helper()
	dir, err := Scratch(s.temp, id, j)
	if err != nil {
		s.t.Fatal(err)
	}
	return dir
}

func (s *scene) sweep() error {
	return Sweep(context.Background(), s.journals, Hooks{
		Kept:    s.kept,
		Removed: func(run, what string) { s.removed = append(s.removed, run+": "+what) },
		Clean: func(_ context.Context, run journal.Run, owner, target string, objects []sdk.Object) error {
			var names []string
			for _, o := range objects {
				names = append(names, o.Kind+" "+o.Name)
			}
			s.cleaned = append(s.cleaned, fmt.Sprintf("%s: %s on %s: %s", run.ID, owner, target, strings.Join(names, ", ")))
			return s.fail
		},
	})
}

func (s *scene) must(want ...string) {
	s.t.Helper()
	if err := s.sweep(); err != nil {
		s.t.Error(err)
	}
	if !slices.Equal(s.removed, want) {
		s.t.Errorf("removed %q, want %q", s.removed, want)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (s *scene) write(path, content string) string {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func TestALiveRunIsNotTouched(t *testing.T) {
	s := newScene(t)
	j := s.run("r1")
	dir := s.scratch("r1", j)
	s.must()
	if !exists(dir) || !exists(j.Path) {
		t.Error("something of the live run is gone")
	}
	if err := errors.Join(RemoveScratch(dir, j), j.Close()); err != nil {
		t.Fatal(err)
	}
	if exists(dir) || exists(j.Path) {
		t.Error("a run that ended well left something behind")
	}
}

func TestWhatADeadRunLeftIsRemoved(t *testing.T) {
	s := newScene(t)
	j := s.run("r1")
	dir := s.scratch("r1", j)
	s.write(filepath.Join(dir, "s0", "data"), "x")
	child := exec.Command("sleep", "1000")
	child.Env = append(os.Environ(), proc.EnvToken+"=token-of-r1")
	for _, o := range []sdk.Object{{Kind: proc.Kind, Name: "token-of-r1"}, {Kind: proc.Kind, Name: "token-of-nobody"}} {
		if err := j.Record(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for _, o := range []sdk.Object{{Kind: "schema", Name: "a"}, {Kind: "schema", Name: "b"}} {
		if err := j.For("db", "main-db").Record(o); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(
		j.For("vector", "qdrant").Record(sdk.Object{Kind: "collection", Name: "c"}),
		j.For("vector", "qdrant").Record(sdk.Object{Kind: "collection", Name: "gone"}),
		j.For("vector", "qdrant").Forget(sdk.Object{Kind: "collection", Name: "gone"}),
		j.For("db", "reference").Record(sdk.Object{Kind: "schema", Name: "in the reference"}),
	); err != nil {
		t.Fatal(err)
	}
	die(t, j)
	waited := make(chan error, 1)
	go func() { waited <- child.Wait() }() // a zombie would count as there
	s.must(
		fmt.Sprintf("r1: process %d", child.Process.Pid),
		"r1: collection c on qdrant", "r1: schema b on main-db", "r1: schema a on main-db",
		"r1: folder "+dir,
	)
	if err := <-waited; err == nil || err.Error() != "signal: killed" {
		t.Errorf("the process ended with %v", err)
	}
	if want := []string{"r1: vector on qdrant: collection c", "r1: db on main-db: schema b, schema a"}; !slices.Equal(s.cleaned, want) {
		t.Errorf("cleaned %q, want %q", s.cleaned, want)
	}
	if exists(dir) || exists(j.Path) {
		t.Error("the folder or the journal is still there")
	}
	s.removed = nil
	s.must() // and once more finds nothing
}

func TestFoldersThatAreNotTheRunsAreLeftAlone(t *testing.T) {
	s := newScene(t)
	full := func(name, marker string) string {
		dir := filepath.Join(s.temp, name)
		s.write(filepath.Join(dir, "precious"), "x")
		if marker != "" {
			s.write(filepath.Join(dir, MarkerName), marker)
		}
		return dir
	}
	target := full("target", `{"run_id":"r1"}`)
	link := filepath.Join(s.temp, "harness-link")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{
		"without a marker":        full("harness-a", ""),
		"with another run's":      full("harness-b", `{"run_id":"r2"}`),
		"with a torn marker":      full("harness-c", `{"run_`),
		"of another kind of name": full("home", `{"run_id":"r1"}`),
		"that is a file":          s.write(filepath.Join(s.temp, "harness-file"), "x"),
		"that is a link":          link,
	} {
		t.Run(name, func(t *testing.T) {
			s := &scene{t: t, journals: filepath.Join(t.TempDir(), "journal")}
			j := s.run("r1")
			if err := j.Record(sdk.Object{Kind: KindFolder, Name: dir}); err != nil {
				t.Fatal(err)
			}
			die(t, j)
			err := s.sweep()
			if err == nil || !strings.Contains(err.Error(), "left alone") || !strings.Contains(err.Error(), dir) {
				t.Errorf("error is %v", err)
			}
			if !exists(dir) || dir != link && !exists(filepath.Join(dir, "precious")) && !strings.HasSuffix(dir, "file") {
				t.Error("it is gone")
			}
			if !exists(j.Path) {
				t.Error("the journal is gone, although something of it is left")
			}
		})
	}
	if !exists(filepath.Join(target, "precious")) {
		t.Error("what the link names is gone")
	}
}

func TestAnEmptyFolderThatWasNotYetMarkedIsRemoved(t *testing.T) {
	s := newScene(t)
	j := s.run("r1")
	dir := filepath.Join(s.temp, "harness-r1")
	if err := errors.Join(j.Record(sdk.Object{Kind: KindFolder, Name: dir}), os.Mkdir(dir, 0o711)); err != nil {
		t.Fatal(err)
	}
	die(t, j)
	s.must("r1: folder " + dir)
}

func TestWhatCannotBeRemovedStaysJournalled(t *testing.T) {
	s := newScene(t)
	j := s.run("r1")
	dir := s.scratch("r1", j)
	if err := j.For("db", "main-db").Record(sdk.Object{Kind: "schema", Name: "a"}); err != nil {
		t.Fatal(err)
	}
	die(t, j)
	s.fail = errors.New("the server is down")
	err := s.sweep()
	if err == nil || err.Error() != "clean up after run r1: the server is down" {
		t.Errorf("error is %v", err)
	}
	if exists(dir) || !exists(j.Path) {
		t.Error("the folder should be gone and the journal there")
	}
	s.fail, s.removed = nil, nil
	s.must("r1: schema a on main-db")
	if exists(j.Path) {
		t.Error("the journal is still there")
	}
}

func TestATornLastLineHidesNothing(t *testing.T) {
	s := newScene(t)
	j := s.run("r1")
	dir := s.scratch("r1", j)
	die(t, j)
	f, err := os.OpenFile(j.Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"verb":"record","object":{"ki`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	s.must("r1: folder " + dir)
}

func TestAJournalThatCannotBeReadIsNamedAndTheOthersAreSwept(t *testing.T) {
	s := newScene(t)
	bad := s.write(filepath.Join(s.journals, "r0.jsonl"), "garbage\nmore garbage\n")
	empty := s.write(filepath.Join(s.journals, "r00.jsonl"), "")
	foreign := s.write(filepath.Join(s.journals, "notes.txt"), "x")
	j := s.run("r1")
	dir := s.scratch("r1", j)
	die(t, j)
	err := s.sweep()
	if err == nil || !strings.Contains(err.Error(), bad) || !strings.Contains(err.Error(), "remove by hand") {
		t.Errorf("error is %v", err)
	}
	if exists(dir) || exists(empty) {
		t.Error("the dead run or the empty journal was not swept")
	}
	if !exists(bad) || !exists(foreign) {
		t.Error("a file that is no journal is gone")
	}
}

func TestAFolderWithoutJournalsIsNoError(t *testing.T) {
	s := newScene(t)
	s.must()
}

func TestARunsNameIsTakenOnce(t *testing.T) {
	s := newScene(t)
	j := s.run("r1")
	if _, err := Create(s.journals, journal.Run{ID: "r1"}); err == nil || !strings.Contains(err.Error(), "it exists") {
		t.Errorf("error is %v", err)
	}
	if err := j.Record(sdk.Object{Kind: "x", Name: "y"}); err != nil {
		t.Errorf("the first one is broken: %v", err)
	}
}

func TestRunsThatStartAndSweepAtOnceDoNotDisturbEachOther(t *testing.T) {
	s := newScene(t)
	var runs sync.WaitGroup
	for n := range 4 {
		runs.Go(func() {
			for i := range 25 {
				id := fmt.Sprintf("r%d-%d", n, i)
				if err := Sweep(context.Background(), s.journals, Hooks{Removed: func(run, what string) {
					t.Errorf("run %s lives, and its %s was removed", run, what)
				}}); err != nil {
					t.Error(err)
				}
				j, err := Create(s.journals, journal.Run{ID: id})
				if err != nil {
					t.Error(err)
					return
				}
				dir, err := Scratch(s.temp, id, j)
				if err := errors.Join(err, RemoveScratch(dir, j), j.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	runs.Wait()
	if left, err := os.ReadDir(s.journals); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestWhatWasKeptOnPurposeGoesOnlyWhenThatIsAskedFor(t *testing.T) {
	s := newScene(t)
	j, err := Create(s.journals, journal.Run{ID: "r1", PID: os.Getpid(), Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	dir := s.scratch("r1", j)
	table := sdk.Object{Kind: "table", Name: "harness_r1_t"}
	if err := errors.Join(j.For("db", "main-db").Record(table), j.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.sweep(); err != nil || len(s.cleaned) > 0 {
		t.Errorf("a sweep removed what was kept: %q, %v", s.cleaned, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the folder is no such thing and is still there: %v", err)
	}
	s.kept = true
	if err := s.sweep(); err != nil || len(s.cleaned) != 1 {
		t.Errorf("it was asked for and is still there: %q, %v", s.cleaned, err)
	}
}

func TestAJournalOfReferenceObjectsOnlyEndsWithItsRun(t *testing.T) {
	s := newScene(t)
	j := s.run("r1")
	if err := errors.Join(j.For("db", "reference").Record(sdk.Object{Kind: "schema", Name: "harness_r1"}), j.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(j.Path); !os.IsNotExist(err) {
		t.Errorf("the journal is left: %v", err)
	}
}
