package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrOwnerLives says that a folder belongs to a process that still runs.
var ErrOwnerLives = errors.New("its owner still runs")

// ReadMarker reads the owner of a server folder. The error is [os.ErrNotExist]
// where there is no marker, which means that the folder is not ours to touch.
func ReadMarker(folder string) (Marker, error) {
	var marker Marker
	content, err := os.ReadFile(filepath.Join(folder, MarkerName))
	if err != nil {
		return marker, err
	}
	if err := json.Unmarshal(content, &marker); err != nil {
		return marker, fmt.Errorf("read owner of %s: %w", folder, err)
	}
	return marker, nil
}

// RemoveLeftover removes the folder of a server whose owner is dead, after
// ending the server itself should it still run. It removes nothing that has no
// readable marker, and returns [ErrOwnerLives] for a folder that is in use. A
// folder that is gone already is no error.
func RemoveLeftover(ctx context.Context, folder string) error {
	if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if _, err := ReadMarker(folder); err != nil {
		return fmt.Errorf("remove left-over %s: %w", folder, err)
	}
	marker, err := os.Open(filepath.Join(folder, MarkerName))
	if err != nil {
		return fmt.Errorf("remove left-over %s: %w", folder, err)
	}
	defer marker.Close()
	// Held until the folder is gone, so that two cleaners do not meet in it.
	if err := unix.Flock(int(marker.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("remove left-over %s: %w", folder, ErrOwnerLives)
	}
	if err := endOrphan(ctx, filepath.Join(folder, "data")); err != nil {
		return fmt.Errorf("remove left-over %s: %w", folder, err)
	}
	if err := removeTree(folder); err != nil {
		return fmt.Errorf("remove left-over %s: %w", folder, err)
	}
	return nil
}

// removeLeftovers removes what crashed owners left in a folder, as far as it
// may: a failure there is no reason not to start a new server.
func removeLeftovers(ctx context.Context, base string) {
	found, err := filepath.Glob(filepath.Join(base, folderPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range found {
		_ = RemoveLeftover(ctx, dir)
	}
}

// endOrphan ends a postmaster that still serves the data folder.
func endOrphan(ctx context.Context, data string) error {
	content, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return nil // it never got so far, or has shut down
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		return nil
	}
	for _, step := range []struct {
		sig  syscall.Signal
		wait time.Duration
	}{{syscall.SIGQUIT, 6 * time.Second}, {syscall.SIGKILL, 6 * time.Second}} {
		if !serves(pid, data) {
			return nil
		}
		if err := syscall.Kill(pid, step.sig); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("end its server, process %d: %w", pid, err)
		}
		for end := time.Now().Add(step.wait); serves(pid, data) && time.Now().Before(end); {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pollEvery):
			}
		}
	}
	if serves(pid, data) {
		return fmt.Errorf("its server, process %d, does not end", pid)
	}
	return nil
}

// serves reports whether pid is the postmaster of data. The pid comes from a
// file that the unprivileged account could have written, and may have been
// reused, so a number alone is not enough to signal a process.
func serves(pid int, data string) bool {
	if runtime.GOOS == "linux" {
		at, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)) // a postmaster moves into its data folder
		if err != nil {
			return false
		}
		real, err := filepath.EvalSymlinks(data)
		return err == nil && at == real
	}
	command, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(command), "postgres") && strings.Contains(string(command), data)
}
