package postgres

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// install puts programs into a folder; each prints its name.
func install(t *testing.T, dir string, programs ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		script(t, filepath.Join(dir, name), "echo "+name)
	}
	return dir
}

func script(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFoldersAreTriedNewestFirst(t *testing.T) {
	base := t.TempDir()
	for _, version := range []string{"9.6", "15", "10", "9.10"} {
		install(t, filepath.Join(base, version, "bin"), "initdb", "postgres")
	}
	install(t, filepath.Join(base, "16", "bin"), "psql") // a client only
	var versions []string
	for _, dir := range globNewestFirst([]string{filepath.Join(base, "*", "bin")}) {
		versions = append(versions, filepath.Base(filepath.Dir(dir)))
	}
	if want := []string{"15", "10", "9.10", "9.6"}; !slices.Equal(versions, want) {
		t.Errorf("tried %v, want %v", versions, want)
	}
}

func TestPATHLeadsToWhereTheProgramsReallyLie(t *testing.T) {
	real := install(t, filepath.Join(t.TempDir(), "real"), "initdb", "postgres")
	real, err := filepath.EvalSymlinks(real)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		shims func(t *testing.T, dir string)
		want  []string
	}{
		{"through a link", func(t *testing.T, dir string) {
			if err := os.Symlink(filepath.Join(real, "initdb"), filepath.Join(dir, "initdb")); err != nil {
				t.Fatal(err)
			}
		}, []string{real}},
		{"through pg_config, where initdb is a wrapper", func(t *testing.T, dir string) {
			install(t, dir, "initdb")
			script(t, filepath.Join(dir, "pg_config"), "echo "+real)
		}, []string{real}},
		{"nowhere, where pg_config is of a client library", func(t *testing.T, dir string) {
			script(t, filepath.Join(dir, "pg_config"), "echo /usr")
		}, nil},
		{"nowhere, where initdb is a wrapper alone", func(t *testing.T, dir string) { install(t, dir, "initdb") }, nil},
		{"nowhere, where PATH is empty", func(*testing.T, string) {}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.shims(t, dir)
			t.Setenv("PATH", dir)
			if got := pathFolders(t.Context()); !slices.Equal(got, test.want) {
				t.Errorf("candidates %v, want %v", got, test.want)
			}
		})
	}
}

func TestAnInstallationThatCannotServeIsRefusedWithTheReason(t *testing.T) {
	acct, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ postgres, initdb, want string }{
		"too old":             {`echo "postgres (PostgreSQL) 11.22"`, "true", "older than 12"},
		"something else":      {`echo "hello"`, "true", `"hello"`},
		"a broken program":    {`echo "libfoo.so: not found" >&2; exit 127`, "true", "libfoo.so"},
		"no share files":      {`echo "postgres (PostgreSQL) 17.1"`, "echo share_path=/nonexistent", "share files"},
		"an initdb that errs": {`echo "postgres (PostgreSQL) 17.1"`, "echo no share >&2; exit 1", "no share"},
		"a silent initdb":     {`echo "postgres (PostgreSQL) 17.1"`, "true", "share_path"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := baseFolder(t)
			script(t, filepath.Join(dir, "postgres"), test.postgres)
			script(t, filepath.Join(dir, "initdb"), test.initdb)
			if err := checkBinaries(t.Context(), dir, acct); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("checkBinaries = %v, want %q", err, test.want)
			}
		})
	}
}

func TestAFolderClosedToTheAccountIsPassedOver(t *testing.T) {
	base := baseFolder(t)
	closed := filepath.Join(base, "closed")
	inner := filepath.Join(closed, "inner")
	if err := os.MkdirAll(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	stranger := account{name: "somebody", uid: 12345, gid: 12345, drop: true}
	if err := stranger.reach(inner); err == nil || !strings.Contains(err.Error(), closed) {
		t.Errorf("reach = %v, want an error that names %s", err, closed)
	}
	got, err := chooseBase([]string{inner, base}, stranger, false)
	if err != nil || got != base {
		t.Errorf("chooseBase = %q, %v, want %q", got, err, base)
	}
	owner := account{name: "owner", uid: uint32(os.Geteuid()), drop: true}
	if err := owner.reach(inner); err != nil {
		t.Errorf("the owner of a folder cannot enter it: %v", err)
	}
	if _, err := chooseBase([]string{inner}, stranger, false); err == nil {
		t.Error("a folder closed to the account was chosen")
	}
}
