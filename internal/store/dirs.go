package store

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Folders are harness's own folders of one user. They need not exist.
type Folders struct {
	State string // journal, history: what must survive
	Cache string // what can be fetched or made again
	Data  string // plugins, baselines
	// Temporary says that there is no home folder and all three are below a
	// folder for temporary files, where nothing survives for long.
	Temporary bool
}

// Dirs returns the folders by the XDG base directory specification, on every
// system: XDG_STATE_HOME, XDG_CACHE_HOME and XDG_DATA_HOME where they are
// absolute, else .local/state, .cache and .local/share below HOME. Without a
// usable HOME those that are not set are below TMPDIR/harness-UID, which is
// made with mode 0700 and refused when it is somebody else's.
func Dirs(getenv func(string) string) (Folders, error) {
	var out Folders
	home := getenv("HOME")
	if info, err := os.Stat(home); !filepath.IsAbs(home) || err != nil || !info.IsDir() {
		home = ""
	}
	var missing []*string
	for _, d := range []struct {
		env, below string
		into       *string
	}{
		{"XDG_STATE_HOME", ".local/state", &out.State},
		{"XDG_CACHE_HOME", ".cache", &out.Cache},
		{"XDG_DATA_HOME", ".local/share", &out.Data},
	} {
		// The specification says to ignore a relative path.
		if x := getenv(d.env); filepath.IsAbs(x) {
			*d.into = filepath.Join(x, "harness")
		} else if home != "" {
			*d.into = filepath.Join(home, filepath.FromSlash(d.below), "harness")
		} else {
			missing = append(missing, d.into)
			*d.into = strings.TrimPrefix(filepath.Base(d.below), ".")
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	private, err := temporaryHome(getenv)
	if err != nil {
		return Folders{}, err
	}
	for _, into := range missing {
		*into = filepath.Join(private, *into)
	}
	out.Temporary = true
	return out, nil
}

// temporaryHome makes the folder that stands in for the home folder. The
// folder for temporary files is everybody's, so one that is there already is
// used only when nobody else can write in it.
func temporaryHome(getenv func(string) string) (string, error) {
	tmp := getenv("TMPDIR")
	if !filepath.IsAbs(tmp) {
		tmp = "/tmp"
	}
	dir := filepath.Join(tmp, fmt.Sprintf("harness-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o700); err == nil {
		return dir, nil
	} else if !os.IsExist(err) {
		return "", fmt.Errorf("HOME is not set, and a folder in its place cannot be made: %w; set HOME", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at %s: %w; set HOME", dir, err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("HOME is not set, and %s is not a folder (mode %v) that only you can write in; set HOME or remove it",
			dir, fs.FileMode(0o700))
	}
	return dir, nil
}
