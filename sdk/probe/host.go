package probe

import (
	"fmt"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/mem"
	"github.com/shirou/gopsutil/v3/net"
)

func hostCollectors() []*scheduled {
	return []*scheduled{
		{collector: &cpuCollector{}},
		{collector: &memoryCollector{}},
		{collector: &diskCollector{block: "/sys/block"}},
		{collector: &netCollector{class: "/sys/class/net"}, every: netEvery},
		{collector: &pressureCollector{dir: "/proc/pressure"}},
	}
}

// cpuCollector reads shares of CPU time. Busy is what worked for us: user,
// nice, system and interrupts; waiting for I/O is idle, and stolen time is
// neither. Guest time is already in user.
type cpuCollector struct{ busy, steal, iowait, all monotone }

func (*cpuCollector) defs() []def {
	return []def{{"host.cpu", "ratio", rate}, {"host.steal", "ratio", rate}, {"host.iowait", "ratio", rate}}
}
func (*cpuCollector) close() {}

func (c *cpuCollector) read(_ float64, out []point, _ bool) {
	times, err := cpu.Times(false)
	if err != nil || len(times) == 0 {
		fill(out, unavailable(fmt.Sprintf("read CPU times: %v", err)))
		return
	}
	t := times[0]
	c.busy.addAll(map[string]float64{"user": t.User, "nice": t.Nice, "system": t.System, "irq": t.Irq, "softirq": t.Softirq})
	steal := c.steal.add("", t.Steal)
	iowait := c.iowait.add("", t.Iowait)
	// The whole is the sum of the parts that counted, so that a part never
	// exceeds it when idle time is set back.
	c.all.add("idle", t.Idle)
	all := c.busy.sum + steal + iowait + c.all.sum
	out[0] = ratePoint(c.busy.sum, all)
	out[1] = hasCounter(stealReason, steal, all)
	out[2] = hasCounter(stealReason, iowait, all)
}

func hasCounter(missing string, num, den float64) point {
	if missing != "" {
		return unavailable(missing)
	}
	return ratePoint(num, den)
}

func (m *monotone) addAll(raw map[string]float64) {
	for k, v := range raw {
		m.add(k, v)
	}
}

// memoryCollector reads memory. Used is what programs could not get without
// swapping: total less available, so a full page cache is not use.
type memoryCollector struct{ in, out monotone }

func (*memoryCollector) defs() []def {
	return []def{
		{"host.memory_used", "B", level}, {"host.memory_total", "B", level},
		{"host.swap", "B", level}, {"host.swap_in", "B/s", rate}, {"host.swap_out", "B/s", rate},
	}
}
func (*memoryCollector) close() {}

func (c *memoryCollector) read(at float64, out []point, _ bool) {
	if m, err := mem.VirtualMemory(); err != nil {
		fill(out[:2], unavailable(fmt.Sprintf("read memory: %v", err)))
	} else {
		out[0], out[1] = levelPoint(float64(m.Total-min(m.Available, m.Total))), levelPoint(float64(m.Total))
	}
	s, err := mem.SwapMemory()
	switch {
	case err != nil:
		fill(out[2:], unavailable(fmt.Sprintf("read swap: %v", err)))
	case s.Total == 0:
		fill(out[2:], unavailable("no swap is configured"))
	default:
		out[2] = levelPoint(float64(s.Used))
		out[3] = hasCounter(swapReason, c.in.add("", float64(s.Sin)), at)
		out[4] = hasCounter(swapReason, c.out.add("", float64(s.Sout)), at)
	}
}

// netCollector reads network traffic. Where any interface has hardware behind
// it only those count: a packet through a bridge, a bond or a tunnel passes a
// physical interface as well.
type netCollector struct {
	class          string
	rx, tx, lo     monotone
	physical       map[string]bool
	physicalExpiry float64
}

func (*netCollector) defs() []def {
	return []def{{"net.in", "B/s", rate}, {"net.out", "B/s", rate}, {"net.loopback", "B/s", rate}}
}
func (*netCollector) close() {}

func (c *netCollector) read(at float64, out []point, _ bool) {
	list, err := net.IOCounters(true)
	if err != nil {
		fill(out, unavailable(fmt.Sprintf("read network counters: %v", err)))
		return
	}
	if at >= c.physicalExpiry {
		c.physical, c.physicalExpiry = hardwareInterfaces(c.class, list), at+deviceExpiry.Seconds()
	}
	loopback, others := false, false
	for _, n := range list {
		switch {
		case isLoopback(n.Name):
			loopback = true
			c.lo.add(n.Name, float64(n.BytesRecv))
		case len(c.physical) == 0 || c.physical[n.Name]:
			others = true
			c.rx.add(n.Name, float64(n.BytesRecv))
			c.tx.add(n.Name, float64(n.BytesSent))
		}
	}
	fill(out[:2], unavailable("no network interface besides loopback"))
	out[2] = unavailable("no loopback interface")
	if others {
		out[0], out[1] = ratePoint(c.rx.sum, at), ratePoint(c.tx.sum, at)
	}
	if loopback {
		out[2] = ratePoint(c.lo.sum, at)
	}
}

func isLoopback(name string) bool {
	rest, ok := strings.CutPrefix(name, "lo")
	return ok && strings.Trim(rest, "0123456789") == ""
}

// deviceExpiry is how long the list of physical devices is believed.
const deviceExpiry = 5 * time.Second
