package machine

import (
	"fmt"
	"strconv"
	"strings"
)

// tcpCounts are counters of TCP since boot, of the network namespace that harness
// is in: whatever process sends or listens there is in them.
type tcpCounts struct {
	sent, again uint64 // segments; OutSegs counts none that was sent again (RFC 1213)
	// lost are losses and suspicions of one that led to sending again. A probe of a
	// connection's tail is none: it is sent whenever an answer takes its time, as
	// of a busy target, and costs nobody anything.
	lost      uint64
	timeouts  uint64 // retransmission timers that ran out; in lost
	overflows uint64 // connections that found a full accept queue
	drops     uint64 // connections that a listener dropped for any reason
}

// tcp reads the counters. ok is false where there are none.
func (s system) tcp() (c tcpCounts, ok bool) {
	snmp, why := s.text("proc/net/snmp")
	if why != "" {
		return c, false
	}
	var ok1, ok2 bool
	c.sent, ok1 = paired(snmp, "Tcp:", "OutSegs")
	c.again, ok2 = paired(snmp, "Tcp:", "RetransSegs")
	netstat, why := s.text("proc/net/netstat")
	if why != "" {
		c.lost = c.again // nothing tells probes apart
		return c, ok1 && ok2
	}
	of := func(key string) uint64 {
		n, _ := paired(netstat, "TcpExt:", key)
		return n
	}
	c.timeouts = of("TCPTimeouts")
	// An answer to a new connection that is sent again is in no count of timeouts.
	c.lost = c.timeouts + of("TCPSynRetrans") + of("TCPFastRetrans") + of("TCPSlowStartRetrans")
	c.overflows, c.drops = of("ListenOverflows"), of("ListenDrops")
	return c, ok1 && ok2
}

// since are the counts from before to c. A counter that went back, as after a
// change of the namespace, grew by nothing.
func (c tcpCounts) since(before tcpCounts) tcpCounts {
	grown := func(now, then uint64) uint64 { return now - min(then, now) }
	return tcpCounts{
		grown(c.sent, before.sent), grown(c.again, before.again), grown(c.lost, before.lost),
		grown(c.timeouts, before.timeouts), grown(c.overflows, before.overflows), grown(c.drops, before.drops),
	}
}

// judge says what the counts of a round mean for it.
func (c tcpCounts) judge() (out []Finding) {
	if c.lost > 0 && c.again > 0 {
		share := float64(c.again) / (float64(c.sent) + float64(c.again))
		out = append(out, caution("retransmits",
			"%d TCP segments were sent again, %s of those sent on this host, by whatever process; %d waited for a timer, 0.2 s and more each: nstat shows which kind",
			c.again, shareText(share), c.timeouts))
	}
	if c.overflows+c.drops > 0 {
		out = append(out, caution("listen_overflow",
			"listeners on this host turned %d connections away, %d for a full accept queue, and each is tried again after a second: give the target a longer backlog (net.core.somaxconn bounds it), or open fewer connections at once",
			max(c.drops, c.overflows), c.overflows))
	}
	return out
}

// shareText is a share in percent, with two digits where it is small.
func shareText(share float64) string {
	switch percent := 100 * share; {
	case percent < 0.01:
		return "less than 0.01%"
	case percent < 10:
		return fmt.Sprintf("%.2g%%", percent)
	default:
		return fmt.Sprintf("%.0f%%", percent)
	}
}

// paired reads a number of a file in which a line of names follows another of
// values, both with the same prefix.
func paired(text, prefix, key string) (uint64, bool) {
	var names []string
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), prefix)
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if names == nil {
			names = fields
			continue
		}
		for i, name := range names {
			if name == key && i < len(fields) {
				n, err := strconv.ParseUint(fields[i], 10, 64)
				if err != nil {
					return 0, false
				}
				return n, true
			}
		}
		names = nil
	}
	return 0, false
}
