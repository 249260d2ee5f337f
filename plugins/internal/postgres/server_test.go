package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/benchharness/harness/sdk/lifeline"
)

// ownerRole makes this binary a process that owns a server and waits to be
// killed; its value is the base folder. supervised makes it start the server
// as it would where the kernel has no parent death signal.
const (
	ownerRole  = "POSTGRES_TEST_OWNER_IN"
	supervised = "POSTGRES_TEST_SUPERVISED"
)

func TestMain(m *testing.M) {
	base := os.Getenv(ownerRole)
	if base == "" {
		os.Exit(m.Run())
	}
	opts := Options{Dir: base, RunID: "killed", NoFetch: true}
	if os.Getenv(supervised) != "" {
		opts.run = lifeline.Supervise
	}
	server, err := Start(context.Background(), opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(server.PID(), server.folders[0].path)
	select {}
}

// needServer skips the test where no PostgreSQL is installed.
func needServer(t *testing.T) account {
	t.Helper()
	acct, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	if found, reasons := findInstalled(t.Context(), acct, installedFolders(t.Context())); found.dir == "" {
		message := fmt.Sprintf("needs PostgreSQL: %s; install it", strings.Join(reasons, "; "))
		if os.Getenv("HARNESS_REQUIRE_PEERS") == "1" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	return acct
}

// baseFolder is a folder of the test's own that the server's account can enter,
// which t.TempDir is not for root.
func baseFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func startServer(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.NoFetch = true
	if opts.Dir == "" {
		opts.Dir = baseFolder(t)
	}
	server, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server
}

func queryText(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var text string
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAPrivateServerIsAnHonestOne(t *testing.T) {
	needServer(t)
	server := startServer(t, Options{RunID: "honest", MaxConnections: 42, Settings: map[string]string{"application_name": `it's a \ test`}})
	for name, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"shared_buffers": "128MB", "max_connections": "42",
	} {
		if got := server.Settings()[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	for sql, want := range map[string]string{
		"show server_encoding":  "UTF8",
		"show application_name": `it's a \ test`,
		"show listen_addresses": "",
		"select datcollate::text from pg_database where datname = current_database()": "C",
		"select current_user::text": superuser,
		"show server_version":       server.Version(),
	} {
		if got := queryText(t, server.DSN(), sql); got != want {
			t.Errorf("%s = %q, want %q", sql, got, want)
		}
	}
	if !strings.HasPrefix(server.Source(), "installed /") || server.TCPDSN() != "" {
		t.Errorf("Source = %q, TCPDSN = %q", server.Source(), server.TCPDSN())
	}
	info, err := os.Stat(server.folders[0].path)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the server's folder has mode %v, %v, want 0700", info.Mode(), err)
	}
	marker, err := ReadMarker(server.folders[0].path)
	if err != nil || marker.RunID != "honest" || marker.PID != os.Getpid() || time.Since(marker.Started) > time.Hour {
		t.Errorf("marker = %+v, %v", marker, err)
	}
}

func TestRootStartsTheServerAsAnotherUser(t *testing.T) {
	acct := needServer(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root, who alone has to")
	}
	server := startServer(t, Options{})
	out, err := exec.Command("ps", "-o", "uid=", "-p", fmt.Sprint(server.PID())).Output()
	if err != nil {
		t.Fatalf("needs ps: %v", err)
	}
	uid := strings.TrimSpace(string(out))
	who, err := user.LookupId(uid)
	if err != nil || uid == "0" || who.Username != acct.name {
		t.Fatalf("the server runs as uid %q (%v), want %s", uid, err, acct.name)
	}
	if runtime.GOOS == "linux" {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", server.PID()))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			name, value, _ := strings.Cut(line, ":")
			ids := strings.Fields(value)
			if (name == "Uid" || name == "Gid" || name == "Groups") && slices.Contains(ids, "0") {
				t.Errorf("the server keeps an id of root: %q", line)
			}
		}
	}
	// Another program of the server's account does not get in.
	cmd := exec.Command(filepath.Join(strings.TrimPrefix(server.Source(), "installed "), "psql"), server.DSN(), "-c", "select 1")
	cmd.SysProcAttr, cmd.Dir = acct.attr(), "/"
	switch out, err := cmd.CombinedOutput(); {
	case errors.Is(err, os.ErrNotExist):
		t.Skip("needs psql for the last check")
	case err == nil || !strings.Contains(string(out), "eer authentication failed"):
		t.Errorf("as %s psql says %q, %v; want peer authentication to fail", acct.name, out, err)
	}
}

func TestStartWorksWithAnEmptyPath(t *testing.T) {
	acct := needServer(t)
	t.Setenv("PATH", "")
	if found, _ := findInstalled(t.Context(), acct, installedFolders(t.Context())); found.dir == "" {
		t.Skip("needs PostgreSQL in one of the usual folders")
	}
	server := startServer(t, Options{})
	if server.Version() == "" {
		t.Fatal("no version")
	}
}

func TestStopRemovesEverythingThatWasJournalled(t *testing.T) {
	needServer(t)
	var mu sync.Mutex
	objects := map[string]string{}
	opts := Options{
		NoFetch: true, Dir: baseFolder(t),
		Journal: func(kind, name string, _ map[string]string) error {
			mu.Lock()
			defer mu.Unlock()
			if _, err := os.Lstat(name); err == nil {
				t.Errorf("%s %s exists before it is journalled", kind, name)
			}
			objects[name] = kind
			return nil
		},
		Removed: func(kind, name string) {
			mu.Lock()
			defer mu.Unlock()
			if objects[name] != kind {
				t.Errorf("%s %s was never journalled", kind, name)
			}
			delete(objects, name)
		},
	}
	server, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(objects) != 2 {
		t.Errorf("journalled %v, want a folder and a process", objects)
	}
	select {
	case <-server.Done():
		t.Fatal("the server is done before Stop")
	default:
	}
	for range 2 {
		if err := server.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	<-server.Done()
	if len(objects) != 0 {
		t.Errorf("still in the journal: %v", objects)
	}
	if left, _ := os.ReadDir(opts.Dir); len(left) != 0 {
		t.Errorf("left in the base folder: %v", left)
	}
}

func TestStopWithAnEndedContextStillStopsAndRemoves(t *testing.T) {
	needServer(t)
	base := baseFolder(t)
	server := startServer(t, Options{Dir: base})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(base); len(left) != 0 {
		t.Errorf("left in the base folder: %v", left)
	}
}

func TestAFailedStartLeavesNothing(t *testing.T) {
	needServer(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	broken := errors.New("journal is full")
	for _, test := range []struct {
		name string
		ctx  context.Context
		opts Options
		want string
	}{
		{"an unknown setting is quoted from the server", t.Context(), Options{Settings: map[string]string{"no_such_setting": "1"}}, "no_such_setting"},
		{"a setting out of range is quoted too", t.Context(), Options{Settings: map[string]string{"work_mem": "-5"}}, "work_mem"},
		{"a cancelled start", cancelled, Options{}, "context canceled"},
		{"a start that takes too long", t.Context(), Options{StartTimeout: time.Nanosecond}, "not ready within 1ns"},
		{"a journal that fails", t.Context(), Options{Journal: func(string, string, map[string]string) error { return broken }}, "journal is full"},
		{"a setting's name that is none", t.Context(), Options{Settings: map[string]string{"a = 1\nb": "1"}}, "not the name of a setting"},
		{"a port that is none", t.Context(), Options{TCP: true, Port: 70000}, "65535"},
		{"no room for connections", t.Context(), Options{MaxConnections: 3}, "max_connections"},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.opts.Dir, test.opts.NoFetch = baseFolder(t), true
			server, err := Start(test.ctx, test.opts)
			if err == nil {
				server.Stop(context.Background())
				t.Fatal("Start did not fail")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("Start = %v, want it to say %q", err, test.want)
			}
			if left, _ := os.ReadDir(test.opts.Dir); len(left) != 0 {
				t.Errorf("left in the base folder: %v", left)
			}
		})
	}
}

func TestTCPAsksForThePassword(t *testing.T) {
	needServer(t)
	server := startServer(t, Options{TCP: true})
	if got := queryText(t, server.TCPDSN(), "select current_user::text"); got != superuser {
		t.Errorf("over TCP the user is %q", got)
	}
	config, err := pgx.ParseConfig(server.TCPDSN())
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "127.0.0.1" || len(config.Password) < 20 {
		t.Errorf("TCPDSN names host %q and a password of %d characters", config.Host, len(config.Password))
	}
	config.Password = "wrong"
	if conn, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		conn.Close(context.Background())
		t.Error("a wrong password was accepted")
	}
	if strings.Contains(server.DSN(), "password") || strings.Contains(server.DSN(), "@127") {
		t.Errorf("DSN = %q, want the socket", server.DSN())
	}
}

func TestATakenPortIsNamed(t *testing.T) {
	needServer(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	_, err = Start(t.Context(), Options{TCP: true, Port: port, NoFetch: true, Dir: baseFolder(t)})
	var taken *PortTaken
	if !errors.As(err, &taken) || taken.Port != port || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Fatalf("Start = %v, want PortTaken for %d", err, port)
	}
}

func TestAGivenServerIsDescribedAndLeftAlone(t *testing.T) {
	needServer(t)
	owner := startServer(t, Options{})
	guest, err := Start(t.Context(), Options{DSN: owner.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	if guest.Source() != "given DSN" || guest.Version() != owner.Version() || guest.PID() != 0 || guest.Done() != nil || guest.DataDir() != "" {
		t.Errorf("guest: source %q, version %q, pid %d", guest.Source(), guest.Version(), guest.PID())
	}
	if err := guest.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	queryText(t, owner.DSN(), "select 'still there'")
	if _, err := Start(t.Context(), Options{DSN: "postgres://u:secret@127.0.0.1:1/x"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Start with a dead DSN = %v, want an error without the password", err)
	}
}

func TestALongBaseFolderGetsItsSocketElsewhere(t *testing.T) {
	needServer(t)
	base := filepath.Join(baseFolder(t), strings.Repeat("long", 30))
	if err := mkdirOpen(base); err != nil {
		t.Fatal(err)
	}
	server := startServer(t, Options{Dir: base})
	if !strings.HasPrefix(server.DataDir(), base) {
		t.Errorf("the data lie in %s, want them below %s", server.DataDir(), base)
	}
	if len(server.folders) != 2 {
		t.Fatalf("%d folders, want a second one for the socket", len(server.folders))
	}
	other := server.folders[1].path
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder %s is left: %v", other, err)
	}
}

func BenchmarkStartToReady(b *testing.B) {
	for b.Loop() {
		server, err := Start(b.Context(), Options{NoFetch: true})
		if err != nil {
			b.Skip(err)
		}
		b.StopTimer()
		if err := server.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
