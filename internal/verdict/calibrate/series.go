package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/benchharness/harness/internal/result"
)

// The series is the input of the tests of golang.org/x/perf/cmd/benchseries:
// the Go team's benchmarks on two machines over three weeks of January 2022.
// Each file is one day and one compiler, with 25 processes for each benchmark.
// Those of Go 1.17 are of unchanged code, day after day.
const perfModule = "golang.org/x/perf"

// day is one file.
type day struct {
	machine, name string
	unchanged     bool // Go 1.17
	samples       map[string][]float64
}

func readSeries() ([]day, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", perfModule).Output()
	if err != nil {
		return nil, fmt.Errorf("find %s in the module cache (run go mod download): %w", perfModule, err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "cmd", "benchseries", "testdata")
	var days []day
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".json" {
			return err
		}
		samples, err := readDay(path)
		if err != nil {
			return err
		}
		days = append(days, day{
			machine: filepath.Base(filepath.Dir(path)), name: d.Name(),
			unchanged: strings.HasPrefix(d.Name(), "Go1.17-"), samples: samples,
		})
		return nil
	})
	if err == nil && len(days) == 0 {
		err = fmt.Errorf("no series in %s", root)
	}
	slices.SortFunc(days, func(a, b day) int {
		return cmp.Or(strings.Compare(a.machine, b.machine), strings.Compare(a.stamp(), b.stamp()), strings.Compare(a.name, b.name))
	})
	return days, err
}

const processes = 25

// readDay takes the times for an op, by package and benchmark, of those that
// all processes ran.
func readDay(path string) (map[string][]float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := map[string][]float64{}
	pkg := ""
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if p, ok := strings.CutPrefix(lines.Text(), "pkg: "); ok {
			pkg = p
		}
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if x, err := strconv.ParseFloat(fields[i], 64); err == nil && fields[i+1] == "ns/op" {
				name := pkg + "." + fields[0]
				all[name] = append(all[name], x)
			}
		}
	}
	maps.DeleteFunc(all, func(_ string, xs []float64) bool { return len(xs) != processes })
	return all, lines.Err()
}

// stamp is when the day was measured: the end of the file's name.
func (d day) stamp() string { return filepath.Ext(d.name) }

// run is the day as a run document of the rounds with these numbers.
func (d day) run(rounds []int, factor func(name string) float64) *result.Run {
	run := &result.Run{Schema: result.Schema, ID: d.name, MachineID: d.machine}
	for _, name := range slices.Sorted(maps.Keys(d.samples)) {
		xs := make([]float64, len(rounds))
		for i, r := range rounds {
			xs[i] = d.samples[name][r] * factor(name) * 1e-9
		}
		run.Benchmarks = append(run.Benchmarks, benchmark(name, xs))
	}
	return run
}

func same(string) float64 { return 1 }

// all are the numbers of the rounds.
func all() []int {
	out := make([]int, processes)
	for i := range out {
		out[i] = i
	}
	return out
}

// inject makes every 20th benchmark 5% slower, beginning with number offset.
func (d day) inject(offset int) func(string) float64 {
	slow := map[string]bool{}
	for i, name := range slices.Sorted(maps.Keys(d.samples)) {
		if i%20 == offset%20 {
			slow[name] = true
		}
	}
	return func(name string) float64 {
		if slow[name] {
			return 1.05
		}
		return 1
	}
}
