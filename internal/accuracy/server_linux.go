package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/sdk/lifeline"
)

// serveRole is the first argument of the server's process: then its spec as
// JSON, and the file that its log goes to.
const serveRole = "serve"

func serve(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("wants a spec and a file, got %d arguments", len(args))
	}
	var spec known.Spec
	if err := json.Unmarshal([]byte(args[0]), &spec); err != nil {
		return fmt.Errorf("read the spec: %w", err)
	}
	s, err := known.Listen(spec)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, s.Stop)()
	runtime.LockOSThread()
	fmt.Println(s.Address())
	log, err := s.Serve()
	if err != nil {
		return err
	}
	return log.Write(args[1])
}

// A server is a known server in a process of its own. The kernel kills it when
// this process dies, also while it is stopped.
type server struct {
	process *lifeline.Process
	address string
	file    string
}

func (b *bench) serve(spec known.Spec) (*server, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	b.runs++
	s := &server{file: filepath.Join(b.dir, fmt.Sprintf("server-%d-%s.log", b.runs, filepath.Base(b.bin)))}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a server: %w", err)
	}
	defer read.Close()
	cmd := exec.CommandContext(b.ctx, exe, serveRole, string(text), s.file)
	// Two threads: one serves, the other takes signals. A signal that asks a
	// busy goroutine to yield would cost the server time.
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2", "GODEBUG=asyncpreemptoff=1")
	cmd.Stdout, cmd.Stderr = write, os.Stderr
	s.process, err = lifeline.Start(cmd, syscall.SIGKILL)
	write.Close()
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		s.kill()
		return nil, fmt.Errorf("start a server: it said no address: %w", err)
	}
	s.address = strings.TrimSpace(line)
	return s, nil
}

func (s *server) url() string { return "http://" + s.address }

// kill ends the server without its log. It may have ended before.
func (s *server) kill() {
	_ = s.process.Kill()
	<-s.process.Done()
}

// stop ends the server and returns its log.
func (s *server) stop() (*known.Log, error) {
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		return nil, fmt.Errorf("stop the server: %w", err)
	}
	if err := s.process.Wait(); err != nil {
		return nil, fmt.Errorf("stop the server: %w", err)
	}
	return known.Read(s.file)
}
