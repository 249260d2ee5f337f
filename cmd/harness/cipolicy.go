package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/benchharness/harness/ci/hub"
	"github.com/benchharness/harness/internal/suite"
)

// fromBase fetches what decides on a stranger's documents from the base branch
// of the pull request: the config file and the accepted regressions. They come
// into a folder of their own, which the caller removes.
func (j *ciJob) fromBase(ctx context.Context) (dir, config string, err error) {
	if j.pull == nil || j.client == nil {
		return "", "", usage("a stranger's documents are judged by the base branch of their pull request, and none is known: use --repo and --pr")
	}
	if dir, err = os.MkdirTemp("", "harness-ci"); err != nil {
		return "", "", unusable("a scratch folder", os.TempDir(), err, "TMPDIR")
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir) // err says what there is to say
		}
	}()
	names := []string{"harness.yaml", "harness.yml"}
	if j.options.config != "" {
		names = []string{j.options.config}
	}
	for _, name := range names {
		local := filepath.Join(dir, path.Base(name))
		found, err := j.fetch(ctx, name, local)
		if err != nil {
			return "", "", err
		}
		if found {
			config = local
			break
		}
	}
	if config == "" && j.options.config != "" {
		return "", "", usage("--config: there is no %s on the base branch %s", j.options.config, j.pull.BaseRef)
	}
	// Accepted regressions stand in the folder that harness runs in: that of the
	// config file, or the top of the repository.
	local := filepath.Join(dir, filepath.FromSlash(suite.AcknowledgedFile))
	beside := path.Join(path.Dir(j.options.config), suite.AcknowledgedFile)
	found, err := j.fetch(ctx, beside, local)
	if err == nil && !found && beside != suite.AcknowledgedFile {
		_, err = j.fetch(ctx, suite.AcknowledgedFile, local)
	}
	return dir, config, err
}

// fetch reads a file of the base branch into a local one; found is false where
// there is none.
func (j *ciJob) fetch(ctx context.Context, name, local string) (found bool, err error) {
	data, err := j.client.File(ctx, j.pull.Repo, j.pull.BaseRef, name)
	var missing *hub.NotFoundError
	if errors.As(err, &missing) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the policy of the base branch: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(local), 0o700); err != nil {
		return false, err
	}
	return true, os.WriteFile(local, data, 0o600)
}

// configPath is the config file in the repository, for annotations; "" where
// there is none in the working directory.
func (j *ciJob) configPath() string {
	if j.options.config != "" {
		if filepath.IsLocal(j.options.config) {
			return filepath.ToSlash(filepath.Clean(j.options.config))
		}
		return ""
	}
	for _, name := range []string{"harness.yaml", "harness.yml"} {
		if _, err := os.Stat(filepath.Join(j.app.dir, name)); err == nil {
			return name
		}
	}
	return ""
}
