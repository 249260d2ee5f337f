package store

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestFloorsOfOtherMetricsStay(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	for _, m := range []map[string]Floor{
		{"a latency_p95": {Rounds: 0.02, Measured: time.Unix(1, 0).UTC()}, "b throughput": {Runs: 0.1}},
		{"a latency_p95": {Rounds: 0.03}},
	} {
		if _, err := AddFloors(dirs, "m1", m); err != nil {
			t.Fatal(err)
		}
	}
	f, err := ReadFloors(dirs, "m1")
	if err != nil || f.Metrics["a latency_p95"].Rounds != 0.03 || f.Metrics["b throughput"].Runs != 0.1 {
		t.Errorf("got %+v, %v", f, err)
	}
	if f, err := ReadFloors(dirs, "m2"); err != nil || len(f.Metrics) != 0 {
		t.Errorf("another machine has %+v, %v", f, err)
	}
}

func TestFloorsThatAreAddedAtOnceAreAllKept(t *testing.T) {
	dirs := Folders{Data: t.TempDir()}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, err := AddFloors(dirs, "m1", map[string]Floor{fmt.Sprint("metric ", i): {Rounds: 0.1, Workload: "w"}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	f, err := ReadFloors(dirs, "m1")
	if err != nil || len(f.Metrics) != 8 || f.Metrics["metric 3"].Workload != "w" {
		t.Errorf("%d of 8 are left: %+v, %v", len(f.Metrics), f, err)
	}
}

func TestFloorsThatCannotBeTrustedAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ content, want string }{
		"torn":             {`{"schema":`, "harness aa"},
		"foreign":          {`{"schema":"other/v1"}`, "other/v1"},
		"another machine":  {`{"schema":"harness.floors/v1","machine_id":"m2"}`, "machine m2"},
		"a negative floor": {`{"schema":"harness.floors/v1","machine_id":"m1","metrics":{"x":{"rounds":-1}}}`, "no number"},
	} {
		t.Run(name, func(t *testing.T) {
			dirs := Folders{Data: t.TempDir()}
			path, err := FloorsPath(dirs, "m1")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadFloors(dirs, "m1"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one that names %q", err, tt.want)
			}
			if _, err := AddFloors(dirs, "m1", map[string]Floor{"y": {}}); err == nil {
				t.Error("what could not be read was overwritten")
			}
		})
	}
	if _, err := FloorsPath(Folders{}, "../x"); err == nil {
		t.Error("a machine id named a file elsewhere")
	}
}
