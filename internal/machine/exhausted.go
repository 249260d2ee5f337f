package machine

import (
	"fmt"
	"strings"
	"syscall"
)

// OpenFileLimit returns how many files this process may have open at once.
func OpenFileLimit() (uint64, error) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, fmt.Errorf("read the open-file limit: %w", err)
	}
	return r.Cur, nil
}

const gpuFull = "the GPU is out of memory: use smaller batches, or free the GPU"

// exhaustions are texts that only a resource's end produces, in the words of
// the C library, of Go, of PostgreSQL, of CUDA and ROCm, and of what is built on
// them (PyTorch, llama.cpp under Ollama, candle under TEI). GPU memory comes before
// memory, whose words are part of its.
var exhaustions = []struct{ text, code, remedy string }{
	{"cudamalloc failed", "gpu_memory_exhausted", gpuFull},
	{"cuda error: out of memory", "gpu_memory_exhausted", gpuFull},
	{"cudaerrormemoryallocation", "gpu_memory_exhausted", gpuFull},
	{"hip out of memory", "gpu_memory_exhausted", gpuFull},
	{"hiperroroutofmemory", "gpu_memory_exhausted", gpuFull},
	{"cuda out of memory", "gpu_memory_exhausted", gpuFull},
	{"cuda_error_out_of_memory", "gpu_memory_exhausted", gpuFull},
	{"cublas_status_alloc_failed", "gpu_memory_exhausted", gpuFull},
	{"no space left on device", "disk_full", "the disk is full: free some space"},
	{"disk quota exceeded", "disk_full", "the disk quota is used up: free some space"},
	{"too many open files", "open_files_exhausted", "the open-file limit is reached: raise it with ulimit -n, or use fewer users"},
	{"cannot assign requested address", "ports_exhausted", "no local port is left for a connection: keep connections open, or use fewer users"},
	{"cannot allocate memory", "memory_exhausted", "memory is exhausted: use fewer users, or free some"},
	{"out of memory", "memory_exhausted", "memory is exhausted: use fewer users, or free some"},
}

// Exhausted says which resource of a machine an op's error message is about
// the end of. Messages cross process borders as text, so the text decides.
func Exhausted(message string) (Finding, bool) {
	lower := strings.ToLower(message)
	for _, e := range exhaustions {
		if strings.Contains(lower, e.text) {
			return caution(e.code, "%s", e.remedy), true
		}
	}
	return Finding{}, false
}
