package install

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what one plugin may be: far above what any is, far below what
// would fill a disk.
const (
	maxFiles = 10_000
	maxBytes = 1 << 30
	maxPath  = 400
	maxDepth = 20
)

// archiveSuffixes are those of archives that can be unpacked.
var archiveSuffixes = []string{".tar.gz", ".tgz", ".zip"}

func isArchive(name string) bool {
	for _, s := range archiveSuffixes {
		if strings.HasSuffix(strings.ToLower(name), s) {
			return true
		}
	}
	return false
}

// basket is a folder that files are put into, within the limits. Nothing lands
// outside it: paths are checked, and opened below the folder by the system.
type basket struct {
	root  *os.Root
	files int
	left  int64 // bytes that may still come
	dirs  map[string]bool
}

func newBasket(dir string) (*basket, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &basket{root: root, left: maxBytes, dirs: map[string]bool{".": true}}, nil
}

func (b *basket) close() { _ = b.root.Close() } // a folder that was only read

// checkPath says whether a path of an archive is one that can be unpacked.
func checkPath(path string) error {
	shown := shown(path)
	switch {
	case !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("it holds a file whose name is not printable, %s", shown)
	case strings.HasPrefix(path, "/") || len(path) > 1 && path[1] == ':':
		return fmt.Errorf("it holds the absolute path %s", shown)
	case strings.Contains(path, `\`):
		return fmt.Errorf("it holds a path with a backslash, %s", shown)
	case !filepath.IsLocal(path):
		return fmt.Errorf("it holds the path %s, which leads out of it", shown)
	case len(path) > maxPath || strings.Count(path, "/") > maxDepth:
		return fmt.Errorf("it holds the path %s, which is longer than %d bytes or deeper than %d folders", shown, maxPath, maxDepth)
	}
	return nil
}

// shown is a foreign name, quoted and not endless.
func shown(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// folder makes a folder and those above it.
func (b *basket) folder(path string) error {
	path = filepath.Clean(path)
	if b.dirs[path] {
		return nil
	}
	if err := b.count(); err != nil {
		return err
	}
	if err := b.folder(filepath.Dir(path)); err != nil {
		return err
	}
	if err := b.root.Mkdir(path, 0o755); err != nil {
		return same(path, err)
	}
	b.dirs[path] = true
	return nil
}

func (b *basket) count() error {
	if b.files++; b.files > maxFiles {
		return fmt.Errorf("it holds more than %d files", maxFiles)
	}
	return nil
}

// same names the path that an archive holds twice, which may be two that a
// file system does not tell apart.
func same(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("it holds %s twice", shown(path))
	}
	return err
}

// file takes in one file. Of its mode only the right to execute is kept.
func (b *basket) file(path string, mode fs.FileMode, from io.Reader, sync bool) error {
	path = filepath.Clean(path)
	if err := b.count(); err != nil {
		return err
	}
	if err := b.folder(filepath.Dir(path)); err != nil {
		return err
	}
	perm := fs.FileMode(0o644)
	if mode&0o111 != 0 {
		perm = 0o755
	}
	f, err := b.root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return same(path, err)
	}
	n, err := io.Copy(f, io.LimitReader(from, b.left+1))
	if err == nil && sync {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if b.left -= n; err == nil && b.left < 0 {
		err = fmt.Errorf("it unpacks to more than %d MiB", maxBytes>>20)
	}
	return err
}

// unpack unpacks an archive into a new folder.
func unpack(archive, name, dir string) error {
	b, err := newBasket(dir)
	if err != nil {
		return err
	}
	defer b.close()
	if strings.HasSuffix(strings.ToLower(name), ".zip") {
		err = b.zip(archive)
	} else {
		err = b.tar(archive)
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", name, damaged(err))
	}
	return nil
}

// damaged says in words what the readers of archives say in codes.
func damaged(err error) error {
	for _, e := range []error{io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, e) {
			return errors.New("it ends in the middle: fetch it again")
		}
	}
	for _, e := range []error{gzip.ErrHeader, gzip.ErrChecksum, tar.ErrHeader, zip.ErrFormat, zip.ErrAlgorithm, zip.ErrChecksum} {
		if errors.Is(err, e) {
			return fmt.Errorf("it is no archive of its kind, or damaged (%w)", err)
		}
	}
	return err
}

func (b *basket) tar(archive string) error {
	in, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer in.Close()
	plain, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	// Headers count, too: a bomb can be made of nothing else.
	r := tar.NewReader(io.LimitReader(plain, 2*maxBytes))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if err := checkPath(h.Name); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = b.folder(h.Name)
		case tar.TypeReg:
			err = b.file(h.Name, h.FileInfo().Mode(), r, false)
		case tar.TypeSymlink, tar.TypeLink:
			err = fmt.Errorf("it holds the link %s, and links are not unpacked: pack the files themselves", shown(h.Name))
		default:
			err = fmt.Errorf("it holds %s, which is neither a file nor a folder", shown(h.Name))
		}
		if err != nil {
			return err
		}
	}
}

// maxIndex is the most bytes that are read of a zip archive to find out what is
// in it: room for the longest paths of as many files as may be.
const maxIndex = maxFiles * (maxPath + 200)

// bounded reads from a file until it has read so much. All of the index of a
// zip archive is read before anything of it can be looked at.
type bounded struct {
	from io.ReaderAt
	left int
}

func (r *bounded) ReadAt(b []byte, at int64) (int, error) {
	if r.left -= len(b); r.left < 0 {
		return 0, fmt.Errorf("it holds more than %d files, or long remarks", maxFiles)
	}
	return r.from.ReadAt(b, at)
}

func (b *basket) zip(archive string) error {
	in, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	index := &bounded{in, maxIndex}
	r, err := zip.NewReader(index, info.Size())
	if err != nil {
		return err
	}
	index.left = 1 << 62 // files have limits of their own
	for _, f := range r.File {
		if err := checkPath(f.Name); err != nil {
			return err
		}
		switch mode := f.Mode(); {
		case mode.IsDir():
			err = b.folder(f.Name)
		case mode.IsRegular():
			err = b.zipped(f)
		case mode&fs.ModeSymlink != 0:
			err = fmt.Errorf("it holds the link %s, and links are not unpacked: pack the files themselves", shown(f.Name))
		default:
			err = fmt.Errorf("it holds %s, which is neither a file nor a folder", shown(f.Name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *basket) zipped(f *zip.File) error {
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	return b.file(f.Name, f.Mode(), in, false)
}

// copyTree copies a folder into the basket and has it reach the disk. Links
// and everything else that is no file are refused.
func (b *basket) copyTree(from string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case rel == "." || rel == receiptName:
			return nil
		case d.Name() == ".git" && d.IsDir():
			return fs.SkipDir
		}
		if err := checkPath(rel); err != nil {
			return err
		}
		switch mode := d.Type(); {
		case mode.IsDir():
			return b.folder(rel)
		case !mode.IsRegular():
			return fmt.Errorf("it holds %s, which is neither a file nor a folder: links are not installed", shown(rel))
		}
		return b.copyFile(rel, path)
	})
}

func (b *basket) copyFile(rel, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return b.file(rel, info.Mode(), in, true)
}

// writeNew writes a file that is not there yet and has it reach the disk.
func writeNew(path string, perm fs.FileMode, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
