package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs what is in testdata/script: mistakes that people make and
// misfortunes that they have, each with what harness has to say about it.
//
// Commands beside those of testscript:
//
//	status N PROGRAM ARGS…   run it; it has to end with exit code N, or with one of N|M
//	says TEXT…               the last program's stderr has exactly one line from harness, with all the texts in it
//	serve NAME KIND          start a server of that kind (servers_test.go); its address goes into $NAME
//	reference COMPONENT      start the reference stack's component; its address goes into $REFERENCE,
//	                         and with a wrong password into $WRONG
//	build NAME=DIR           build a plugin from testdata/DIR as ./harness-plugin-NAME
//	unprivileged N ARGS…     like status N harness ARGS…, as a user who may not write everywhere
//	smalldisk DIR SIZE       mount a disk of that many KiB
//	await FILE               wait until it exists
//	cleanedup                nothing is left in TMPDIR and in the journals
//	fill FILE                write to a file until the disk is full
//	sqlexec FILE STATEMENT   run a statement on an SQLite database, and keep it open
//	hub …, event …           a GitHub, and the environment of a job there (hub_test.go)
//	manifest, pack, site, release, digest: plugins to install (plugins_test.go)
//	capacity FILE LOW HIGH BY   the run has one confirmed capacity from LOW to HIGH, limited by that (capacity_test.go)
//	documents …, tamper …    write the documents of a comparison, and change one (documents_test.go)
func TestScripts(t *testing.T) {
	root := shortFolder(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), WorkdirRoot: root, RequireUniqueNames: true,
		Setup:     setupScript,
		Condition: scriptCondition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": cmdStatus, "says": cmdSays, "serve": cmdServe, "reference": cmdReference, "build": cmdBuild,
			"unprivileged": cmdUnprivileged, "smalldisk": cmdSmallDisk, "await": cmdAwait, "cleanedup": cmdCleanedUp, "fill": cmdFill,
			"sqlexec": cmdSQLExec, "hub": cmdHub, "event": cmdEvent, "documents": cmdDocuments, "tamper": cmdTamper,
			"manifest": cmdManifest, "pack": cmdPack, "site": cmdSite, "release": cmdRelease, "digest": cmdDigest, "capacity": cmdCapacity,
		},
	})
}

// shortFolder is a folder with a short path, for sockets, that other users can
// pass through, for a database server that is not root.
func shortFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "hs")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the test's folder: %v", err)
		}
	})
	return dir
}

func setupScript(e *testscript.Env) error {
	bin := filepath.Join(e.WorkDir, ".bin")
	for name, dir := range map[string]string{"HOME": ".h", "TMPDIR": ".t", "BIN": ".bin"} {
		path := filepath.Join(e.WorkDir, dir)
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
		e.Setenv(name, path)
	}
	e.Values[scriptT{}] = e.T()
	e.Values[hubKey{}] = &scriptHub{}
	exe, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	e.Setenv("PATH", bin+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
	return os.Symlink(exe, filepath.Join(bin, "harness"))
}

func scriptCondition(cond string) (bool, error) {
	switch cond {
	case "root":
		return os.Getuid() == 0, nil
	}
	name, arg, _ := strings.Cut(cond, ":")
	if name == "plugin" {
		return slices.ContainsFunc(builtinNames(), func(s string) bool { return s == arg }), nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// builtinNames are the plugins that the harness under test was built with.
func builtinNames() []string {
	var names []string
	for _, p := range builtins() {
		names = append(names, p.Name)
	}
	return names
}

// scriptLimit bounds every program of a script.
const scriptLimit = 2 * time.Minute

func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status CODE PROGRAM ARGS…")
	}
	runStatus(ts, args[0], nil, args[1], args[2:]...)
}

func runStatus(ts *testscript.TestScript, want string, as *syscall.Credential, program string, args ...string) {
	var codes []int
	for _, c := range strings.Split(want, "|") {
		code, err := strconv.Atoi(c)
		ts.Check(err)
		codes = append(codes, code)
	}
	if program == "harness" {
		program = filepath.Join(ts.Getenv("BIN"), "harness")
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnv(ts)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	cmd.WaitDelay = time.Second
	ts.Check(cmd.Start())
	timer := time.AfterFunc(scriptLimit, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		ts.Fatalf("%s: %v", program, err)
	}
	if got := cmd.ProcessState.ExitCode(); !slices.Contains(codes, got) {
		ts.Fatalf("exit code %d (%v), want %s", got, cmd.ProcessState, want)
	}
}

// scriptEnv is what programs see of the script's environment: other variables
// are given with env NAME=VALUE.
func scriptEnv(ts *testscript.TestScript) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR", "TARGET", "TARGET_PORT", "REFERENCE", "WRONG", "API_KEY"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	for _, name := range slices.Concat(botVariables, pluginVariables) {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// gospeak is what no message to a person holds.
var gospeak = regexp.MustCompile(`context (canceled|deadline)|rpc error|\bEOF\b|goroutine \d|(?m:^panic:)|runtime error|%!|<nil>|desc = |0x[0-9a-f]{6,}`)

func cmdSays(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: says TEXT…")
	}
	stderr := ts.ReadFile("stderr")
	var lines []string
	for _, line := range strings.Split(stderr, "\n") {
		if strings.HasPrefix(line, "harness: ") && !strings.HasPrefix(line, "harness: warning: ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		ts.Fatalf("%d lines say what went wrong, want one", len(lines))
	}
	for _, want := range args {
		if !strings.Contains(lines[0], want) {
			ts.Fatalf("the line lacks %q", want)
		}
	}
	if bad := gospeak.FindString(stderr); bad != "" {
		ts.Fatalf("stderr holds %q, which is not for people", bad)
	}
}

func cmdBuild(ts *testscript.TestScript, neg bool, args []string) {
	name, dir, ok := strings.Cut(strings.Join(args, " "), "=")
	if neg || !ok {
		ts.Fatalf("usage: build NAME=DIR")
	}
	wd, err := os.Getwd() // of the test, not of the script
	ts.Check(err)
	cmd := exec.Command("go", "build", "-o", ts.MkAbs("harness-plugin-"+name), "./testdata/"+dir)
	cmd.Dir = wd
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("build %s: %v\n%s", dir, err, out)
	}
}

// nobody is a user without rights, where the test may become one.
const nobody = 65534

func cmdUnprivileged(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: unprivileged CODE ARGS…")
	}
	program := filepath.Join(ts.Getenv("BIN"), "harness")
	var as *syscall.Credential
	if os.Getuid() == 0 {
		as = &syscall.Credential{Uid: nobody, Gid: nobody}
		for _, dir := range []string{"HOME", "TMPDIR"} {
			ts.Check(filepath.WalkDir(ts.Getenv(dir), func(path string, _ fs.DirEntry, err error) error {
				return errors.Join(err, os.Chown(path, nobody, nobody))
			}))
		}
	}
	runStatus(ts, args[0], as, program, args[1:]...)
}

func cmdSmallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk DIR KIB")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+args[1]+"k", "tmpfs", dir).CombinedOutput(); err != nil {
		skipScript(ts, fmt.Sprintf("needs a small disk, and a tmpfs cannot be mounted (%v: %s); run the tests as root on Linux", err, out))
	}
	ts.Defer(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			ts.Logf("umount %s: %v: %s", dir, err, out)
		}
	})
}

// skipScript skips a script for want of something, or fails it where
// everything has to be there.
func skipScript(ts *testscript.TestScript, why string) {
	if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
		ts.Fatalf("%s", why)
	}
	ts.Value(scriptT{}).(testscript.T).Skip(why)
}

// scriptT is the key of a script's testscript.T.
type scriptT struct{}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	deadline := time.Now().Add(scriptLimit)
	for {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s did not come", args[0])
		}
		<-time.After(20 * time.Millisecond)
	}
}

func cmdReference(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: reference COMPONENT")
	}
	cmd := exec.Command(filepath.Join(ts.Getenv("BIN"), "harness"), "reference", "up", "--components", args[0])
	cmd.Env = scriptEnv(ts)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // how it ended is the business of other tests
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	fields := strings.Fields(line)
	if err != nil || len(fields) != 3 {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if strings.Contains(stderr.String(), "not measured") {
			skipScript(ts, stderr.String())
		}
		ts.Fatalf("the reference stack did not come up: %q, %s", line, stderr.String())
	}
	ts.Setenv("REFERENCE", fields[2])
	if u, err := url.Parse(fields[2]); err == nil && u.User != nil {
		u.User = url.UserPassword(u.User.Username(), "hunter2")
		ts.Setenv("WRONG", u.String())
	}
}

func cmdFill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fill FILE")
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("fill the disk: %v", err)
	}
}

func cmdCleanedUp(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: cleanedup")
	}
	for _, dir := range []string{ts.Getenv("TMPDIR"), filepath.Join(ts.Getenv("HOME"), ".local/state/harness/journal")} {
		files, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			ts.Check(err)
		}
		for _, f := range files {
			ts.Fatalf("%s is left in %s", f.Name(), dir)
		}
	}
}
