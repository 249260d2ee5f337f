package hub

import (
	"archive/zip"
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Limits bound what an artifact may hold. 0 is the default.
type Limits struct {
	Zip   int64 // bytes of the zip file; default 64 MiB
	Total int64 // bytes of all files, unpacked; default 256 MiB
	File  int64 // bytes of one file, unpacked; default 64 MiB
	Files int   // default 1,000
}

func (l Limits) orDefault() Limits {
	or := func(n int64, otherwise int64) int64 {
		if n > 0 {
			return n
		}
		return otherwise
	}
	return Limits{Zip: or(l.Zip, 64<<20), Total: or(l.Total, 256<<20), File: or(l.File, 64<<20), Files: int(or(int64(l.Files), 1000))}
}

// File is a file of an artifact.
type File struct {
	Name string // relative, with slashes, never upwards
	Data []byte
}

// unpack reads the files of a zip file. What the file says of its own sizes is
// not believed: what comes out is counted.
func unpack(zipped []byte, l Limits) ([]File, error) {
	r, err := zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))
	if err != nil {
		return nil, fmt.Errorf("it is no zip file: %w", err)
	}
	if len(r.File) > l.Files {
		return nil, fmt.Errorf("it holds %d files, of at most %d", len(r.File), l.Files)
	}
	var files []File
	seen := map[string]bool{}
	left := l.Total
	for _, f := range r.File {
		name := f.Name
		if strings.HasSuffix(name, "/") && f.Mode().IsDir() {
			continue
		}
		switch {
		case !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00"):
			return nil, fmt.Errorf("it holds a file called %q, which leads elsewhere", line(name))
		case !f.Mode().IsRegular():
			return nil, fmt.Errorf("it holds %q, which is no file but %s", line(name), f.Mode().Type())
		case seen[strings.ToLower(name)]:
			return nil, fmt.Errorf("it holds %q twice", line(name))
		}
		seen[strings.ToLower(name)] = true
		data, err := unpackOne(f, min(left, l.File))
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line(name), err)
		}
		left -= int64(len(data))
		files = append(files, File{name, data})
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	return files, nil
}

func unpackOne(f *zip.File, limit int64) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := readUpTo(in, limit)
	if err != nil {
		return nil, fmt.Errorf("unpack, up to %d bytes: %w", limit, err)
	}
	return data, nil
}
