package doctor

import (
	"context"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/machine"
	"github.com/benchharness/harness/sdk/probe"
)

func find(t *testing.T, list []Finding, name string) Finding {
	t.Helper()
	for _, f := range list {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no finding %s", name)
	return Finding{}
}

func TestSettingsAreGraded(t *testing.T) {
	yes, no, half := true, false, 0.5
	quiet := machine.Fingerprint{ClockSource: "tsc", Governor: "performance", Turbo: &no, SMT: &no, LogicalCores: 4}
	for _, f := range settings(quiet) {
		if f.Grade != Good && f.Name != "open_files" || f.Value == "" || f.Why == "" {
			t.Errorf("a quiet machine has %+v", f)
		}
	}
	for _, c := range []struct {
		name, value string
		change      func(*machine.Fingerprint)
		grade       Grade
	}{
		{"clock_source", "hpet", func(m *machine.Fingerprint) { m.ClockSource = "hpet" }, Bad},
		{"clock_source", "kvm-clock", func(m *machine.Fingerprint) { m.ClockSource = "kvm-clock" }, Good},
		{"governor", "powersave", func(m *machine.Fingerprint) { m.Governor = "powersave" }, Warning},
		{"turbo", "on", func(m *machine.Fingerprint) { m.Turbo = &yes }, Warning},
		{"smt", "on", func(m *machine.Fingerprint) { m.SMT = &yes }, Warning},
		{"cpu_quota", "0.5 of 4 cores", func(m *machine.Fingerprint) { m.CPULimit = &half }, Bad},
		{"virtualization", "kvm guest", func(m *machine.Fingerprint) { m.Virtualization, m.VirtualizationRole = "kvm", "guest" }, Warning},
		{"governor", "no such file", func(m *machine.Fingerprint) {
			m.Governor, m.Unavailable = "", []machine.Missing{{Fact: "governor", Reason: "no such file"}}
		}, Unknown},
	} {
		m := quiet
		c.change(&m)
		f := find(t, settings(m), c.name)
		if f.Grade != c.grade || f.Value != c.value {
			t.Errorf("%s is %s (%s), want %s (%s)", c.name, f.Grade, f.Value, c.grade, c.value)
		}
		if (f.Grade == Warning || f.Grade == Bad) != (f.Remedy != "") {
			t.Errorf("%s is %s, and the remedy is %q", c.name, f.Grade, f.Remedy)
		}
	}
}

func TestWhatOthersTakeIsGraded(t *testing.T) {
	series := func(steal, cpu, swap, moving float64) probe.Series {
		return probe.Series{Gauges: []probe.Gauge{
			{Name: "host.steal", Average: &steal}, {Name: "host.cpu", Average: &cpu}, {Name: "host.swap", Average: &swap}, {Name: "host.swap_in", Average: &moving},
		}}
	}
	for _, c := range []struct {
		seen              probe.Series
		steal, busy, swap Grade
	}{
		{series(0, 0.01, 0, 0), Good, Good, Good},
		{series(0.01, 0.1, 1<<20, 0), Warning, Warning, Warning},
		{series(0.1, 0.9, 1<<20, 5), Bad, Bad, Bad},
		{probe.Series{Gauges: []probe.Gauge{{Name: "host.steal", Unavailable: "not told by darwin"}}}, Unknown, Unknown, Unknown},
	} {
		got := others(c.seen)
		if s, b, w := find(t, got, "steal"), find(t, got, "other_load"), find(t, got, "swap"); s.Grade != c.steal || b.Grade != c.busy || w.Grade != c.swap {
			t.Errorf("steal %+v, load %+v, swap %+v; want %s, %s, %s", s, b, w, c.steal, c.busy, c.swap)
		}
	}
}

func TestTheWorstFindingIsTheReports(t *testing.T) {
	of := func(grades ...Grade) (r Report) {
		for _, g := range grades {
			r.Findings = append(r.Findings, Finding{Grade: g})
		}
		return r
	}
	for want, r := range map[Grade]Report{Good: of(Good, Unknown), Warning: of(Unknown, Warning, Good), Bad: of(Bad, Warning)} {
		if got := r.Worst(); got != want {
			t.Errorf("%v is %s, want %s", r.Findings, got, want)
		}
	}
}

// TestEverythingIsLookedAt asks for no grade: that is the machine's.
func TestEverythingIsLookedAt(t *testing.T) {
	r, err := Examine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range r.Findings {
		if seen[f.Name] || f.Name == "" || f.Value == "" || f.Why == "" || f.Grade == "" {
			t.Errorf("the finding %+v is there twice, or lacks something", f)
		}
		if (f.Grade == Warning || f.Grade == Bad) != (f.Remedy != "") {
			t.Errorf("%s is %s, and the remedy is %q", f.Name, f.Grade, f.Remedy)
		}
		seen[f.Name] = true
	}
	if len(seen) != 17 || r.MachineID == "" {
		t.Errorf("%d findings about machine %q, want 17", len(seen), r.MachineID)
	}
}

func TestItEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Examine(ctx); err == nil {
		t.Error("a second of watching took less than 0.1 s")
	}
}
