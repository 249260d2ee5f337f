package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// fetcher gets one archive into a cache folder and unpacks it there.
type fetcher struct {
	repository string
	archive    archive
	cache      string        // folder
	stall      time.Duration // longest time without a byte
	progress   func(string)
	journal    func(kind, name string, attrs map[string]string) error
}

// binaries returns the folder of the unpacked programs. The archive comes from
// the cache, else from the repository, and in both cases is unpacked only once
// its digest is the pinned one.
func (f fetcher) binaries(ctx context.Context) (binaries, error) {
	tree := filepath.Join(f.cache, fmt.Sprintf("%s-%s-%.12s", fetchedVersion, f.archive.platform, f.archive.sha256))
	found := binaries{
		dir:    filepath.Join(tree, "bin"),
		source: fmt.Sprintf("fetched %s sha256 %s", fetchedVersion, f.archive.sha256),
	}
	if isProgram(filepath.Join(found.dir, "postgres")) {
		return found, nil // a tree takes this name in one step, when it is complete
	}
	if err := f.journal("folder", f.cache, map[string]string{"what": "cache of fetched PostgreSQL programs"}); err != nil {
		return binaries{}, fmt.Errorf("journal cache folder %s: %w", f.cache, err)
	}
	if err := mkdirOpen(f.cache); err != nil {
		return binaries{}, fmt.Errorf("create cache folder: %w", err)
	}
	jar := filepath.Join(f.cache, f.archive.file())
	if err := f.verifyCached(jar); err != nil {
		// Missing, cut short or altered: get it again.
		if err := f.download(ctx, jar); err != nil {
			return binaries{}, err
		}
	}
	if err := f.unpack(ctx, jar, tree); err != nil {
		return binaries{}, fmt.Errorf("unpack %s: %w", jar, err)
	}
	return found, nil
}

func (f fetcher) verifyCached(jar string) error {
	file, err := os.Open(jar)
	if err != nil {
		return err
	}
	defer file.Close()
	return f.verify(io.Discard, file, jar)
}

// verify copies from to to and compares size and digest with the pin.
func (f fetcher) verify(to io.Writer, from io.Reader, name string) error {
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, sum), io.LimitReader(from, f.archive.size+1))
	if err != nil {
		return fmt.Errorf("read %s after %d of %d bytes: %w", name, n, f.archive.size, err)
	}
	if n < f.archive.size {
		return fmt.Errorf("read %s: it ends after %d of %d bytes", name, n, f.archive.size)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n > f.archive.size || got != f.archive.sha256 {
		if n > f.archive.size {
			got = fmt.Sprintf("unknown (longer than the %d bytes expected)", f.archive.size)
		}
		return &WrongDigest{From: name, Got: got, Want: f.archive.sha256}
	}
	return nil
}

// download gets the archive into jar, which appears whole and verified or not
// at all.
func (f fetcher) download(ctx context.Context, jar string) (err error) {
	if f.repository == "" {
		return errors.New("fetch PostgreSQL: no repository is known")
	}
	url := f.archive.url(strings.TrimRight(f.repository, "/"))
	f.progress(fmt.Sprintf("fetching PostgreSQL %s for %s, %d MB, once", fetchedVersion, f.archive.platform, f.archive.size/1e6))

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stalled := time.AfterFunc(f.stall, func() { cancel(fmt.Errorf("no data for %v", f.stall)) })
	defer stalled.Stop()
	defer func() {
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = fmt.Errorf("fetch %s: %w", url, cause)
		}
	}()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: f.stall,
	}}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch %s: the server answers %s", url, response.Status)
	}

	part, err := os.CreateTemp(filepath.Dir(jar), ".part-*")
	if err != nil {
		return fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	defer os.Remove(part.Name()) // fails after the rename, as it should
	defer part.Close()
	body := readerFunc(func(p []byte) (int, error) {
		n, err := response.Body.Read(p)
		stalled.Reset(f.stall)
		return n, err
	})
	if err := f.verify(part, body, url); err != nil {
		return err
	}
	if err := errors.Join(part.Sync(), part.Close()); err != nil {
		return fmt.Errorf("write %s: %w", part.Name(), err)
	}
	return os.Rename(part.Name(), jar)
}

type readerFunc func([]byte) (int, error)

func (r readerFunc) Read(p []byte) (int, error) { return r(p) }

// cacheFolder is where fetched programs stay: below base, or the user's cache
// folder if base is empty. Root's own is usually closed to the account that
// must run them; then it is the system's.
func cacheFolder(base string, acct account) (string, error) {
	if base == "" {
		user, err := os.UserCacheDir()
		if err != nil && !acct.drop {
			return "", fmt.Errorf("no cache folder: %w", err)
		}
		base = filepath.Join(user, "harness")
	}
	if acct.drop && acct.reach(nearestExisting(base)) != nil {
		base = systemCache()
	}
	return filepath.Join(base, "postgres"), nil
}

// systemCache is where root keeps what an unprivileged user must run.
func systemCache() string {
	if runtime.GOOS == "darwin" {
		return "/Library/Caches/harness"
	}
	return "/var/cache/harness"
}

// CacheFolders are the folders in which fetched programs may be, for whoever
// removes them.
func CacheFolders() []string {
	out := []string{filepath.Join(systemCache(), "postgres")}
	if user, err := os.UserCacheDir(); err == nil {
		out = append(out, filepath.Join(user, "harness", "postgres"))
	}
	return out
}

// mkdirOpen makes a folder, and those above it that are missing, for everybody
// to enter whatever the umask says.
func mkdirOpen(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := mkdirOpen(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) { // made by another process just now
			return nil
		}
		return err
	}
	return os.Chmod(dir, 0o755)
}

// nearestExisting is path or the first folder above it that exists.
func nearestExisting(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
