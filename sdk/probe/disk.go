package probe

import (
	"fmt"

	"github.com/shirou/gopsutil/v3/disk"
)

// diskCollector reads the traffic of physical disks. What passes a partition
// or a logical volume passes its disk, and counts there once.
type diskCollector struct {
	block         string
	names         []string
	why           string
	expiry        float64
	reads, writes monotone
}

func (*diskCollector) defs() []def {
	return []def{{"disk.read", "B/s", rate}, {"disk.write", "B/s", rate}}
}
func (*diskCollector) close() {}

func (c *diskCollector) read(at float64, out []point, _ bool) {
	if at >= c.expiry {
		c.names, c.why = hardwareDisks(c.block)
		c.expiry = at + deviceExpiry.Seconds()
	}
	if c.why != "" {
		fill(out, unavailable(c.why))
		return
	}
	disks, err := disk.IOCounters(c.names...)
	switch {
	case err != nil:
		fill(out, unavailable(fmt.Sprintf("read disk counters: %v", err)))
	case len(disks) == 0:
		fill(out, unavailable("no disk has counters"))
	default:
		for name, d := range disks {
			c.reads.add(name, float64(d.ReadBytes))
			c.writes.add(name, float64(d.WriteBytes))
		}
		out[0], out[1] = ratePoint(c.reads.sum, at), ratePoint(c.writes.sum, at)
	}
}
