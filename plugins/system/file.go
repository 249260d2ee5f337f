package system

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/probe"
)

type fileParams struct {
	Mode   string `json:"mode" doc:"write overwrites one block and syncs it; read reads one." enum:"write,read"`
	Block  int    `json:"block" doc:"Bytes of one op, a multiple of 4096." min:"4096" max:"1073741824"`
	Size   int    `json:"size" doc:"Bytes of each worker's file, a multiple of the block." min:"4096" max:"1099511627776"`
	Order  string `json:"order" doc:"Order of the blocks." enum:"sequential,random"`
	Sync   bool   `json:"sync" doc:"Call fsync after every write."`
	Direct bool   `json:"direct" doc:"Bypass the page cache where the file system can."`
}

func fileBenchmark() sdk.Benchmark {
	return sdk.Benchmark{
		Name:    "file",
		Doc:     "Blocks written with fsync, or read, in a file of the scratch folder.",
		Params:  sdk.ParamsOf(fileParams{Mode: "write", Block: 128 << 10, Size: 64 << 20, Order: "sequential", Sync: true, Direct: true}),
		Metrics: []sdk.Metric{bandwidthMetric("Bytes written or read.")},
		Presets: []sdk.Preset{
			{Name: "file_write_fsync", Doc: "Overwrite a block and wait until it is on the device.", With: map[string]any{"mode": "write"}},
			{Name: "file_read", Doc: "Read a block.", With: map[string]any{"mode": "read"}},
		},
		Load:  sdk.LoadHint{Serial: true},
		Setup: setupFile,
	}
}

// sector is the unit that is stamped and checked, and the alignment that
// direct I/O gets: no file system asks for more.
const sector = 4096

type fileSession struct {
	fileParams
	dir    string
	seed   uint64
	direct bool
	how    string // "direct", or "buffered" and why
}

func setupFile(ctx context.Context, r sdk.SetupRequest) (sdk.Session, error) {
	s := &fileSession{dir: r.Dir, seed: r.Seed}
	if err := r.Params.Decode(&s.fileParams); err != nil {
		return nil, err
	}
	if err := s.fileParams.check(); err != nil {
		return nil, err
	}
	if s.dir == "" {
		return nil, sdk.NotMeasured("there is no scratch folder in a sandbox", "run the built-in system plugin")
	}
	workers := max(r.MaxWorkers, 1)
	if free, _, err := probe.Disk(ctx, s.dir); err == nil && free/uint64(workers) < uint64(s.Size) {
		return nil, fmt.Errorf("%s has %d bytes free, and %d files of %d bytes are to be written: free some space, set TMPDIR to another disk or lower `size`",
			s.dir, free, workers, s.Size)
	}
	if err := s.tryDirect(); err != nil {
		return nil, err
	}
	return s, nil
}

func (p fileParams) check() error {
	switch {
	case p.Mode != "write" && p.Mode != "read":
		return sdk.BadParam("mode", "is %q, want write or read", p.Mode)
	case p.Order != "sequential" && p.Order != "random":
		return sdk.BadParam("order", "is %q, want sequential or random", p.Order)
	case p.Block < sector || p.Block%sector != 0:
		return sdk.BadParam("block", "is %d, want a multiple of %d", p.Block, sector)
	case p.Size < p.Block || p.Size%p.Block != 0:
		return sdk.BadParam("size", "is %d, want a multiple of the block (%d)", p.Size, p.Block)
	}
	return nil
}

// tryDirect writes and reads one sector past the page cache: some file systems
// accept the flag and refuse the transfer.
func (s *fileSession) tryDirect() error {
	if !s.Direct {
		s.how = "buffered: `direct` is off"
		return nil
	}
	name := filepath.Join(s.dir, "direct")
	f, err := openDirect(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err == nil {
		b := aligned(sector)
		if _, err = f.WriteAt(b, 0); err == nil {
			_, err = f.ReadAt(b, 0)
		}
		err = errors.Join(err, f.Close())
	}
	if e := os.Remove(name); e != nil && !errors.Is(e, os.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, e)
	}
	switch {
	case err == nil:
		s.direct, s.how = true, "direct"
	case errors.Is(err, syscall.EINVAL), errors.Is(err, errors.ErrUnsupported):
		s.how = "buffered: the file system refuses direct I/O"
	default:
		return explain("write "+name, err)
	}
	return nil
}

func (s *fileSession) Close(context.Context) error { return nil }

func (s *fileSession) Describe() sdk.SessionInfo {
	p := map[string]string{"engine": "pread and pwrite, Go", "io": s.how}
	if !s.direct && s.Mode == "read" {
		p["cache"] = "the page cache may answer"
	}
	if s.Mode == "write" {
		p["sync"] = strconv.FormatBool(s.Sync)
	}
	return sdk.SessionInfo{Provenance: p}
}

func (s *fileSession) open(name string, flags int) (*os.File, error) {
	if s.direct {
		return openDirect(name, flags)
	}
	return os.OpenFile(name, flags, 0o600)
}

// Worker writes the worker's file in full, so that ops overwrite what exists:
// allocation is not part of what is measured.
func (s *fileSession) Worker(ctx context.Context, n int) (_ sdk.Worker, err error) {
	w := &fileWorker{fileSession: s, buf: aligned(s.Block), name: filepath.Join(s.dir, fmt.Sprintf("file-%d", n))}
	if w.f, err = s.open(w.name, os.O_RDWR|os.O_CREATE|os.O_TRUNC); err != nil {
		return nil, explain("create "+w.name, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close())
		}
	}()
	fillBlock(w.buf, s.seed)
	for i := range s.Size / s.Block {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("write %s: %w", w.name, err)
		}
		stamp(w.buf, s.seed, i)
		if _, err := w.f.WriteAt(w.buf, int64(i)*int64(s.Block)); err != nil {
			return nil, explain("write "+w.name, err)
		}
	}
	if err := w.f.Sync(); err != nil {
		return nil, explain("sync "+w.name, err)
	}
	return w, nil
}

type fileWorker struct {
	*fileSession
	name string
	f    *os.File
	buf  []byte
	next int // block of the next op
}

func (w *fileWorker) Do(_ context.Context, op *sdk.Op) error {
	blocks := w.Size / w.Block
	block := w.next
	if w.Order == "random" {
		block = int(op.Rand % uint64(blocks))
	}
	w.next = (w.next + 1) % blocks
	at := int64(block) * int64(w.Block)
	if w.Mode == "write" {
		stamp(w.buf, w.seed, block)
		if _, err := w.f.WriteAt(w.buf, at); err != nil {
			return explain("write "+w.name, err)
		}
		if w.Sync {
			if err := w.f.Sync(); err != nil {
				return explain("sync "+w.name, err)
			}
		}
	} else {
		if _, err := w.f.ReadAt(w.buf, at); err != nil {
			return explain("read "+w.name, err)
		}
		if err := verify(w.buf, w.seed, block); err != nil {
			return err
		}
	}
	op.Record(bandwidth, float64(w.Block))
	return nil
}

// Close closes and removes the worker's file.
func (w *fileWorker) Close() error {
	return errors.Join(w.f.Close(), os.Remove(w.name))
}

// explain adds the remedy to a full disk, and the class.
func explain(what string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return sdk.Classify("disk_full", fmt.Errorf("%s: %w: free some space, set TMPDIR to another disk or lower `size`", what, err))
	case errors.Is(err, syscall.EIO):
		return sdk.Classify("io_error", fmt.Errorf("%s: %w", what, err))
	}
	return fmt.Errorf("%s: %w", what, err)
}

// aligned returns n bytes that begin at a sector boundary, for direct I/O.
func aligned(n int) []byte {
	b := make([]byte, n+sector)
	skip := (sector - int(uintptr(unsafe.Pointer(&b[0]))%sector)) % sector
	return b[skip : skip+n : skip+n]
}

// fillBlock fills a block with noise, which no file system can compress.
func fillBlock(b []byte, seed uint64) {
	x := seed
	for i := 0; i+8 <= len(b); i += 8 {
		x = x*lcgA + lcgC
		binary.LittleEndian.PutUint64(b[i:], x^x>>33)
	}
}

// stamp marks each sector of a block with its place in the file.
func stamp(b []byte, seed uint64, block int) {
	first := uint64(block) * uint64(len(b)/sector)
	for i := 0; i < len(b); i += sector {
		binary.LittleEndian.PutUint64(b[i:], mark(seed, first+uint64(i/sector)))
	}
}

func mark(seed, n uint64) uint64 { return (seed ^ n) * lcgA }

func verify(b []byte, seed uint64, block int) error {
	first := uint64(block) * uint64(len(b)/sector)
	for i := 0; i < len(b); i += sector {
		n := first + uint64(i/sector)
		if got, want := binary.LittleEndian.Uint64(b[i:]), mark(seed, n); got != want {
			return sdk.Classify("wrong_data", fmt.Errorf("sector %d holds %x, want %x", n, got, want))
		}
	}
	return nil
}
