package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// receiptName is the file that says that harness installed a folder, and from
// where.
const receiptName = ".harness-install.json"

// maxReceipt is the size in bytes of the largest receipt that is read.
const maxReceipt = 64 << 10

// ErrNotInstalled says that harness did not install what is there.
var ErrNotInstalled = errors.New("harness did not install it")

func writeReceipt(dir string, r *Receipt) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write the receipt: %w", err)
	}
	return writeNew(filepath.Join(dir, receiptName), 0o644, b)
}

func readReceipt(dir string) (*Receipt, error) {
	f, err := os.Open(filepath.Join(dir, receiptName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotInstalled
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	var r Receipt
	if err := json.NewDecoder(io.LimitReader(f, maxReceipt)).Decode(&r); err != nil {
		return nil, fmt.Errorf("read the receipt in %s: %w", dir, err)
	}
	if r.Name != filepath.Base(dir) {
		return nil, fmt.Errorf("%w: its receipt is that of %q", ErrNotInstalled, r.Name)
	}
	return &r, nil
}

// Read returns the receipt of the plugin in a folder: the one that holds its
// program. Its error is [ErrNotInstalled] if there is none.
func Read(dir string) (*Receipt, error) { return readReceipt(dir) }

// List returns what is installed in a plugins folder, by name.
func List(dir string) ([]*Receipt, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("list installed plugins: %w", err)
	}
	var out []*Receipt
	for _, e := range entries {
		if r, err := readReceipt(filepath.Join(dir, e.Name())); err == nil {
			out = append(out, r)
		}
	}
	return out, nil
}
