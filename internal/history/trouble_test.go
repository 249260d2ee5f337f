package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// raw runs SQL on an index from outside.
func raw(t testing.TB, dir string, statements ...string) *sql.Conn {
	t.Helper()
	db, err := connect(filepath.Join(dir, IndexName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := c.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestAnIndexThatCannotBeUsedSaysSoAndCanBeRebuilt(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, dir string)
		kind Kind
		want string
	}{
		{"made by a later version", func(t *testing.T, dir string) { raw(t, dir, "PRAGMA user_version = 99").Close() },
			Newer, "upgrade this one; or harness history rebuild"},
		{"no database", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, IndexName), []byte(strings.Repeat("no database ", 1000)), 0o644); err != nil {
				t.Fatal(err)
			}
		}, Damaged, "harness history rebuild"},
		{"a table that is gone", func(t *testing.T, dir string) { raw(t, dir, "DROP TABLE runs").Close() },
			Damaged, "harness history rebuild"},
		{"pages overwritten", func(t *testing.T, dir string) {
			f, err := os.OpenFile(filepath.Join(dir, IndexName), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte(strings.Repeat("\xff", 64<<10)), 100); err != nil {
				t.Fatal(err)
			}
		}, Damaged, "harness history rebuild"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, run(1, 1))
			open(t, dir).Close()
			c.harm(t, dir)
			_, err := Open(t.Context(), dir)
			var in *IndexError
			if !errors.As(err, &in) || in.Kind != c.kind || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error is %v, want kind %s and %q", err, c.kind, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
			h, err := Rebuild(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if got := values(t, h); got != "01=2" {
				t.Errorf("after rebuilding the series is %s", got)
			}
		})
	}
}

func TestADatabaseOfAnotherProgramIsNeitherReadNorTakenAway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	open(t, dir).Close()
	raw(t, dir, "PRAGMA application_id = 7").Close()
	path := filepath.Join(dir, IndexName)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, open := range map[string]func(context.Context, string) (*History, error){"open": Open, "rebuild": Rebuild} {
		_, err := open(t.Context(), dir)
		var in *IndexError
		if !errors.As(err, &in) || in.Kind != Foreign || !strings.Contains(err.Error(), "another program") {
			t.Errorf("%s: error is %v, want kind %s", what, err, Foreign)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Fatalf("%s changed the database, or took it away: %v", what, err)
		}
	}
}

func TestAnIndexThatAnotherProcessHoldsIsNotTakenAway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	h := open(t, dir)
	raw(t, dir, "BEGIN EXCLUSIVE")
	ctx := t.Context()
	if _, err := h.db.ExecContext(ctx, "PRAGMA busy_timeout = 10"); err != nil {
		t.Fatal(err)
	}
	locked := func(what string, err error) {
		t.Helper()
		var in *IndexError
		if !errors.As(err, &in) || in.Kind != Locked || !strings.Contains(err.Error(), "wait for it to end") {
			t.Errorf("%s: %v, want that it is locked", what, err)
		}
	}
	_, err := h.Runs(ctx)
	locked("reading", err)
	file, _, err := h.Add(ctx, run(2, 2))
	locked("adding", err)
	if _, serr := os.Stat(filepath.Join(dir, "run-0002.json")); serr != nil || !strings.Contains(err.Error(), "is written, but not in the index") {
		t.Errorf("the document of the run that was added: %s, %v, %v", file, serr, err)
	}
	_, err = Rebuild(ctx, dir)
	locked("rebuilding", err)
}

func TestAReadOnlyHistoryCanBeReadWhenItsIndexIsUpToDate(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("needs a user other than root, whom no folder is closed to; cmd/harness tests it as one")
	}
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	open(t, dir).Close()
	defer os.Chmod(dir, 0o755)
	if err := errors.Join(os.Chmod(filepath.Join(dir, IndexName), 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	h := open(t, dir)
	if got := values(t, h); got != "01=2" {
		t.Errorf("the series is %s", got)
	}
	if _, _, err := h.Add(t.Context(), run(2, 2)); err == nil || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("adding: %v", err)
	}
}

func TestManyProcessesAddAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			h, err := Open(context.Background(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			for n := range 5 {
				if _, _, err := h.Add(context.Background(), run(10*k+n, 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	runs, err := open(t, dir).Runs(t.Context())
	if err != nil || len(runs) != 20 {
		t.Errorf("%d runs of 20 are there, %v", len(runs), err)
	}
}

func TestNamesCannotBreakOutOfTheIndex(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a ?#%20'dir")
	h, err := Create(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := run(1, 1)
	r.Benchmarks[0].ID = `x'; DROP TABLE runs; --`
	r.Benchmarks[0].Params = map[string]string{`k"`: `v'"\`}
	if _, _, err := h.Add(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	points, err := h.Series(t.Context(), r.Benchmarks[0].ID, r.Benchmarks[0].Params, "latency_mean")
	if err != nil || len(points) != 1 {
		t.Errorf("%v, %v", points, err)
	}
	if _, err := os.Stat(filepath.Join(dir, IndexName)); err != nil {
		t.Errorf("the index is not in the folder: %v", err)
	}
}
