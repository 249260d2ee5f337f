package postgres

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// findBinaries goes through the sources in their order, see the package comment.
func findBinaries(ctx context.Context, opts Options, acct account) (binaries, error) {
	if opts.BinDir != "" {
		dir, err := filepath.Abs(opts.BinDir)
		if err == nil {
			err = checkBinaries(ctx, dir, acct)
		}
		if err != nil {
			return binaries{}, &Unavailable{
				Reason: fmt.Sprintf("the given folder %s does not serve: %v", opts.BinDir, err),
				Remedy: "name the bin folder of a PostgreSQL installation", Err: err,
			}
		}
		return binaries{dir: dir, source: "given " + dir}, nil
	}
	found, reasons := findInstalled(ctx, acct, opts.candidates(ctx))
	if found.dir != "" {
		return found, nil
	}
	if opts.NoFetch {
		return binaries{}, &Unavailable{Reason: strings.Join(reasons, "; "), Remedy: "install PostgreSQL, give a DSN, or allow fetching it"}
	}
	found, err := fetchBinaries(ctx, opts, acct)
	if err == nil {
		return found, nil
	}
	if ctx.Err() != nil {
		return binaries{}, err // stopped, which says nothing about this machine
	}
	return binaries{}, &Unavailable{
		Reason: strings.Join(append(reasons, err.Error()), "; "),
		Remedy: remedy(opts, acct),
		Err:    err,
	}
}

func fetchBinaries(ctx context.Context, opts Options, acct account) (binaries, error) {
	f := fetcher{
		repository: opts.repository, stall: 30 * time.Second,
		progress: opts.Progress, journal: opts.Journal,
	}
	if opts.archive != nil {
		f.archive = *opts.archive
	} else {
		var err error
		if f.archive, err = pinnedFor(platform()); err != nil {
			return binaries{}, err
		}
	}
	if f.repository == "" {
		f.repository = defaultRepository()
	}
	var err error
	if f.cache, err = cacheFolder(opts.CacheDir, acct); err != nil {
		return binaries{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, opts.FetchTimeout, fmt.Errorf("not fetched within %v", opts.FetchTimeout))
	defer cancel()
	found, err := f.binaries(ctx)
	if err != nil {
		return binaries{}, err
	}
	if err := checkBinaries(ctx, found.dir, acct); err != nil {
		return binaries{}, fmt.Errorf("%s: %w", found.source, err)
	}
	return found, nil
}

// remedy names what helps on this machine, without a network too.
func remedy(opts Options, acct account) string {
	text := "install PostgreSQL, or give a DSN"
	a, err := pinnedFor(platform())
	if err != nil {
		return text
	}
	cache, err := cacheFolder(opts.CacheDir, acct)
	if err != nil {
		return text
	}
	return fmt.Sprintf("%s, or set %s to a repository you can reach, or put %s into %s", text, EnvRepository, a.file(), cache)
}
