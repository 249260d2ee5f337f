package history

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

var epoch = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// run is the n-th run, an hour after the one before, with one benchmark of two
// scenarios.
func run(n int, latency float64) *result.Run {
	r := &result.Run{
		ID: fmt.Sprintf("run-%04d", n), Started: epoch.Add(time.Duration(n) * time.Hour), Complete: true,
		MachineID: "m1", Plan: result.Plan{Suite: "default", Profile: "quick"}, Harness: result.Harness{Commit: "abc"},
	}
	for i, users := range []string{"1", "8"} {
		value, success := latency*float64(1+i), 1.0
		r.Benchmarks = append(r.Benchmarks, result.Benchmark{
			ID: "api/search", Plugin: "api", Params: map[string]string{"concurrent_users": users},
			Status: result.Partial, Reason: "rounds are left out of the test", WorkloadDigest: "w1",
			Metrics: []result.Metric{
				{Name: "latency_mean", Unit: "s", Better: "lower", Scale: "ratio", Gate: true, Value: &value},
				{Name: "success_ratio", Unit: "ratio", Better: "higher", Scale: "absolute", Value: &success},
				{Name: "latency_p99", Unit: "s", Better: "lower", Scale: "ratio"},
			},
		})
	}
	return r
}

var eight = map[string]string{"concurrent_users": "8"}

// write puts a document into a folder behind the index's back.
func write(t testing.TB, dir string, r *result.Run) string {
	t.Helper()
	path := filepath.Join(dir, r.ID+ending)
	if err := store.WriteRun(path, r); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, dir string) *History {
	t.Helper()
	h, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func values(t testing.TB, h *History) string {
	t.Helper()
	points, err := h.Series(t.Context(), "api/search", eight, "latency_mean")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range points {
		out = append(out, fmt.Sprintf("%s=%g", strings.TrimPrefix(p.Run, "run-00"), p.Value))
	}
	return strings.Join(out, " ")
}

func TestTheIndexFollowsTheFolder(t *testing.T) {
	dir := t.TempDir()
	second := write(t, dir, run(2, 2))
	write(t, dir, run(1, 1))
	h := open(t, dir)
	if got := values(t, h); got != "01=2 02=4" {
		t.Fatalf("two documents give %s", got)
	}
	h.Close()
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	write(t, dir, run(3, 3))
	write(t, dir, run(1, 10)) // another content under the same name
	if got := values(t, open(t, dir)); got != "01=20 03=6" {
		t.Errorf("one gone, one come and one changed gives %s", got)
	}
}

func TestARunIsAddedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "history")
	h, err := Create(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := run(1, 1)
	file, added, err := h.Add(t.Context(), r)
	if err != nil || !added || file != filepath.Join(dir, "run-0001.json") {
		t.Fatalf("first: %s, %v, %v", file, added, err)
	}
	if _, added, err := h.Add(t.Context(), r); err != nil || added {
		t.Errorf("the same again: %v, %v", added, err)
	}
	if _, _, err := h.Add(t.Context(), run(1, 5)); err == nil || !strings.Contains(err.Error(), "another document of the same run") {
		t.Errorf("another under its id: %v", err)
	}
	if got := values(t, h); got != "01=2" {
		t.Errorf("the series is %s", got)
	}
	bad := run(2, 1)
	bad.ID = "../../escape"
	if _, _, err := h.Add(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "cannot be the name of a file") {
		t.Errorf("an id that leaves the folder: %v", err)
	}
}

func TestWhatIsNoDocumentIsSkippedByName(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	copied := write(t, dir, run(2, 2))
	for name, content := range map[string]string{"a.json": "{", "b.json": `{"schema": "harness.run/v9"}`, "notes.txt": "x", ".hidden.json": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(copied)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "z-copy.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
	h := open(t, dir)
	var got []string
	for _, s := range h.Skipped {
		got = append(got, s.File)
	}
	if s := strings.Join(got, " "); s != "a.json b.json z-copy.json" {
		t.Errorf("skipped %s", s)
	}
	if got := values(t, h); got != "01=2 02=4" {
		t.Errorf("the series is %s", got)
	}
}

func TestRunsAreListedAndFound(t *testing.T) {
	dir := t.TempDir()
	for n := range 3 {
		write(t, dir, run(n+9, 1))
	}
	h := open(t, dir)
	runs, err := h.Runs(t.Context())
	if err != nil || len(runs) != 3 {
		t.Fatalf("%v, %v", runs, err)
	}
	first := runs[0]
	want := Run{ID: "run-0009", File: filepath.Join(dir, "run-0009.json"), Started: epoch.Add(9 * time.Hour), Machine: "m1",
		Suite: "default", Profile: "quick", Commit: "abc", Complete: true}
	if first != want {
		t.Errorf("the first is %+v, want %+v", first, want)
	}
	for prefix, n := range map[string]int{"run-0009": 1, "run-001": 2, "run": 3, "other": 0} {
		if found, err := h.Find(t.Context(), prefix); err != nil || len(found) != n {
			t.Errorf("%s finds %d runs, %v, want %d", prefix, len(found), err, n)
		}
	}
	series, err := h.List(t.Context(), "api/search")
	if err != nil || len(series) != 4 || series[0].Metric != "latency_mean" || series[0].Params["concurrent_users"] != "1" || series[0].Points != 3 || !series[0].Gate {
		t.Errorf("series are %+v, %v", series, err)
	}
	if none, err := h.List(t.Context(), "api/x"); err != nil || len(none) != 0 {
		t.Errorf("series of an unknown benchmark are %v, %v", none, err)
	}
}

func TestATrendHoldsOneMachineAndOneKindOfWork(t *testing.T) {
	dir := t.TempDir()
	for n := range 24 {
		r := run(n, 1+0.01*float64(n%3))
		if n >= 12 {
			r = run(n, 1.4+0.01*float64(n%3))
		}
		switch n {
		case 3:
			r.MachineID = "m2"
		case 5:
			r.Benchmarks[1].WorkloadDigest = "w2"
		case 7:
			r.Benchmarks[1].Validity = []result.Finding{{Level: "invalid", Code: "x", Message: "x"}}
		}
		write(t, dir, r)
	}
	trends, err := open(t, dir).Trends(t.Context(), "api/search", func(s Series) bool { return s.Gate && s.Params["concurrent_users"] == "8" })
	if err != nil || len(trends) != 1 {
		t.Fatalf("%d trends, %v", len(trends), err)
	}
	got := trends[0]
	if len(got.Points) != 21 || got.Others != 2 || got.Invalid != 1 || got.Machine != "m1" || got.Workload != "w1" {
		t.Errorf("the trend has %d points, %d others, %d invalid, machine %s, work %s", len(got.Points), got.Others, got.Invalid, got.Machine, got.Workload)
	}
	if len(got.Changes) != 1 || got.Points[got.Changes[0].Index].Run != "run-0012" {
		t.Fatalf("changes are %+v, want one at run-0012", got.Changes)
	}
	if c := got.Changes[0]; math.Abs(c.Before-2.02) > 0.03 || math.Abs(c.After-2.82) > 0.03 {
		t.Errorf("it went from %v to %v, want 2.02 to 2.82", c.Before, c.After)
	}
}

func TestValuesInAnotherUnitAreAnotherSeries(t *testing.T) {
	for name, change := range map[string]func(*result.Metric){
		"a unit":      func(m *result.Metric) { m.Unit = "ops" },
		"a direction": func(m *result.Metric) { m.Better = "higher" },
		"a scale":     func(m *result.Metric) { m.Scale = "absolute" },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for n := range 6 {
				r := run(n, 1)
				if m := &r.Benchmarks[1].Metrics[0]; n >= 4 {
					change(m)
				}
				write(t, dir, r)
			}
			h := open(t, dir)
			trends, err := h.Trends(t.Context(), "api/search", func(s Series) bool { return s.Metric == "latency_mean" && s.Params["concurrent_users"] == "8" })
			if err != nil || len(trends) != 1 {
				t.Fatalf("%d trends, %v", len(trends), err)
			}
			want := run(0, 1).Benchmarks[1].Metrics[0]
			change(&want)
			if got := trends[0]; len(got.Points) != 2 || got.Others != 4 || got.Unit != want.Unit || got.Better != want.Better || got.Scale != want.Scale {
				t.Errorf("the trend has %d points and %d others, in %s, %s is better, %s", len(got.Points), got.Others, got.Unit, got.Better, got.Scale)
			}
			all, err := h.List(t.Context(), "api/search")
			if err != nil || len(all) != 5 {
				t.Errorf("there are %d series, want one more than the four of two metrics and two scenarios: %v", len(all), err)
			}
		})
	}
}

func TestASeriesGatesIfItDoesInTheNewestRun(t *testing.T) {
	dir := t.TempDir()
	add := func(n int, gate bool) *History {
		r := run(n, 1)
		r.Benchmarks[1].Metrics[0].Gate = gate
		write(t, dir, r)
		return open(t, dir)
	}
	gates := func(h *History) bool {
		trends, err := h.Trends(t.Context(), "", func(s Series) bool {
			return s.Metric == "latency_mean" && s.Params["concurrent_users"] == "8" && s.Gate
		})
		if err != nil {
			t.Fatal(err)
		}
		return len(trends) == 1 && trends[0].Gate
	}
	if !gates(add(5, true)) {
		t.Error("the first run gates, the series does not")
	}
	if gates(add(7, false)) {
		t.Error("the newest run does not gate, the series does")
	}
	if gates(add(6, true)) {
		t.Error("an older run decides")
	}
}

func TestAnIndexOfAnEarlierVersionIsFilledAnew(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	raw(t, dir, migrations[0], fmt.Sprintf("PRAGMA application_id = %d", applicationID), "PRAGMA user_version = 1",
		"INSERT INTO runs VALUES (1, 'gone', 'gone.json', 1, 1, 1, 'm', 's', 'p', 'c', 1, 1)").Close()
	h := open(t, dir)
	runs, err := h.Runs(t.Context())
	if err != nil || len(runs) != 1 || runs[0].ID != "run-0001" || values(t, h) == "" {
		t.Errorf("runs are %+v, %v", runs, err)
	}
}

func TestATrendOfNothingValidIsEmpty(t *testing.T) {
	got, err := NewTrend(Series{}, []Point{{Value: 1, Invalid: true}})
	if err != nil || len(got.Points) != 0 || got.Invalid != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAHistoryThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(t.Context(), filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "harness history add") {
		t.Errorf("a missing folder: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), file); err == nil || !strings.Contains(err.Error(), "it is a file") {
		t.Errorf("a file: %v", err)
	}
}
