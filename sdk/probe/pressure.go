package probe

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// pressureCollector reads the share of time in which some task waited for the
// resource, from the running total of Linux's pressure stall information:
// its averages over 10 s and more would smear one window into the next.
type pressureCollector struct {
	dir  string
	sums [3]monotone
}

var pressures = [3]string{"cpu", "memory", "io"}

func (*pressureCollector) defs() []def {
	out := make([]def, len(pressures))
	for i, p := range pressures {
		out[i] = def{"pressure." + p, "ratio", rate}
	}
	return out
}
func (*pressureCollector) close() {}

func (c *pressureCollector) read(at float64, out []point, _ bool) {
	for i, p := range pressures {
		b, err := os.ReadFile(filepath.Join(c.dir, p))
		if err != nil {
			out[i] = unavailable("no " + c.dir)
			if _, dir := os.Stat(c.dir); dir == nil {
				out[i] = unavailable(err.Error()) // compiled in and disabled: psi=1 on the kernel's command line
			}
			continue
		}
		micros, err := parsePressure(b)
		if err != nil {
			out[i] = unavailable(err.Error())
			continue
		}
		out[i] = ratePoint(c.sums[i].add("", micros/1e6), at)
	}
}

// parsePressure returns the total of the line "some", in microseconds.
func parsePressure(b []byte) (float64, error) {
	for line := range bytes.Lines(b) {
		if !bytes.HasPrefix(line, []byte("some ")) {
			continue
		}
		if _, v, ok := bytes.Cut(line, []byte("total=")); ok {
			n, err := strconv.ParseUint(string(bytes.TrimSpace(v)), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("parse pressure %q: %w", line, err)
			}
			return float64(n), nil
		}
	}
	return 0, fmt.Errorf("parse pressure: no total in %q", b)
}
