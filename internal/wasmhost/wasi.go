package wasmhost

import (
	"encoding/binary"
	"time"

	"github.com/tetratelabs/wazero/sys"
)

const wasiModule = "wasi_snapshot_preview1"

// Error numbers of WASI.
const (
	errnoOK         = 0
	errnoBadFile    = 8
	errnoFault      = 21
	errnoInvalid    = 28
	errnoNotCapable = 76
)

type wasiFunc struct {
	params, result string
	call           hostFunc
}

// fails is a function that only says why it does nothing.
func fails(params string, errno uint64) wasiFunc {
	return wasiFunc{params, "i", func(_ *instance, stack []uint64) { stack[0] = errno }}
}

// wasi is all of preview 1. A compiler's runtime imports many of these without
// a need. No descriptor but 0, 1 and 2 is open, and no folder is.
var wasi = map[string]wasiFunc{
	"args_get":          {"ii", "i", func(_ *instance, stack []uint64) { stack[0] = errnoOK }},
	"args_sizes_get":    {"ii", "i", (*instance).wasiNone},
	"environ_get":       {"ii", "i", func(_ *instance, stack []uint64) { stack[0] = errnoOK }},
	"environ_sizes_get": {"ii", "i", (*instance).wasiNone},
	"clock_res_get":     {"ii", "i", (*instance).wasiClockResolution},
	"clock_time_get":    {"ili", "i", (*instance).wasiClock},
	"fd_fdstat_get":     {"ii", "i", (*instance).wasiStat},
	"fd_write":          {"iiii", "i", (*instance).wasiWrite},
	"poll_oneoff":       {"iiii", "i", (*instance).wasiPoll},
	"proc_exit":         {"i", "", func(_ *instance, stack []uint64) { panic(sys.NewExitError(uint32(stack[0]))) }},
	"random_get":        {"ii", "i", (*instance).wasiRandom},
	"sched_yield":       {"", "i", func(_ *instance, stack []uint64) { stack[0] = errnoOK }},

	"fd_advise": fails("illi", errnoBadFile), "fd_allocate": fails("ill", errnoBadFile), "fd_close": fails("i", errnoBadFile),
	"fd_datasync": fails("i", errnoBadFile), "fd_fdstat_set_flags": fails("ii", errnoBadFile),
	"fd_fdstat_set_rights": fails("ill", errnoBadFile), "fd_filestat_get": fails("ii", errnoBadFile),
	"fd_filestat_set_size": fails("il", errnoBadFile), "fd_filestat_set_times": fails("illi", errnoBadFile),
	"fd_pread": fails("iiili", errnoBadFile), "fd_prestat_get": fails("ii", errnoBadFile),
	"fd_prestat_dir_name": fails("iii", errnoBadFile), "fd_pwrite": fails("iiili", errnoBadFile),
	"fd_read": fails("iiii", errnoBadFile), "fd_readdir": fails("iiili", errnoBadFile),
	"fd_renumber": fails("ii", errnoBadFile), "fd_seek": fails("ilii", errnoBadFile),
	"fd_sync": fails("i", errnoBadFile), "fd_tell": fails("ii", errnoBadFile),

	"path_create_directory": fails("iii", errnoNotCapable), "path_filestat_get": fails("iiiii", errnoNotCapable),
	"path_filestat_set_times": fails("iiiilli", errnoNotCapable), "path_link": fails("iiiiiii", errnoNotCapable),
	"path_open": fails("iiiiillii", errnoNotCapable), "path_readlink": fails("iiiiii", errnoNotCapable),
	"path_remove_directory": fails("iii", errnoNotCapable), "path_rename": fails("iiiiii", errnoNotCapable),
	"path_symlink": fails("iiiii", errnoNotCapable), "path_unlink_file": fails("iii", errnoNotCapable),

	"proc_raise": fails("i", errnoNotCapable), "sock_accept": fails("iii", errnoNotCapable),
	"sock_recv": fails("iiiiii", errnoNotCapable), "sock_send": fails("iiiii", errnoNotCapable),
	"sock_shutdown": fails("ii", errnoNotCapable),
}

// wasiNone says that there are no arguments, or no environment.
func (in *instance) wasiNone(stack []uint64) {
	if !in.mem.WriteUint32Le(uint32(stack[0]), 0) || !in.mem.WriteUint32Le(uint32(stack[1]), 0) {
		stack[0] = errnoFault
		return
	}
	stack[0] = errnoOK
}

const clockRealTime = 0

func (in *instance) wasiClockResolution(stack []uint64) {
	in.wasiPut(stack, uint32(stack[1]), uint64(in.clock.resolution()))
}

func (in *instance) wasiClock(stack []uint64) {
	now := in.clock.monotonic()
	if uint32(stack[0]) == clockRealTime {
		now = in.clock.wall(now)
	}
	in.wasiPut(stack, uint32(stack[2]), uint64(now))
}

// wasiPut writes a result of 8 bytes.
func (in *instance) wasiPut(stack []uint64, at uint32, x uint64) {
	stack[0] = errnoOK
	if !in.mem.WriteUint64Le(at, x) {
		stack[0] = errnoFault
	}
}

// wasiStat says of the descriptors 0, 1 and 2 that they are a terminal's, as
// runtimes expect.
func (in *instance) wasiStat(stack []uint64) {
	if uint32(stack[0]) > 2 {
		stack[0] = errnoBadFile
		return
	}
	at := uint32(stack[1])
	var stat [24]byte
	stat[0] = 2 // a character device
	binary.LittleEndian.PutUint64(stat[8:], 1<<6)
	stack[0] = errnoOK
	if !in.mem.Write(at, stat[:]) {
		stack[0] = errnoFault
	}
}

func (in *instance) wasiWrite(stack []uint64) {
	fd, vecs, count, written := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	if fd != 1 && fd != 2 {
		stack[0] = errnoBadFile
		return
	}
	stack[0] = errnoFault
	total := uint32(0)
	for i := range min(count, 1024) {
		at, ok1 := in.mem.ReadUint32Le(vecs + 8*i)
		size, ok2 := in.mem.ReadUint32Le(vecs + 8*i + 4)
		text, ok3 := in.mem.Read(at, size)
		if !ok1 || !ok2 || !ok3 {
			return
		}
		in.print(text)
		total += size
	}
	if in.mem.WriteUint32Le(written, total) {
		stack[0] = errnoOK
	}
}

func (in *instance) wasiRandom(stack []uint64) {
	b, ok := in.mem.Read(uint32(stack[0]), uint32(stack[1]))
	if !ok {
		stack[0] = errnoFault
		return
	}
	_, _ = in.random.Read(b) // never fails
	stack[0] = errnoOK
}

const (
	subscriptionSize = 48
	eventSize        = 32
	maxSubscriptions = 64
	absoluteTime     = 1
	subscribedClock  = 0
)

// wasiPoll waits for the first clock among the subscriptions; there is nothing
// else to wait for, so all others are over at once, with an error.
func (in *instance) wasiPoll(stack []uint64) {
	from, to, count, events := uint32(stack[0]), uint32(stack[1]), uint32(stack[2]), uint32(stack[3])
	if count == 0 || count > maxSubscriptions {
		stack[0] = errnoInvalid
		return
	}
	stack[0] = errnoFault
	subs, ok := in.mem.Read(from, count*subscriptionSize)
	if !ok {
		return
	}
	var out []byte
	first, wait := -1, time.Duration(1<<62)
	for i := range int(count) {
		s := subs[i*subscriptionSize:]
		if s[8] != subscribedClock {
			out = appendEvent(out, s, errnoBadFile)
			continue
		}
		if d := in.until(s); d < wait {
			first, wait = i, d
		}
	}
	if len(out) == 0 {
		in.sleep(wait)
		out = appendEvent(out, subs[first*subscriptionSize:], errnoOK)
	}
	if in.mem.Write(to, out) && in.mem.WriteUint32Le(events, uint32(len(out)/eventSize)) {
		stack[0] = errnoOK
	}
}

// until is how long a subscription to a clock has to wait.
func (in *instance) until(s []byte) time.Duration {
	le := binary.LittleEndian
	at := time.Duration(min(le.Uint64(s[24:]), 1<<62))
	if le.Uint16(s[40:])&absoluteTime == 0 {
		return at
	}
	now := in.clock.monotonic()
	if le.Uint32(s[16:]) == clockRealTime {
		now = in.clock.wall(now)
	}
	return at - now
}

func appendEvent(out, subscription []byte, errno uint16) []byte {
	var e [eventSize]byte
	copy(e[:8], subscription[:8])
	binary.LittleEndian.PutUint16(e[8:], errno)
	e[10] = subscription[8]
	return append(out, e[:]...)
}
