package probe

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/net"
)

// Reasons why a counter does not exist on this system; empty where it does.
const (
	stealReason = ""
	swapReason  = ""
)

const netEvery = time.Duration(0)

// hardwareInterfaces returns the interfaces with a device behind them; none
// in a container.
func hardwareInterfaces(class string, list []net.IOCountersStat) map[string]bool {
	out := map[string]bool{}
	for _, n := range list {
		if _, err := os.Stat(filepath.Join(class, n.Name, "device")); err == nil {
			out[n.Name] = true
		}
	}
	return out
}

// hardwareDisks returns whole disks with a device behind them: no partitions,
// no device mapper, RAID, loop or zram device above them, and none of the
// hidden paths under a multipath NVMe disk.
func hardwareDisks(block string) ([]string, string) {
	entries, err := os.ReadDir(block)
	if err != nil {
		return nil, "no " + block
	}
	var out []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(block, e.Name(), "device")); err != nil {
			continue
		}
		if hidden, _ := os.ReadFile(filepath.Join(block, e.Name(), "hidden")); strings.TrimSpace(string(hidden)) == "1" {
			continue
		}
		out = append(out, e.Name())
	}
	if len(out) == 0 {
		return nil, "no disk device in " + block
	}
	return out, ""
}
