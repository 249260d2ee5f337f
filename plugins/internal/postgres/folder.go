package postgres

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// MarkerName is the file that says whose a folder is. It is put into a folder
// before anything else, so a folder without it is not one of ours.
const MarkerName = ".harness-owner"

// folderPrefix starts the name of every folder that a server lives in.
const folderPrefix = "harness-pg-"

// maxSocketPath is what fits sun_path everywhere: 104 bytes with the final
// zero on macOS, 108 on Linux.
const maxSocketPath = 103

// Marker is the content of the file [MarkerName], as JSON.
type Marker struct {
	RunID   string    `json:"run_id"`
	PID     int       `json:"pid"` // of the process that owns the folder, not of PostgreSQL
	Started time.Time `json:"started"`
}

// folder is a marked folder of this process. The marker is locked for as long
// as the process lives, so that a reused process id cannot pass for the owner.
type folder struct {
	path   string
	marker *os.File
}

type journalFunc func(kind, name string, attrs map[string]string) error

// makeFolder makes a folder of mode 0700 below base, marks it, and then gives
// it to the account.
func makeFolder(base string, acct account, runID string, journal journalFunc) (*folder, error) {
	unique := make([]byte, 4)
	rand.Read(unique) // never fails
	path := filepath.Join(base, folderPrefix+hex.EncodeToString(unique))
	err := journal("folder", path, map[string]string{"what": "private PostgreSQL server", "marker": MarkerName})
	if err != nil {
		return nil, fmt.Errorf("journal folder %s: %w", path, err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, fmt.Errorf("create server folder: %w", err)
	}
	f := &folder{path: path}
	if err := f.mark(runID); err != nil {
		return nil, errors.Join(fmt.Errorf("mark folder %s: %w", path, err), f.remove())
	}
	if err := acct.own(path); err != nil {
		return nil, errors.Join(fmt.Errorf("give folder %s to user %s: %w", path, acct.name, err), f.remove())
	}
	return f, nil
}

func (f *folder) mark(runID string) error {
	content, err := json.Marshal(Marker{RunID: runID, PID: os.Getpid(), Started: time.Now().UTC()})
	if err != nil {
		return err
	}
	f.marker, err = os.OpenFile(filepath.Join(f.path, MarkerName), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	// The lock comes before the content: whoever can read the owner can tell
	// whether it lives.
	if err := unix.Flock(int(f.marker.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	_, err = f.marker.Write(append(content, '\n'))
	return err
}

// remove removes the folder. A file that a dying backend adds meanwhile makes
// another turn necessary.
func (f *folder) remove() error {
	err := removeTree(f.path)
	if err == nil && f.marker != nil {
		f.marker.Close()
		f.marker = nil
	}
	return err
}

func removeTree(path string) error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := os.RemoveAll(path)
		if err == nil || !errors.Is(err, unix.ENOTEMPTY) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(pollEvery)
	}
}

// basesFor are the folders that a server folder may be made in, best first.
func basesFor(dir string) []string {
	if dir == "" {
		dir = os.TempDir()
	}
	return []string{dir, os.TempDir(), "/tmp", "/var/tmp"}
}

// chooseBase returns the first base that exists, that the account can enter
// and, if short is set, that leaves room for the path of a socket.
func chooseBase(bases []string, acct account, short bool) (string, error) {
	var reasons []error
	for _, base := range bases {
		base, err := filepath.Abs(base)
		if err == nil {
			err = acct.reach(base)
		}
		if err == nil && short && !socketFits(filepath.Join(base, folderPrefix+"00000000")) {
			err = fmt.Errorf("%s is too long for a socket's path", base)
		}
		if err == nil {
			return base, nil
		}
		reasons = append(reasons, err)
	}
	return "", fmt.Errorf("no folder for a PostgreSQL server: %w", errors.Join(reasons...))
}

// socketFits reports whether a socket in dir/s has a path short enough.
func socketFits(dir string) bool {
	return len(filepath.Join(dir, "s", ".s.PGSQL.65535")) <= maxSocketPath
}
