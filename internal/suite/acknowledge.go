package suite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"time"
)

// AcknowledgedFile is where a repository keeps the regressions that it has
// accepted.
const AcknowledgedFile = ".harness/acknowledged.yaml"

// Acknowledgement accepts a regression until the end of a day.
type Acknowledgement struct {
	Benchmark string // pattern
	Metric    string // pattern
	Reason    string
	Until     time.Time // the last second of that day, UTC
	UpTo      float64   // ratio − 1 up to which it holds; 0 is any
	Expired   bool
}

// acknowledgedFile is the file's form.
type acknowledgedFile struct {
	Version      Version            `json:"version"`
	Acknowledged []acknowledgedSpec `json:"acknowledged,omitempty"`
	Lines        Lines              `json:"-"`
}

type acknowledgedSpec struct {
	Benchmark string   `json:"benchmark"`
	Metric    string   `json:"metric"`
	Reason    string   `json:"reason"`
	Until     lastDay  `json:"until"`
	UpTo      *Percent `json:"up_to,omitempty"`
	Lines     Lines    `json:"-"`
}

// lastDay is a date.
type lastDay time.Time

func (d *lastDay) fromScalar(text string, _ bool) string {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return "a date such as 2026-12-31"
	}
	*d = lastDay(t.Add(24*time.Hour - time.Second))
	return ""
}

// ReadAcknowledgements reads a file of accepted regressions; one that does not
// exist accepts none. Each acknowledgement that has expired by now is marked
// and has a warning. Errors are *ConfigError: one line, with the place.
func ReadAcknowledgements(file string, now time.Time) (list []Acknowledgement, warnings []string, err error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, &ConfigError{File: file, Problem: "cannot be read: " + reason(err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, nil, &ConfigError{File: file, Problem: "cannot be read: " + reason(err)}
	}
	return parseAcknowledgements(file, data, now)
}

func parseAcknowledgements(file string, data []byte, now time.Time) (list []Acknowledgement, warnings []string, err error) {
	root, err := readYAML(file, data)
	if err != nil {
		return nil, nil, err
	}
	d := decoder{file: file, lookup: func(string) (string, bool) { return "", false }}
	var f acknowledgedFile
	if err := d.decode(root, reflect.ValueOf(&f).Elem(), ""); err != nil {
		return nil, nil, err
	}
	for i, spec := range f.Acknowledged {
		a := Acknowledgement{Benchmark: spec.Benchmark, Metric: spec.Metric, Reason: printable(spec.Reason), Until: time.Time(spec.Until)}
		if spec.UpTo != nil {
			a.UpTo = float64(*spec.UpTo)
			if a.UpTo == 0 {
				o := origin{file: file, line: spec.Lines["up_to"], subject: fmt.Sprintf("acknowledged[%d].up_to", i)}
				return nil, nil, o.errorf("is 0%%, which accepts nothing; want a percentage above it, or no up_to to accept any size")
			}
		}
		if a.Expired = now.After(a.Until); a.Expired {
			o := origin{file: file, line: spec.Lines[""]}
			warnings = append(warnings, fmt.Sprintf("%s: the acknowledgement of %s %s expired on %s; fix the regression, or renew it with a new date",
				o, plain(a.Benchmark), plain(a.Metric), a.Until.Format(time.DateOnly)))
		}
		list = append(list, a)
	}
	return list, warnings, nil
}
