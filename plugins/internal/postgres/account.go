package postgres

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is whom the server runs as.
type account struct {
	name     string
	uid, gid uint32
	drop     bool   // it is another user than this process's
	client   string // this process's user, whom the server admits
}

// serverAccount chooses the account, see the package comment.
func serverAccount() (account, error) {
	self, err := user.Current()
	if err != nil {
		return account{}, &Unavailable{
			Reason: fmt.Sprintf("the current user has no name: %v", err),
			Remedy: "run as a user in the password database, or give a DSN", Err: err,
		}
	}
	if os.Geteuid() != 0 {
		return account{name: self.Username, uid: uint32(os.Geteuid()), gid: uint32(os.Getegid()), client: self.Username}, nil
	}
	for _, name := range []string{"nobody", "postgres"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := parseID(found.Uid)
		gid, errGID := parseID(found.Gid)
		if errUID != nil || errGID != nil || uid == 0 {
			continue
		}
		return account{name: name, uid: uid, gid: gid, drop: true, client: self.Username}, nil
	}
	return account{}, &Unavailable{
		Reason: "PostgreSQL refuses to run as root and this machine has neither a user nobody nor a user postgres",
		Remedy: "run harness as an ordinary user, or give a DSN",
	}
}

// parseID reads a user or group id; macOS writes its nobody as -2.
func parseID(text string) (uint32, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	return uint32(n), err
}

// attr are the process attributes that make a program run as the account.
func (a account) attr() *syscall.SysProcAttr {
	if !a.drop {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: []uint32{a.gid}}}
}

// own gives a path to the account.
func (a account) own(path string) error {
	if !a.drop {
		return nil
	}
	return os.Chown(path, int(a.uid), int(a.gid))
}

// reach checks that the account can get to dir, which means that it may search
// dir and every folder above it, links resolved.
func (a account) reach(dir string) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", at)
		}
		if a.drop && !a.maySearch(info) {
			return fmt.Errorf("user %s may not enter %s (mode %#o)", a.name, at, info.Mode().Perm())
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func (a account) maySearch(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	switch perm := info.Mode().Perm(); {
	case stat.Uid == a.uid:
		return perm&0o100 != 0
	case stat.Gid == a.gid:
		return perm&0o010 != 0
	default:
		return perm&0o001 != 0
	}
}
