package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/benchharness/harness/internal/result"
)

// FloorsSchema is the value of [Floors.Schema].
const FloorsSchema = "harness.floors/v1"

// Floors are what a machine differs from itself by, per metric.
type Floors struct {
	Schema    string           `json:"schema"`
	MachineID string           `json:"machine_id"`
	Metrics   map[string]Floor `json:"metrics"` // by verdict.MetricID
}

// Floor is one metric's, as ratio − 1 or points; 0 is unknown.
type Floor struct {
	Rounds   float64   `json:"rounds"`             // between interleaved rounds
	Runs     float64   `json:"runs"`               // between runs
	Workload string    `json:"workload,omitempty"` // digest of what was done; of other work it says nothing
	Measured time.Time `json:"measured"`
}

var machinePattern = regexp.MustCompile(`^[0-9a-zA-Z]{1,64}$`)

// FloorsPath is the file that keeps a machine's floors.
func FloorsPath(dirs Folders, machineID string) (string, error) {
	if !machinePattern.MatchString(machineID) {
		return "", fmt.Errorf("machine id %q is no name of a file", machineID)
	}
	return filepath.Join(dirs.Data, "floors", machineID+".json"), nil
}

// ReadFloors returns a machine's floors; none when none were measured.
func ReadFloors(dirs Folders, machineID string) (Floors, error) {
	none := Floors{Schema: FloorsSchema, MachineID: machineID, Metrics: map[string]Floor{}}
	path, err := FloorsPath(dirs, machineID)
	if err != nil {
		return none, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return none, nil
	}
	if err != nil {
		return none, explain("read", path, err)
	}
	var f Floors
	switch err := json.Unmarshal(b, &f); {
	case err != nil:
		return none, fmt.Errorf("noise floors %s: %w; remove %[1]s and measure them again with harness aa", path, err)
	case f.Schema != FloorsSchema:
		return none, fmt.Errorf("noise floors %s are %q, this harness reads %s; remove %[1]s and measure them again with harness aa", path, result.Printable(f.Schema, 40), FloorsSchema)
	case f.MachineID != machineID:
		return none, fmt.Errorf("noise floors %s are of machine %s; remove %[1]s and measure those of this one with harness aa", path, result.Printable(f.MachineID, 80))
	}
	for id, x := range f.Metrics {
		if !(x.Rounds >= 0) || !(x.Runs >= 0) || math.IsInf(x.Rounds+x.Runs, 0) {
			return none, fmt.Errorf("noise floors %s: that of %.100q is no number from 0 on; remove %[1]s and measure them again with harness aa", path, id)
		}
	}
	if f.Metrics == nil {
		f.Metrics = none.Metrics
	}
	return f, nil
}

// AddFloors keeps newly measured floors beside those of other metrics, and
// returns the path. It waits for others who do the same.
func AddFloors(dirs Folders, machineID string, measured map[string]Floor) (string, error) {
	path, err := FloorsPath(dirs, machineID)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", explain("make the folder of", path, err)
	}
	lock, err := lockPatiently(filepath.Join(filepath.Dir(path), LockName), path)
	if err != nil {
		return "", err
	}
	defer lock.Unlock() //nolint:errcheck // the kernel drops it with the process
	f, err := ReadFloors(dirs, machineID)
	if err != nil {
		return "", err
	}
	maps.Copy(f.Metrics, measured)
	return path, WriteFile(path, 0o644, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(f)
	})
}
