package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// conditions are the machine's, from /proc/stat and /proc/loadavg. What is not
// readable is left out of the line.
type conditions struct {
	load               string
	busy, steal, total float64 // of all processors, in ticks
}

func sample() conditions {
	var c conditions
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		c.load, _, _ = strings.Cut(string(b), " ")
	}
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return c
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(line) {
		x, err := strconv.ParseFloat(f, 64)
		if err != nil || i > 8 { // guest time is in user time already
			continue
		}
		c.total += x
		switch i {
		case 4, 5: // idle, waiting for disks
		case 8:
			c.steal += x
		default:
			c.busy += x
		}
	}
	return c
}

// since says in one line what the machine was like from before to c.
func (c conditions) since(before conditions) string {
	if c.total <= before.total {
		return "load " + c.load
	}
	share := func(a, b float64) float64 { return 100 * (a - b) / (c.total - before.total) }
	return fmt.Sprintf("load %s, processors %.0f%% busy, steal %.1f%%", c.load, share(c.busy, before.busy), share(c.steal, before.steal))
}
