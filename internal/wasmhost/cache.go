package wasmhost

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/tetratelabs/wazero"
)

// openCache opens the folder of compiled code, which is code of the user's own:
// nobody else may write there.
func openCache(dir string) (wazero.CompilationCache, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of compiled modules: %w", err)
	}
	info, err := os.Stat(dir)
	if err == nil {
		err = own(dir, info)
	}
	if err != nil {
		return nil, fmt.Errorf("open the folder of compiled modules: %w", err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of compiled modules: %w", err)
	}
	return cache, nil
}

// own says whether nobody else may write to a folder.
func own(dir string, info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to %s: chmod go-w it", dir)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is another user's: set XDG_CACHE_HOME to a folder of your own", dir)
	}
	return nil
}

// damaged says whether an error is about what was compiled before. wazero has
// no other mark for it.
func damaged(err error) bool { return strings.Contains(err.Error(), "compilationcache: ") }

// clearCache removes what was compiled before. It says whether anything is gone.
// The folders stay: another process may be writing to them.
func clearCache(dir string) (gone bool) {
	if dir == "" {
		return false
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // what cannot be removed stays
		if err == nil && d.Type().IsRegular() && os.Remove(path) == nil {
			gone = true
		}
		return nil
	})
	return gone
}
