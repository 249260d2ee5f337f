package postgres

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/xi2/xz"
)

// Limits on what an archive may hold. The digest already decides whose archive
// it is; these keep a mistake in the pins from filling the disk.
const (
	maxUnpacked = 1 << 30 // bytes
	maxEntries  = 20_000
)

// unpack unpacks the verified jar, a zip file that holds one .txz, into the
// folder tree, which appears complete or not at all.
func (f fetcher) unpack(ctx context.Context, jar, tree string) error {
	inner, err := zip.OpenReader(jar)
	if err != nil {
		return err
	}
	defer inner.Close()
	for _, entry := range inner.File {
		if !strings.HasSuffix(entry.Name, ".txz") {
			continue
		}
		packed, err := entry.Open()
		if err != nil {
			return err
		}
		defer packed.Close()
		plain, err := xz.NewReader(bufio.NewReader(packed), 0)
		if err != nil {
			return err
		}
		return unpackInto(ctx, plain, tree)
	}
	return errors.New("it holds no .txz file")
}

func unpackInto(ctx context.Context, tarball io.Reader, tree string) error {
	part, err := os.MkdirTemp(filepath.Dir(tree), ".unpack-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part) // finds nothing after the rename
	root, err := os.OpenRoot(part)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := unpackTar(ctx, tarball, root); err != nil {
		return err
	}
	if err := openFolders(root); err != nil {
		return err
	}
	complete := func() bool { return isProgram(filepath.Join(tree, "bin", "postgres")) }
	if complete() { // another process was first, its tree is as good
		return nil
	}
	if err := os.RemoveAll(tree); err != nil { // one that lost its programs
		return err
	}
	if err := os.Rename(part, tree); err != nil && !complete() {
		return err
	}
	return nil
}

// openFolders lets everybody enter the folders of a tree: the account that runs
// the programs may not be their owner, and a umask must not shut it out.
func openFolders(root *os.Root) error {
	return fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return root.Chmod(name, 0o755)
	})
}

// unpackTar writes a tarball's folders, files and links below root. Anything
// that would leave root is refused.
func unpackTar(ctx context.Context, tarball io.Reader, root *os.Root) error {
	reader := tar.NewReader(tarball)
	left := int64(maxUnpacked)
	for range maxEntries {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := reader.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if left -= header.Size; header.Size < 0 || left < 0 {
			return fmt.Errorf("it unpacks to more than %d bytes", int64(maxUnpacked))
		}
		if err := unpackEntry(reader, header, root); err != nil {
			return fmt.Errorf("entry %q: %w", header.Name, err)
		}
	}
	return fmt.Errorf("it has more than %d entries", maxEntries)
}

func unpackEntry(content io.Reader, header *tar.Header, root *os.Root) error {
	name := path.Clean(header.Name)
	if name == "." {
		return nil
	}
	if !filepath.IsLocal(name) {
		return errors.New("its path leads out of the archive")
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		if path.IsAbs(header.Linkname) || !filepath.IsLocal(path.Join(path.Dir(name), header.Linkname)) {
			return fmt.Errorf("it links to %q, out of the archive", header.Linkname)
		}
		return root.Symlink(header.Linkname, name)
	case tar.TypeReg:
		return unpackFile(content, name, fs.FileMode(header.Mode).Perm()&0o755|0o444, root)
	default:
		return fmt.Errorf("its type %q is neither folder, file nor link", header.Typeflag)
	}
}

func unpackFile(content io.Reader, name string, mode fs.FileMode, root *os.Root) error {
	file, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, content); err != nil {
		return err
	}
	return errors.Join(file.Chmod(mode), file.Close())
}
