package conform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/benchharness/harness/sdk/journal"
	"github.com/benchharness/harness/sdk/lifeline"
	pluginv1 "github.com/benchharness/harness/sdk/proto/harness/plugin/v1"
	"github.com/benchharness/harness/sdk/wire"
)

// startLimit bounds the time to the handshake: the harness waits 15 s.
const startLimit = 15 * time.Second

// process is a plugin that runs as the harness would run it.
type process struct {
	bound          time.Duration
	cmd            *exec.Cmd
	line           *lifeline.Line
	stdout, stderr *output
	done           chan struct{} // closed when it has been waited for
	socketDir      string
	conn           *grpc.ClientConn
	handshake      []string // the parts of its first line
}

// program is what to start.
type program struct {
	config
	path string
	args []string
}

// start starts the program as the leader of its own group, with a lifeline,
// and waits for its first line unless cookie is false. versions are those that
// the harness claims to speak. The process is gone with the test.
func (p program) start(t T, cookie bool, versions, journalPath string) *process {
	t.Helper()
	// A unix socket has room for about 100 bytes of path, a test's own folder
	// has more.
	dir, err := os.MkdirTemp("/tmp", "conform-")
	if err != nil {
		t.Fatal(err)
	}
	args, watch := p.args, func(int) func() { return func() {} }
	if p.watcher != nil {
		more, by, err := p.watcher()
		if err != nil {
			t.Fatal(err)
		}
		args, watch = append(args[:len(args):len(args)], more...), by
	}
	run := &process{
		bound: p.bound, cmd: exec.Command(p.path, args...), done: make(chan struct{}), socketDir: dir,
		stdout: newOutput(), stderr: newOutput(),
	}
	cmd := run.cmd
	cmd.Stdout, cmd.Stderr = run.stdout, run.stderr
	cmd.WaitDelay = time.Second // what it leaves behind may hold them open
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCOVERDIR"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Env = append(cmd.Env, p.env...)
	if cookie {
		cmd.Env = append(cmd.Env, wire.CookieKey+"="+wire.CookieValue,
			"PLUGIN_PROTOCOL_VERSIONS="+versions, "PLUGIN_UNIX_SOCKET_DIR="+dir, journal.EnvPath+"="+journalPath)
	}
	lifeline.OwnGroup(cmd)
	if run.line, err = lifeline.Attach(cmd); err != nil {
		t.Fatal(err)
	}
	err = cmd.Start()
	run.line.Release()
	if err != nil {
		run.line.Close()
		t.Fatalf("start %s: %v", p.path, err)
	}
	t.Cleanup(watch(run.pid()))
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(run.done)
	}()
	t.Cleanup(func() { run.cleanUp(t) })
	// One that hangs would keep whoever interrupts the suite waiting for each
	// of its deadlines.
	stop := context.AfterFunc(t.Context(), func() { _ = lifeline.KillGroup(run.pid(), syscall.SIGKILL) })
	t.Cleanup(func() { stop() })
	if cookie {
		run.shake(t)
	}
	return run
}

// cleanUp ends whatever a failed test left, and shows what the plugin said.
func (p *process) cleanUp(t T) {
	if p.conn != nil {
		p.conn.Close()
	}
	_ = lifeline.KillGroup(p.pid(), syscall.SIGKILL) // the group is gone where the test went well
	<-p.done
	p.line.Close()
	os.RemoveAll(p.socketDir)
	if log := p.stderr.String(); t.Failed() && log != "" {
		t.Logf("the plugin's stderr:\n%s", log)
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// shake waits for the handshake and takes it apart.
func (p *process) shake(t T) {
	t.Helper()
	select {
	case <-p.stdout.line:
	case <-p.done:
		if p.stdout.String() == "" {
			t.Fatalf("the plugin ended (%v) before its handshake; its stderr:\n%s", p.cmd.ProcessState, p.stderr)
		}
	case <-time.After(startLimit):
		t.Fatalf("the plugin gave no handshake within %v; its stderr:\n%s", startLimit, p.stderr)
	}
	line, _, _ := strings.Cut(p.stdout.String(), "\n")
	p.handshake = strings.Split(line, "|")
	if len(p.handshake) < 5 {
		t.Fatalf("the first line on stdout is %q, want a handshake: 1|%d|unix|PATH|grpc", line, wire.ProtocolVersion)
	}
}

// dial connects to the socket that the handshake names.
func (p *process) dial(t T) pluginv1.PluginServiceClient {
	t.Helper()
	h := p.handshake
	if h[0] != "1" || h[1] != strconv.Itoa(wire.ProtocolVersion) || h[2] != "unix" || strings.TrimSpace(h[4]) != "grpc" {
		t.Fatalf("the handshake is %q, want 1|%d|unix|PATH|grpc", strings.Join(h, "|"), wire.ProtocolVersion)
	}
	if filepath.Dir(h[3]) != p.socketDir {
		t.Errorf("the socket is %s, want it in PLUGIN_UNIX_SOCKET_DIR, which is %s", h[3], p.socketDir)
	}
	conn, err := grpc.NewClient("unix://"+h[3], grpc.WithTransportCredentials(insecure.NewCredentials()), callOptions)
	if err != nil {
		t.Fatal(err)
	}
	p.conn = conn
	return pluginv1.NewPluginServiceClient(conn)
}

// ends fails unless the process ends in time, nothing of its group is left,
// and its stdout held the handshake alone.
func (p *process) ends(t T) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(p.bound):
		t.Fatalf("the plugin was still there after %v", p.bound)
	}
	if left := p.group(t); left != "" {
		t.Errorf("the plugin left processes of its group behind:\n%s", left)
	}
	if _, more, _ := strings.Cut(p.stdout.String(), "\n"); more != "" {
		t.Errorf("the plugin printed to stdout after its handshake: %q; log to stderr", more)
	}
}

// group returns what of the process's group is left when it has had time to
// go.
func (p *process) group(t T) string {
	t.Helper()
	for deadline := time.Now().Add(min(p.bound, 5*time.Second)); ; time.Sleep(5 * time.Millisecond) {
		if errors.Is(syscall.Kill(-p.pid(), 0), syscall.ESRCH) {
			return ""
		}
		if time.Now().Before(deadline) {
			continue
		}
		// What is left may be dead, and nobody there to reap it.
		out, err := exec.Command("ps", "-A", "-o", "pgid=,pid=,stat=,command=").Output()
		if err != nil {
			return fmt.Sprintf("group %d (ps: %v)", p.pid(), err)
		}
		var left []string
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			if len(f) > 2 && f[0] == strconv.Itoa(p.pid()) && !strings.HasPrefix(f[2], "Z") {
				left = append(left, strings.TrimSpace(line))
			}
		}
		return strings.Join(left, "\n")
	}
}

// output keeps what is written to it, and tells of the first whole line.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	line chan struct{} // closed when there is one
	once sync.Once
}

func newOutput() *output { return &output{line: make(chan struct{})} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.buf.Write(b)
	if bytes.IndexByte(b, '\n') >= 0 {
		o.once.Do(func() { close(o.line) })
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
