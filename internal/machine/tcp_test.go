package machine

import (
	"slices"
	"strings"
	"testing"

	"github.com/benchharness/harness/sdk/probe"
)

// snmp and netstat are as Linux writes them, with fewer counters.
func snmp(sent, again string) string {
	return "Ip: Forwarding DefaultTTL\nIp: 1 64\n" +
		"Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens InSegs OutSegs RetransSegs InErrs\n" +
		"Tcp: 1 200 120000 -1 194450 94465099 " + sent + " " + again + " 0\nUdp: InDatagrams\nUdp: 7\n"
}

func netstat(overflows, drops, timeouts, fast, probes string) string {
	return "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeouts TCPFastRetrans TCPSlowStartRetrans TCPLossProbes TCPSynRetrans\n" +
		"TcpExt: 0 " + strings.Join([]string{overflows, drops, timeouts, fast}, " ") + " 0 " + probes + " 0\n" +
		"IpExt: InNoRoutes\nIpExt: 3\n"
}

func TestSegmentsSentAgainAndConnectionsTurnedAwayAreNamed(t *testing.T) {
	const before = "snmp 1000 10; netstat 2 3 1 4 5"
	for _, c := range []struct {
		name          string
		snmp, netstat string // afterwards; empty: not there
		codes         []string
		parts         []string
	}{
		{"nothing", snmp("1000", "10"), netstat("2", "3", "1", "4", "5"), nil, nil},
		{"probes of a busy target's tail", snmp("9000", "60"), netstat("2", "3", "1", "4", "55"), nil, nil},
		{"losses", snmp("11000", "60"), netstat("2", "3", "3", "20", "5"), []string{"retransmits"}, []string{"50 TCP segments", "0.5% of those sent", "whatever process", "; 2 waited"}},
		{"hardly any", snmp("10001000", "11"), netstat("2", "3", "1", "5", "5"), []string{"retransmits"}, []string{"1 TCP segments", " less than 0.01% of those sent"}},
		{"nothing but losses", snmp("1000", "60"), netstat("2", "3", "1", "54", "5"), []string{"retransmits"}, []string{" 100% of those sent"}},
		{"half of all", snmp("1050", "60"), netstat("2", "3", "1", "54", "5"), []string{"retransmits"}, []string{" 50% of those sent"}},
		{"a full accept queue", snmp("2000", "10"), netstat("9", "12", "1", "4", "5"), []string{"listen_overflow"}, []string{"9 connections", "7 for a full accept queue", "net.core.somaxconn"}},
		{"both", snmp("2000", "12"), netstat("3", "4", "2", "4", "5"), []string{"retransmits", "listen_overflow"}, []string{"2 TCP segments"}},
		{"counters that began anew", snmp("1", "0"), netstat("0", "0", "0", "0", "0"), nil, nil},
		{"counters that are gone", "", "", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := files("proc/net/snmp", snmp("1000", "10"), "proc/net/netstat", netstat("2", "3", "1", "4", "5"))
			w := begin(system{root: f, os: "linux"}, 2)
			for name, text := range map[string]string{"proc/net/snmp": c.snmp, "proc/net/netstat": c.netstat} {
				if f[name].Data = []byte(text); text == "" {
					delete(f, name)
				}
			}
			list := w.Findings(probe.Series{})
			if got := codes(t, list); !slices.Equal(got, c.codes) {
				t.Fatalf("from %s: findings %v, want %v", before, list, c.codes)
			}
			for _, p := range c.parts {
				if !strings.Contains(list[0].Message, p) {
					t.Errorf("%q lacks %q", list[0].Message, p)
				}
			}
		})
	}
}

func TestAKernelThatTellsLessStillNamesRetransmits(t *testing.T) {
	f := files("proc/net/snmp", snmp("1000", "10"))
	w := begin(system{root: f, os: "linux"}, 2)
	f["proc/net/snmp"].Data = []byte(snmp("2000", "11"))
	if got := codes(t, w.Findings(probe.Series{})); !slices.Equal(got, []string{"retransmits"}) {
		t.Errorf("findings %v", got)
	}
}

func FuzzPairedCounters(f *testing.F) {
	f.Add(snmp("1", "2"), "Tcp:", "OutSegs")
	f.Add(netstat("1", "2", "3", "4", "5"), "TcpExt:", "ListenDrops")
	f.Add("Tcp: OutSegs\nTcp: \n", "Tcp:", "OutSegs")
	f.Add("Tcp: OutSegs\nTcp: -1\n", "Tcp:", "OutSegs")
	f.Add("Tcp:\nTcp:\nTcp: a\nTcp: 18446744073709551616\n", "Tcp:", "a")
	f.Fuzz(func(t *testing.T, text, prefix, key string) {
		n, ok := paired(text, prefix, key)
		if !ok && n != 0 {
			t.Errorf("no counter, but %d", n)
		}
		if ok && !strings.Contains(text, key) {
			t.Errorf("%d for %q, which is not in the file", n, key)
		}
	})
}

func TestProcessesThatWereKilledAreNamedWithTheirCgroup(t *testing.T) {
	v2 := []string{"proc/self/cgroup", "0::/job\n", "sys/fs/cgroup/cgroup.controllers", "memory"}
	v1 := []string{"proc/self/cgroup", "5:cpu,cpuacct:/\n4:memory:/job\n"}
	for _, c := range []struct {
		name       string
		files      []string
		file, then string
		part       string
	}{
		{"somewhere on the machine", v2, "proc/vmstat", "oom_kill 4\n", "killed 2 processes for want of memory"},
		{"in the cgroup of the run", v2, "sys/fs/cgroup/job/memory.events", "max 9\noom_kill 3\n", "killed 3 processes for want of memory, 3 of them in the cgroup"},
		{"in the cgroup of the run, version 1", v1, "sys/fs/cgroup/memory/job/memory.oom_control", "under_oom 0\noom_kill 1\n", "1 of them in the cgroup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := files(append(c.files, "proc/vmstat", "oom_kill 2\n",
				"sys/fs/cgroup/job/memory.events", "oom_kill 0\n", "sys/fs/cgroup/memory/job/memory.oom_control", "oom_kill 0\n")...)
			w := begin(system{root: f, os: "linux"}, 2)
			f[c.file].Data = []byte(c.then)
			list := w.Findings(probe.Series{})
			if len(list) != 1 || list[0].Code != "oom_kill" || !strings.Contains(list[0].Message, c.part) {
				t.Errorf("findings %v, want one with %q", list, c.part)
			}
		})
	}
}

func FuzzKeyedCounters(f *testing.F) {
	f.Add("oom_kill 3\n", "oom_kill", "4:memory:/job\n")
	f.Add("max 1\noom_kill \n", "oom_kill", "0::/../x\n")
	f.Add("oom_kill -1", "oom_kill", "memory")
	f.Fuzz(func(t *testing.T, text, key, groups string) {
		s := system{root: files("x", text, "proc/self/cgroup", groups, "sys/fs/cgroup/memory/job/memory.oom_control", text), os: "linux"}
		if n, ok := s.keyed("x", key); !ok && n != 0 && !strings.Contains(text, key) {
			t.Errorf("%d for a key that is not there", n)
		}
		_, _ = s.ownKills() // must not panic, wherever the group is said to be
	})
}
