package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/benchharness/harness/sdk/lifeline"
)

// pollEvery is the pause between two looks at something that offers no event.
const pollEvery = 10 * time.Millisecond

// Options say what to start. The zero value starts a private server with
// PostgreSQL's defaults below the system's temporary folder.
type Options struct {
	DSN    string // use this server, start none
	BinDir string // use initdb and postgres from here, look nowhere else
	RunID  string // goes into the marker, see [Marker]

	// Dir is the folder below which the server's is made; it must exist. ""
	// is the system's temporary folder, and so is a folder that the server's
	// account cannot enter. The server measures the file system it is on.
	Dir      string
	CacheDir string // for fetched programs; "" is harness in the user's cache folder
	NoFetch  bool   // never use the network

	TCP  bool // listen on 127.0.0.1 too, see [Server.TCPDSN]
	Port int  // TCP port, 0 takes a free one

	MaxConnections  int               // 0 is 100, PostgreSQL's default
	SharedBuffersMB int               // 0 is 128, PostgreSQL's default
	Settings        map[string]string // further settings, as in postgresql.conf

	StartTimeout time.Duration // for initdb and start together, without a fetch; 0 is 60 s
	FetchTimeout time.Duration // for a fetch; 0 is 10 min

	// Journal is called before each object is made: kind "folder" with its
	// absolute path, kind "process" with the absolute path of the server's
	// postmaster.pid, which will hold its process id. An error stops Start.
	Journal func(kind, name string, attrs map[string]string) error
	// Removed is called for each such object once it is gone.
	Removed func(kind, name string)
	// Progress is told, in one line, of what may take long.
	Progress func(string)

	candidates func(context.Context) []string // for tests; nil searches the machine
	archive    *archive                       // for tests; nil is the pinned one
	repository string                         // for tests; "" is the default
	run        runFunc                        // for tests; nil is lifeline.StartForeign
}

// Server is a running server, or one that somebody else runs (then it only
// carries the DSN).
type Server struct {
	opts     Options
	source   string
	dsn      string
	tcpDSN   string
	version  string
	settings map[string]string

	mu      sync.Mutex // serialises Stop
	process *lifeline.Process
	log     *os.File
	data    string
	folders []*folder // removed in this order

	journalled bool // the process is in the journal
}

// Start returns a server that accepts connections. It takes a second or two
// where PostgreSQL is installed. ctx bounds the start alone; the server runs
// until [Server.Stop], or until this process dies in whatever way.
//
// Errors: [*Unavailable] where this machine has nothing to start, [*PortTaken],
// or one that ends with what initdb or the server last said. Nothing is left
// behind after an error.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts.fillDefaults()
	if err := opts.check(); err != nil {
		return nil, err
	}
	s := &Server{opts: opts}
	if opts.DSN != "" {
		s.dsn, s.source = opts.DSN, "given DSN"
		ctx, cancel := context.WithTimeout(ctx, opts.StartTimeout)
		defer cancel()
		if err := s.describe(ctx); err != nil {
			return nil, fmt.Errorf("connect to the given DSN: %w", err)
		}
		return s, nil
	}
	acct, err := serverAccount()
	if err != nil {
		return nil, err
	}
	bins, err := findBinaries(ctx, opts, acct)
	if err != nil {
		return nil, err
	}
	s.source = bins.source
	ctx, cancel := context.WithTimeoutCause(ctx, opts.StartTimeout,
		fmt.Errorf("not ready within %v", opts.StartTimeout))
	defer cancel()
	if err := s.start(ctx, bins, acct); err != nil {
		err = fmt.Errorf("start PostgreSQL (%s): %w", bins.source, err)
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (o *Options) fillDefaults() {
	if o.MaxConnections == 0 {
		o.MaxConnections = 100
	}
	if o.SharedBuffersMB == 0 {
		o.SharedBuffersMB = 128
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = time.Minute
	}
	if o.FetchTimeout == 0 {
		o.FetchTimeout = 10 * time.Minute
	}
	if o.Journal == nil {
		o.Journal = func(string, string, map[string]string) error { return nil }
	}
	if o.Removed == nil {
		o.Removed = func(string, string) {}
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.run == nil {
		o.run = lifeline.StartForeign
	}
	if o.candidates == nil {
		o.candidates = installedFolders
	}
}

func (o *Options) check() error {
	switch {
	case o.Port < 0 || o.Port > 65535:
		return fmt.Errorf("start PostgreSQL: port %d is not between 0 and 65535", o.Port)
	case o.MaxConnections < 10:
		return fmt.Errorf("start PostgreSQL: max_connections %d leaves no room for work, give 10 or more", o.MaxConnections)
	case o.SharedBuffersMB < 1:
		return fmt.Errorf("start PostgreSQL: shared_buffers of %d MB, give 1 or more", o.SharedBuffersMB)
	}
	for name := range o.Settings {
		if !validSetting(name) {
			return fmt.Errorf("start PostgreSQL: %q is not the name of a setting", name)
		}
	}
	return nil
}

func validSetting(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") == ""
}

func (s *Server) start(ctx context.Context, bins binaries, acct account) error {
	if _, err := s.port(); err != nil { // before the second that initdb takes
		return err
	}
	root, sockets, err := s.makeFolders(ctx, acct)
	if err != nil {
		return err
	}
	s.data = filepath.Join(root, "data")
	if err := initCluster(ctx, s.opts.run, bins, acct, root, s.data); err != nil {
		return err
	}
	if err := configure(s.opts, acct, s.data, sockets); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if s.log, err = os.OpenFile(filepath.Join(root, "postgres.log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("create server log: %w", err)
	}
	s.journalled = true
	if err := s.opts.Journal("process", s.pidFile(), map[string]string{"what": "private PostgreSQL server", "folder": root}); err != nil {
		return fmt.Errorf("journal server process: %w", err)
	}
	const attempts = 3 // a free port may be taken by somebody else before the server has it
	for attempt := 1; ; attempt++ {
		port, err := s.port()
		if err != nil {
			return err
		}
		s.dsn = socketDSN(sockets, port)
		if s.process, err = launch(s.opts.run, bins, acct, s.data, port, s.log); err != nil {
			return err
		}
		err = s.awaitReady(ctx)
		if err == nil {
			return s.admitTCP(ctx, port)
		}
		if taken := s.opts.TCP && strings.Contains(s.LogTail(), "could not bind IPv4 address"); !taken {
			return err
		}
		if s.opts.Port != 0 || attempt == attempts {
			return &PortTaken{Port: port, Err: err}
		}
		<-s.process.Done()
		if err := s.log.Truncate(0); err != nil {
			return err
		}
	}
}

// makeFolders makes the server's folder and one for the socket: in it where
// the path stays short enough, else of its own.
func (s *Server) makeFolders(ctx context.Context, acct account) (root, sockets string, err error) {
	add := func(base string) (string, error) {
		removeLeftovers(ctx, base)
		f, err := makeFolder(base, acct, s.opts.RunID, s.opts.Journal)
		if err != nil {
			return "", err
		}
		s.folders = append(s.folders, f)
		return f.path, nil
	}
	bases := basesFor(s.opts.Dir)
	if s.opts.Dir != "" {
		if _, err := os.Stat(s.opts.Dir); err != nil {
			return "", "", fmt.Errorf("base folder: %w", err)
		}
	}
	base, err := chooseBase(bases, acct, false)
	if err != nil {
		return "", "", err
	}
	if root, err = add(base); err != nil {
		return "", "", err
	}
	short := root
	if !socketFits(root) {
		if base, err = chooseBase(bases, acct, true); err != nil {
			return "", "", err
		}
		if short, err = add(base); err != nil {
			return "", "", err
		}
	}
	sockets = filepath.Join(short, "s")
	if err := makeOwned(sockets, acct); err != nil {
		return "", "", fmt.Errorf("create socket folder: %w", err)
	}
	return root, sockets, nil
}

// port returns the port to listen on. Without TCP it only names the socket.
func (s *Server) port() (int, error) {
	if !s.opts.TCP {
		return 5432, nil
	}
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.opts.Port)))
	if err != nil {
		return 0, &PortTaken{Port: s.opts.Port, Err: err}
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func socketDSN(sockets string, port int) string {
	query := url.Values{"host": {sockets}, "port": {strconv.Itoa(port)}, "sslmode": {"disable"}}
	return (&url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: query.Encode()}).String()
}

// DSN is the connection string, of the given server or of the private one's
// socket. The private one holds no secret.
func (s *Server) DSN() string { return s.dsn }

// TCPDSN is the connection string for 127.0.0.1, with a random password in it;
// "" unless [Options.TCP] was set.
func (s *Server) TCPDSN() string { return s.tcpDSN }

// Version is what the server says of itself, such as "15.18 (Debian 15.18-0+deb12u1)".
func (s *Server) Version() string { return s.version }

// Source says where the server comes from: "given DSN", "given DIR",
// "installed DIR" or "fetched VERSION sha256 DIGEST".
func (s *Server) Source() string { return s.source }

// Settings are those that decide what a figure means, as the server has them
// in force: fsync, synchronous_commit, full_page_writes, wal_level,
// shared_buffers, max_connections, data_checksums.
func (s *Server) Settings() map[string]string { return s.settings }

// PID is the process id of the postmaster, the parent of every backend and the
// leader of its process group; 0 for a given DSN.
func (s *Server) PID() int {
	if s.process == nil {
		return 0
	}
	return s.process.PID()
}

// DataDir is the data folder, whose file system the figures depend on; "" for a
// given DSN.
func (s *Server) DataDir() string { return s.data }

// Done is closed when the private server has exited, asked to or not. It is nil
// for a given DSN.
func (s *Server) Done() <-chan struct{} {
	if s.process == nil {
		return nil
	}
	return s.process.Done()
}

func (s *Server) pidFile() string { return filepath.Join(s.data, "postmaster.pid") }

// LogTail is the end of the server's log, at most 4 KiB.
func (s *Server) LogTail() string {
	if s.log == nil {
		return ""
	}
	info, err := s.log.Stat()
	if err != nil {
		return ""
	}
	const most = 4 << 10
	from := max(0, info.Size()-most)
	text := make([]byte, info.Size()-from)
	n, _ := s.log.ReadAt(text, from)
	return string(text[:n])
}

// Stop ends the private server and removes its folders: a fast shutdown, which
// aborts what is open; after 10 s an immediate one; after 5 more SIGKILL. When
// ctx ends it goes on to the next step at once. It may be called again, and
// does nothing for a given DSN.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.shutDown(ctx)
	}
	if s.journalled {
		s.opts.Removed("process", s.pidFile())
		s.journalled = false
	}
	if s.log != nil {
		s.log.Close()
	}
	for len(s.folders) > 0 {
		f := s.folders[0]
		if err := f.remove(); err != nil {
			return fmt.Errorf("remove PostgreSQL server folder %s: %w; remove it by hand", f.path, err)
		}
		s.opts.Removed("folder", f.path)
		s.folders = s.folders[1:]
	}
	return nil
}

func (s *Server) shutDown(ctx context.Context) {
	for _, step := range []struct {
		sig  syscall.Signal
		wait time.Duration
		ctx  context.Context
	}{
		{syscall.SIGINT, 10 * time.Second, ctx},
		{syscall.SIGQUIT, 5 * time.Second, context.WithoutCancel(ctx)},
	} {
		_ = s.process.Signal(step.sig) // fails only where it has exited
		timer := time.NewTimer(step.wait)
		select {
		case <-s.process.Done():
		case <-timer.C:
		case <-step.ctx.Done():
		}
		timer.Stop()
	}
	_ = s.process.Kill()
	<-s.process.Done()
}
