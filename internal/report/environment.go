package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// machineLabels name the facts of a fingerprint that are known by now, in the
// order of reading. Others follow under their own names.
var machineLabels = []struct{ key, label, unit string }{
	{"os", "Operating system", ""}, {"platform", "Platform", ""}, {"kernel", "Kernel", ""}, {"arch", "Architecture", ""},
	{"cpu_model", "CPU", ""}, {"physical_cores", "Physical cores", ""}, {"logical_cores", "Logical cores", ""},
	{"cpu_limit", "CPU limit", "cores"}, {"memory_bytes", "Memory", "B"}, {"memory_limit_bytes", "Memory limit", "B"},
	{"virtualization", "Virtualisation", ""}, {"virtualization_role", "Virtualisation role", ""}, {"container", "Container", ""},
	{"governor", "Frequency governor", ""}, {"turbo", "Turbo", ""}, {"smt", "SMT", ""}, {"clock_source", "Clock source", ""},
	{"gpus", "GPUs", ""}, {"gpu_driver", "GPU driver", ""}, {"unavailable", "Not known", ""},
}

// environment returns the facts of the machine and harness, and the machine
// in one line. The fingerprint is another package's: what is in it is shown
// without knowing it.
func environment(run *result.Run) (facts []fact, line string) {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(run.Machine))
	d.UseNumber()
	if d.Decode(&m) != nil {
		m = nil
	}
	line = machineLine(run, m)
	delete(m, "id")
	for _, l := range machineLabels {
		if x, ok := m[l.key]; ok {
			facts = append(facts, fact{l.label, factValue(x, l.unit)})
			delete(m, l.key)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		unit := ""
		if strings.HasSuffix(k, "_bytes") {
			unit = "B"
		}
		facts = append(facts, fact{label(k), factValue(m[k], unit)})
	}
	if run.MachineID != "" {
		facts = append(facts, fact{"Machine id", clean(run.MachineID)})
	}
	h := run.Harness
	version := clean(strings.TrimSpace(h.Version + " " + h.Commit))
	facts = append(facts, fact{"harness", fmt.Sprintf("%s (%s, %s/%s)", orNone(version), orNone(h.Go), orNone(h.OS), orNone(h.Arch))})
	facts = append(facts, conditionFacts(run)...)
	for _, p := range run.Plugins {
		facts = append(facts, fact{"Plugin " + clean(p.Name), pluginFact(p)})
	}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" }), line
}

func pluginFact(p result.Plugin) string {
	parts := []string{}
	for _, s := range []string{p.Version, p.Path, p.Digest} {
		if s = clean(s); s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, ", ")
}

// machineLine is such as "linux/amd64, 2 × Intel Xeon, 7.8 GiB".
func machineLine(run *result.Run, m map[string]any) string {
	parts := []string{orNone(run.Harness.OS) + "/" + orNone(run.Harness.Arch)}
	cpu, cores := factValue(m["cpu_model"], ""), factValue(m["logical_cores"], "")
	switch {
	case cpu != "" && cores != "":
		parts = append(parts, cores+" × "+cpu)
	case cores != "":
		parts = append(parts, cores+" CPUs")
	case cpu != "":
		parts = append(parts, cpu)
	}
	if mem := factValue(m["memory_bytes"], "B"); mem != "" {
		parts = append(parts, mem)
	}
	return strings.Join(parts, ", ")
}

// factValue writes any JSON value on one line.
func factValue(x any, unit string) string {
	switch x := x.(type) {
	case nil:
		return ""
	case string:
		return clean(x)
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case json.Number:
		f, err := x.Float64()
		if err != nil {
			return clean(x.String())
		}
		return Quantity(f, unit)
	case []any:
		var parts []string
		for _, e := range x {
			parts = append(parts, factValue(e, unit))
		}
		return result.Printable(strings.Join(parts, "; "), maxText)
	case map[string]any:
		return objectValue(x)
	}
	return ""
}

// objectValue names its fields, except where they read better without: a
// device by name and memory, a fact with its reason.
func objectValue(x map[string]any) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(x)) {
		unit := ""
		if strings.HasSuffix(k, "_bytes") {
			unit = "B"
		}
		v := factValue(x[k], unit)
		switch k {
		case "name", "fact":
			parts = append([]string{v}, parts...)
		case "reason", "memory_bytes":
			parts = append(parts, v)
		default:
			parts = append(parts, clean(k)+" "+v)
		}
	}
	return result.Printable(strings.Join(parts, ": "), maxText)
}

func settingsTable(run *result.Run) *table {
	if len(run.Plan.Settings) == 0 {
		return nil
	}
	t := &table{ID: "settings", Title: "Settings", Columns: []column{{Title: "Setting"}, {Title: "Value"}, {Title: "From"}}}
	for _, s := range run.Plan.Settings {
		t.Rows = append(t.Rows, row{Cells: texts(clean(s.Name), orNone(s.Value), clean(s.Source))})
	}
	return t
}

const reference = "reference"

// provenanceTable says what was really measured. Benchmarks of which it is the
// same share a row.
func provenanceTable(run *result.Run) *table {
	t := &table{ID: "provenance", Title: "What was measured", Columns: []column{{Title: "Target"}, {Title: "Really measured"}, {Title: "Benchmarks"}}}
	rows := map[string]int{}
	seen := map[string]bool{}
	for _, b := range run.Benchmarks {
		if seen[b.ID] || len(b.Rounds) == 0 {
			continue
		}
		seen[b.ID] = true
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(b.Provenance)) {
			parts = append(parts, fmt.Sprintf("%s: %s", strings.ToLower(label(k)), clean(b.Provenance[k])))
		}
		target, what := targetText(b.Target), orNone(strings.Join(parts, "; "))
		key := target + "\n" + what
		if i, ok := rows[key]; ok {
			t.Rows[i].Cells[2].Text += ", " + clean(b.ID)
			continue
		}
		rows[key] = len(t.Rows)
		t.Rows = append(t.Rows, row{Cells: texts(target, what, clean(b.ID))})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}

func targetText(t result.Target) string {
	switch {
	case t.Name == reference:
		return "reference stack"
	case t.Kind == "" && t.Name == "" && t.URL == "":
		return "none: this machine"
	case t.URL != "":
		return strings.TrimSpace(clean(t.Name) + " " + clean(t.URL))
	}
	return orNone(t.Name)
}

// targetsSentence keeps a reader from taking the reference stack for a real
// system.
func targetsSentence(run *result.Run) string {
	ours, others := 0, 0
	for _, b := range run.Benchmarks {
		switch b.Target.Name {
		case "":
		case reference:
			ours++
		default:
			others++
		}
	}
	switch {
	case ours > 0 && others == 0:
		return "The targets were harness's own reference stack, started on this machine, not a deployed system."
	case ours > 0:
		return fmt.Sprintf("%s ran against harness's own reference stack, %d against targets of the config.", count(ours, "scenario"), others)
	}
	return ""
}

// reproduce is the command that makes the same run again on such a machine.
func reproduce(run *result.Run) string {
	var env, flags []string
	if f := run.Plan.ConfigFile; f != "" {
		flags = append(flags, "--config", f)
	}
	if s := run.Plan.Suite; s != "" && s != "default" {
		flags = append(flags, "--suite", s)
	}
	if p := run.Plan.Profile; p != "" {
		flags = append(flags, "--profile", p)
	}
	flags = append(flags, "--seed", fmt.Sprint(run.Plan.Seed))
	for _, s := range run.Plan.Settings {
		given := slices.Contains([]string{"config", "suite", "profile", "seed", "out", "report", "color"}, s.Name)
		if name, ok := strings.CutPrefix(s.Source, "environment "); ok {
			env = append(env, clean(name)+"="+quote(s.Value))
		} else if (strings.HasPrefix(s.Source, "flag") || strings.HasPrefix(s.Source, ".env")) && !given {
			flags = append(flags, "--"+s.Name+"="+s.Value)
		}
	}
	words := append(env, "harness", "run")
	for _, f := range flags {
		words = append(words, quote(f))
	}
	return strings.Join(words, " ")
}

// quote makes a word of a POSIX shell.
func quote(s string) string {
	s = clean(s)
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,%+@") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
