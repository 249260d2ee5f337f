package report

import (
	"slices"
	"strconv"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// utilisationTable is what the machine did over the whole run: CPU, memory,
// every GPU, disk and network.
func utilisationTable(rs []result.Resource) *table {
	if len(rs) == 0 {
		return nil
	}
	t := &table{ID: "utilisation", Title: "System utilisation", Columns: []column{
		{Title: "Resource"}, {Title: "Average", Number: true}, {Title: "Peak", Number: true},
	}}
	add := func(title, name string, format func(float64) string) *row {
		t.Rows = append(t.Rows, gaugeRow(title, find(rs, name), format))
		return &t.Rows[len(t.Rows)-1]
	}
	addMemory := func(title, used, total string) {
		r := add(title, used, fixed(binary))
		if all := find(rs, total); r.Span == "" && all.Peak != nil {
			r.Cells[1].Text += " of " + fixed(binary)(*all.Peak)
		}
	}
	add("CPU", "host.cpu", percent)
	addMemory("Memory used", "host.memory_used", "host.memory_total")
	gpus := gpuNumbers(rs)
	for _, n := range gpus {
		add("GPU "+n, "gpu."+n+".util", percent)
		addMemory("GPU "+n+" memory", "gpu."+n+".memory_used", "gpu."+n+".memory_total")
	}
	if len(gpus) == 0 {
		add("GPU", "gpu.util", percent)
	}
	add("Disk read", "disk.read", fixed(megabyte))
	add("Disk write", "disk.write", fixed(megabyte))
	add("Network in", "net.in", fixed(megabit))
	add("Network out", "net.out", fixed(megabit))
	return t
}

func find(rs []result.Resource, name string) *result.Resource {
	if i := slices.IndexFunc(rs, func(r result.Resource) bool { return r.Name == name }); i >= 0 {
		return &rs[i]
	}
	return &result.Resource{Name: name, Unavailable: "it was not sampled"}
}

func gaugeRow(title string, r *result.Resource, format func(float64) string) row {
	if r.Average == nil {
		return row{Cells: texts(title), Span: "unavailable: " + clean(r.Unavailable), State: absent}
	}
	peak := notAvailable
	if r.Peak != nil {
		peak = format(*r.Peak)
	}
	return row{Cells: texts(title, format(*r.Average), peak)}
}

func fixed(s []scale) func(float64) string {
	return func(x float64) string { return prefixed(x, s) }
}

// gpuNumbers returns the numbers of the GPUs among the gauges, in order.
func gpuNumbers(rs []result.Resource) []string {
	var out []string
	for _, r := range rs {
		parts := strings.Split(r.Name, ".")
		if len(parts) != 3 || parts[0] != "gpu" {
			continue
		}
		if _, err := strconv.Atoi(parts[1]); err == nil && !slices.Contains(out, parts[1]) {
			out = append(out, parts[1])
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	return out
}

// gaugeTable lists every gauge of the run by its own name.
func gaugeTable(rs []result.Resource) *table {
	if len(rs) == 0 {
		return nil
	}
	t := &table{ID: "gauges", Title: "All gauges", Columns: []column{
		{Title: "Gauge"}, {Title: "Average", Number: true}, {Title: "Peak", Number: true},
	}, Footnotes: []string{"over the whole run; of energy (J), both are the total"}}
	for i := range rs {
		unit := rs[i].Unit
		t.Rows = append(t.Rows, gaugeRow(clean(rs[i].Name), &rs[i], func(x float64) string { return Quantity(x, unit) }))
	}
	return t
}
