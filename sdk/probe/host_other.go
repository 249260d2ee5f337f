//go:build !linux

package probe

import (
	"runtime"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/net"
)

// Reasons why a counter does not exist on this system; empty where it does.
const (
	stealReason = "not counted by " + runtime.GOOS
	swapReason  = "not counted by " + runtime.GOOS
)

// netEvery is long because the counters come from a process, netstat.
const netEvery = time.Second

// hardwareInterfaces returns Ethernet and Wi-Fi interfaces, by their names.
func hardwareInterfaces(_ string, list []net.IOCountersStat) map[string]bool {
	out := map[string]bool{}
	for _, n := range list {
		if strings.HasPrefix(n.Name, "en") {
			out[n.Name] = true
		}
	}
	return out
}

// hardwareDisks names no disks: gopsutil lists only physical ones here.
func hardwareDisks(string) ([]string, string) { return nil, "" }
