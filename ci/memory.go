package ci

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"

	"github.com/benchharness/harness/ci/hub"
)

// Memory is a read-only file system of files that were downloaded. It has no
// folders: a name is found as it is written.
type Memory map[string][]byte

// FromArtifact gives the files of an artifact that lie in its topmost folder,
// or, where there is none, in the only folder with documents in it.
func FromArtifact(files []hub.File) Memory {
	folders := map[string]Memory{}
	for _, f := range files {
		dir := path.Dir(f.Name)
		if folders[dir] == nil {
			folders[dir] = Memory{}
		}
		folders[dir][path.Base(f.Name)] = f.Data
	}
	if top := folders["."]; top != nil && IsFolder(top) {
		return top
	}
	var only Memory
	for _, m := range folders {
		if !IsFolder(m) {
			continue
		}
		if only != nil {
			return Memory{}
		}
		only = m
	}
	return only
}

// Open implements fs.FS.
func (m Memory) Open(name string) (fs.File, error) {
	data, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{memoryInfo{path.Base(name), int64(len(data))}, bytes.NewReader(data)}, nil
}

type memoryFile struct {
	memoryInfo
	io.Reader
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return f.memoryInfo, nil }
func (*memoryFile) Close() error                 { return nil }

type memoryInfo struct {
	name string
	size int64
}

func (i memoryInfo) Name() string     { return i.name }
func (i memoryInfo) Size() int64      { return i.size }
func (memoryInfo) Mode() fs.FileMode  { return 0o444 }
func (memoryInfo) ModTime() time.Time { return time.Time{} }
func (memoryInfo) IsDir() bool        { return false }
func (memoryInfo) Sys() any           { return nil }
