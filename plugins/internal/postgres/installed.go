package postgres

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oldest is the first major version whose options and settings are known here.
const oldest = 12

// binaries are a checked folder with initdb and postgres in it.
type binaries struct {
	dir    string
	source string // provenance, for people
}

// usualFolders are where packages put the binaries, by system.
var usualFolders = []string{
	"/usr/lib/postgresql/*/bin", // Debian, Ubuntu, Alpine's predecessors
	"/usr/libexec/postgresql*",  // Alpine
	"/usr/pgsql-*/bin",          // the project's RPMs
	"/usr/lib/postgresql*/bin",  // openSUSE, Gentoo
	"/opt/homebrew/opt/postgresql@*/bin",
	"/opt/homebrew/opt/postgresql/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql/bin",
	"/opt/local/lib/postgresql*/bin", // MacPorts
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/Library/PostgreSQL/*/bin",
	"/usr/local/pgsql/bin", // built from source
}

// findInstalled returns the first candidate that works, or the reason why each
// does not.
func findInstalled(ctx context.Context, acct account, candidates []string) (binaries, []string) {
	var reasons []string
	for _, dir := range candidates {
		if err := checkBinaries(ctx, dir, acct); err != nil {
			reasons = append(reasons, fmt.Sprintf("%s: %v", dir, err))
			continue
		}
		return binaries{dir: dir, source: "installed " + dir}, nil
	}
	if len(reasons) == 0 {
		reasons = []string{"nothing is installed in PATH or the usual folders"}
	}
	return binaries{}, reasons
}

// installedFolders are the candidates: from PATH, then the usual folders.
func installedFolders(ctx context.Context) []string {
	return slices.Concat(pathFolders(ctx), globNewestFirst(usualFolders))
}

// pathFolders are the candidates that PATH leads to. Links are followed,
// because initdb finds its share files from where it really lies. Where
// initdb has no postgres beside it, it is some wrapper; then pg_config knows.
func pathFolders(ctx context.Context) []string {
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			if dir := filepath.Dir(real); isProgram(filepath.Join(dir, "postgres")) {
				dirs = append(dirs, dir)
			}
		}
	}
	if config, err := exec.LookPath("pg_config"); err == nil {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if out, err := exec.CommandContext(ctx, config, "--bindir").Output(); err == nil {
			dir := strings.TrimSpace(string(out))
			// pg_config may belong to a client library alone.
			if isProgram(filepath.Join(dir, "initdb")) && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// globNewestFirst expands patterns in their order, each newest version first.
func globNewestFirst(patterns []string) []string {
	var dirs []string
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortStableFunc(found, func(a, b string) int { return compareVersions(b, a) })
		for _, dir := range found {
			if isProgram(filepath.Join(dir, "initdb")) && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

var digits = regexp.MustCompile(`\d+`)

// compareVersions orders two paths by the numbers in them: 9.6 before 15.
func compareVersions(a, b string) int {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	return slices.CompareFunc(digits.FindAllString(a, -1), digits.FindAllString(b, -1),
		func(x, y string) int { return number(x) - number(y) })
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

var (
	versionLine = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)
	sharePath   = regexp.MustCompile(`(?m)^share_path=(.+)$`)
)

// checkBinaries checks that the programs in dir run as acct, are of a known
// version, and find their share files.
func checkBinaries(ctx context.Context, dir string, acct account) error {
	for _, name := range []string{"initdb", "postgres"} {
		if !isProgram(filepath.Join(dir, name)) {
			return fmt.Errorf("has no program %s", name)
		}
	}
	if err := acct.reach(dir); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := runAs(ctx, acct, filepath.Join(dir, "postgres"), "--version")
	if err != nil {
		return err
	}
	version := versionLine.FindSubmatch(out)
	if version == nil {
		return fmt.Errorf("postgres --version says %q", bytes.TrimSpace(out))
	}
	if major, _ := strconv.Atoi(string(version[1])); major < oldest {
		return fmt.Errorf("is PostgreSQL %d, older than %d", major, oldest)
	}
	if out, err = runAs(ctx, acct, filepath.Join(dir, "initdb"), "--show", "-D", "/nonexistent"); err != nil {
		return err
	}
	share := sharePath.FindSubmatch(out)
	if share == nil {
		return fmt.Errorf("initdb --show names no share_path")
	}
	if _, err := os.Stat(filepath.Join(string(share[1]), "postgres.bki")); err != nil {
		return fmt.Errorf("its share files are missing: %w", err)
	}
	return nil
}

// runAs runs a short program as acct and returns both its outputs.
func runAs(ctx context.Context, acct account, path string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", serverEnv(), acct.attr()
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("%s %s: %w%s", filepath.Base(path), args[0], err, lastLines(out, 3))
	}
	return out, nil
}

// serverEnv is the environment of every PostgreSQL program started here: PG…
// variables of the caller's would change what they do. HARNESS_CHILD is the mark by
// which what is left of a dead run is found.
func serverEnv() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HARNESS_CHILD"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// lastLines quotes the last n lines of a program's output after an error.
func lastLines(out []byte, n int) string {
	text := strings.TrimSpace(string(out))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	return "; it said:\n\t" + strings.Join(lines[max(0, len(lines)-n):], "\n\t")
}
