package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
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

// raw runs SQL on an index from outside.
func raw(t testing.TB, dir string, statements ...string) *sql.Conn {
	t.Helper()
	db, err := connect(filepath.Join(dir, IndexName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range statements {
		if _, err := c.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestAnIndexThatCannotBeUsedSaysSoAndCanBeRebuilt(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, dir string)
		kind Kind
		want string
	}{
		{"made by a later version", func(t *testing.T, dir string) { raw(t, dir, "PRAGMA user_version = 99").Close() },
			Newer, "upgrade this one; or harness history rebuild"},
		{"no database", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, IndexName), []byte(strings.Repeat("no database ", 1000)), 0o644); err != nil {
				t.Fatal(err)
			}
		}, Damaged, "harness history rebuild"},
		{"a table that is gone", func(t *testing.T, dir string) { raw(t, dir, "DROP TABLE runs").Close() },
			Damaged, "harness history rebuild"},
		{"pages overwritten", func(t *testing.T, dir string) {
			f, err := os.OpenFile(filepath.Join(dir, IndexName), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt([]byte(strings.Repeat("\xff", 64<<10)), 100); err != nil {
				t.Fatal(err)
			}
		}, Damaged, "harness history rebuild"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, run(1, 1))
			open(t, dir).Close()
			c.harm(t, dir)
			_, err := Open(t.Context(), dir)
			var in *IndexError
			if !errors.As(err, &in) || in.Kind != c.kind || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error is %v, want kind %s and %q", err, c.kind, c.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %q", err)
			}
			h, err := Rebuild(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if got := values(t, h); got != "01=2" {
				t.Errorf("after rebuilding the series is %s", got)
			}
		})
	}
}

func TestADatabaseOfAnotherProgramIsNeitherReadNorTakenAway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	open(t, dir).Close()
	raw(t, dir, "PRAGMA application_id = 7").Close()
	path := filepath.Join(dir, IndexName)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for what, open := range map[string]func(context.Context, string) (*History, error){"open": Open, "rebuild": Rebuild} {
		_, err := open(t.Context(), dir)
		var in *IndexError
		if !errors.As(err, &in) || in.Kind != Foreign || !strings.Contains(err.Error(), "another program") {
			t.Errorf("%s: error is %v, want kind %s", what, err, Foreign)
		}
		if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
			t.Fatalf("%s changed the database, or took it away: %v", what, err)
		}
	}
}

func TestAnIndexThatAnotherProcessHoldsIsNotTakenAway(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	h := open(t, dir)
	raw(t, dir, "BEGIN EXCLUSIVE")
	ctx := t.Context()
	if _, err := h.db.ExecContext(ctx, "PRAGMA busy_timeout = 10"); err != nil {
		t.Fatal(err)
	}
	locked := func(what string, err error) {
		t.Helper()
		var in *IndexError
		if !errors.As(err, &in) || in.Kind != Locked || !strings.Contains(err.Error(), "wait for it to end") {
			t.Errorf("%s: %v, want that it is locked", what, err)
		}
	}
	_, err := h.Runs(ctx)
	locked("reading", err)
	file, _, err := h.Add(ctx, run(2, 2))
	locked("adding", err)
	if _, serr := os.Stat(filepath.Join(dir, "run-0002.json")); serr != nil || !strings.Contains(err.Error(), "is written, but not in the index") {
		t.Errorf("the document of the run that was added: %s, %v, %v", file, serr, err)
	}
	_, err = Rebuild(ctx, dir)
	locked("rebuilding", err)
}

func TestAReadOnlyHistoryCanBeReadWhenItsIndexIsUpToDate(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("needs a user other than root, whom no folder is closed to; cmd/harness tests it as one")
	}
	dir := t.TempDir()
	write(t, dir, run(1, 1))
	open(t, dir).Close()
	defer os.Chmod(dir, 0o755)
	if err := errors.Join(os.Chmod(filepath.Join(dir, IndexName), 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	h := open(t, dir)
	if got := values(t, h); got != "01=2" {
		t.Errorf("the series is %s", got)
	}
	if _, _, err := h.Add(t.Context(), run(2, 2)); err == nil || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("adding: %v", err)
	}
}

func TestManyProcessesAddAtOnce(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			h, err := Open(context.Background(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			for n := range 5 {
				if _, _, err := h.Add(context.Background(), run(10*k+n, 1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	runs, err := open(t, dir).Runs(t.Context())
	if err != nil || len(runs) != 20 {
		t.Errorf("%d runs of 20 are there, %v", len(runs), err)
	}
}

func TestNamesCannotBreakOutOfTheIndex(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a ?#%20'dir")
	h, err := Create(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := run(1, 1)
	r.Benchmarks[0].ID = `x'; DROP TABLE runs; --`
	r.Benchmarks[0].Params = map[string]string{`k"`: `v'"\`}
	if _, _, err := h.Add(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	points, err := h.Series(t.Context(), r.Benchmarks[0].ID, r.Benchmarks[0].Params, "latency_mean")
	if err != nil || len(points) != 1 {
		t.Errorf("%v, %v", points, err)
	}
	if _, err := os.Stat(filepath.Join(dir, IndexName)); err != nil {
		t.Errorf("the index is not in the folder: %v", err)
	}
}
