package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/benchharness/harness/sdk/lifeline"
)

// superuser is the role, and database the database, that a DSN names.
const (
	superuser = "harness"
	database  = "postgres"
)

// runFunc starts a program that gets the signal when this process dies.
type runFunc func(*exec.Cmd, syscall.Signal) (*lifeline.Process, error)

// initCluster makes the data folder.
func initCluster(ctx context.Context, run runFunc, bins binaries, acct account, root, data string) error {
	if err := makeOwned(data, acct); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(bins.dir, "initdb"),
		"-D", data, "-U", superuser, "-E", "UTF8", "--locale=C",
		"--auth-local=peer", "--auth-host=scram-sha-256",
		"--no-sync") // the cluster does not outlive the run
	cmd.Dir, cmd.Env, cmd.SysProcAttr = root, serverEnv(), acct.attr()
	out := &tail{limit: 8 << 10}
	cmd.Stdout, cmd.Stderr = out, out
	process, err := run(cmd, syscall.SIGKILL)
	if err != nil {
		return refusedDrop(acct, err)
	}
	select {
	case <-process.Done():
	case <-ctx.Done():
		_ = process.Kill()
		<-process.Done()
		return fmt.Errorf("initdb: %w", context.Cause(ctx))
	}
	if err := process.Wait(); err != nil {
		return fmt.Errorf("initdb in %s: %w%s", bins.dir, err, lastLines(out.bytes(), 12))
	}
	return nil
}

// refusedDrop explains why a process could not be started as another user,
// which some containers do not allow.
func refusedDrop(acct account, err error) error {
	if !acct.drop {
		return err
	}
	return &Unavailable{
		Reason: fmt.Sprintf("PostgreSQL refuses to run as root, and it could not be started as user %s: %v", acct.name, err),
		Remedy: "run harness as an ordinary user, or give a DSN",
		Err:    err,
	}
}

func makeOwned(dir string, acct account) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return acct.own(dir)
}

// configure writes the settings and who may connect.
func configure(opts Options, acct account, data, sockets string) error {
	settings := [][2]string{
		{"unix_socket_directories", sockets},
		{"unix_socket_permissions", "0700"},
		{"listen_addresses", ""},
		{"max_connections", fmt.Sprint(opts.MaxConnections)},
		{"shared_buffers", fmt.Sprintf("%dMB", opts.SharedBuffersMB)},
		{"logging_collector", "off"},
		{"log_destination", "stderr"},
		{"log_timezone", "UTC"},
		{"timezone", "UTC"},
	}
	if opts.TCP {
		settings[2][1] = "127.0.0.1"
	}
	for name, value := range opts.Settings {
		settings = append(settings, [2]string{name, value})
	}
	var conf strings.Builder
	conf.WriteString("\n# What harness sets. Everything else is the default of this version.\n")
	for _, s := range settings {
		fmt.Fprintf(&conf, "%s = %s\n", s[0], quote(s[1]))
	}
	hba := "local all " + superuser + " peer map=harness\n"
	if opts.TCP {
		hba += "host all " + superuser + " 127.0.0.1/32 scram-sha-256\n"
	}
	ident := fmt.Sprintf("harness %q %s\n", acct.client, superuser)

	if err := appendTo(filepath.Join(data, "postgresql.conf"), conf.String()); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, "pg_ident.conf"), []byte(ident), 0o600)
}

// quote writes a value as postgresql.conf wants it.
func quote(value string) string {
	return "'" + strings.NewReplacer(`'`, `''`, `\`, `\\`, "\n", `\n`).Replace(value) + "'"
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteString(text); err != nil {
		return err
	}
	return file.Close()
}

// launch starts the server. Its output goes to log.
func launch(run runFunc, bins binaries, acct account, data string, port int, log *os.File) (*lifeline.Process, error) {
	cmd := exec.Command(filepath.Join(bins.dir, "postgres"), "-D", data, "-p", fmt.Sprint(port))
	cmd.Dir, cmd.Env, cmd.SysProcAttr = filepath.Dir(data), serverEnv(), acct.attr()
	cmd.Stdout, cmd.Stderr = log, log
	// SIGQUIT is PostgreSQL's immediate shutdown: it ends the backends, which
	// are in sessions of their own, and frees the shared memory.
	process, err := run(cmd, syscall.SIGQUIT)
	if err != nil {
		return nil, refusedDrop(acct, err)
	}
	return process, nil
}

// tail keeps the last bytes written to it. Only one goroutine writes.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) bytes() []byte { return t.kept }
