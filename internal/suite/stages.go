package suite

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/benchharness/harness/sdk/loop"
)

// StageSpec is a part of a round in which the rate is constant, or changes
// evenly.
type StageSpec struct {
	Duration Duration   `json:"duration" jsonschema:"how long it lasts"`
	Rate     *StageRate `json:"rate,omitempty" jsonschema:"ops per second all through it"`
	From     *StageRate `json:"from,omitempty" jsonschema:"ops per second at its beginning; where the stage before it ended by default, or 0"`
	To       *StageRate `json:"to,omitempty" jsonschema:"ops per second at its end"`
	Lines    Lines      `json:"-"`
}

// maxArrivals bounds a recording: a plugin gets all of it in one message.
const maxArrivals = 2_000_000

// shape is how the rate of an open loop runs through a round.
type shape struct {
	stages   []loop.Stage
	arrivals []time.Duration
	length   time.Duration // of a round
	text     string        // for tables
	line     int
}

func (s shape) some() bool { return len(s.stages) > 0 || len(s.arrivals) > 0 }

// shape is that of a benchmark's own load, else that of the suite's. --rate, and
// a rate or a closed model of its own, stand above the suite's.
func (l *loader) shape(load *LoadSpec, path string) (shape, error) {
	if l.settings.rate.rank == rankFlag {
		return shape{}, nil
	}
	if s, err := l.shapeOf(load, path); err != nil || s.some() {
		return s, err
	}
	if load.Rate != nil || load.Model != nil && *load.Model == ModelClosed {
		return shape{}, nil
	}
	return l.shapeOf(l.suiteLoad(), l.suitePath+".load")
}

func (l *loader) shapeOf(load *LoadSpec, path string) (shape, error) {
	switch {
	case load.Replay != nil && len(load.Stages) > 0:
		return shape{}, l.at(load.Lines["replay"], "%s.replay and %s.stages both say when ops arrive; remove one of them", path, path)
	case load.Replay != nil:
		at, err := readArrivals(l.besideFile(*load.Replay))
		if err != nil {
			return shape{}, l.at(load.Lines["replay"], "%s.replay: %s: %v", path, *load.Replay, err)
		}
		return shape{
			arrivals: at, length: at[len(at)-1] + minDuration, line: load.Lines["replay"],
			text: fmt.Sprintf("%d arrivals of %s", len(at), filepath.Base(*load.Replay)),
		}, nil
	case len(load.Stages) == 0:
		return shape{}, nil
	}
	out := shape{line: load.Lines["stages"]}
	last, most := 0.0, 0.0
	for i, s := range load.Stages {
		at := fmt.Sprintf("%s.stages[%d]", path, i)
		from, to := last, 0.0
		switch {
		case s.Rate != nil && (s.From != nil || s.To != nil):
			return shape{}, l.at(s.Lines[""], "%s has a rate and its ends; want rate, or from and to", at)
		case s.Rate != nil:
			from, to = float64(*s.Rate), float64(*s.Rate)
		case s.To == nil:
			return shape{}, l.at(s.Lines[""], "%s lacks the rate that it has: want rate: 100/s, or to: 100/s", at)
		default:
			to = float64(*s.To)
			if s.From != nil {
				from = float64(*s.From)
			}
		}
		out.stages = append(out.stages, loop.Stage{Duration: time.Duration(s.Duration), From: from, To: to})
		out.length += time.Duration(s.Duration)
		last, most = to, max(most, from, to)
	}
	if most == 0 {
		return shape{}, l.at(out.line, "%s.stages never has a rate above 0", path)
	}
	if out.length > maxDuration {
		return shape{}, l.at(out.line, "%s.stages lasts %s, want at most %s", path, out.length, maxDuration)
	}
	out.text = fmt.Sprintf("%d stages up to %s/s", len(out.stages), strconv.FormatFloat(most, 'f', -1, 64))
	return out, nil
}

// readArrivals reads a recording: on each line the seconds since its beginning
// at which an op arrived, in order. Empty lines, and those that begin with #,
// are left out.
func readArrivals(path string) ([]time.Duration, error) {
	f, err := os.Open(path)
	var file *fs.PathError
	if errors.As(err, &file) {
		return nil, file.Err // the path is told with the key
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseArrivals(f)
}

func parseArrivals(r io.Reader) ([]time.Duration, error) {
	var out []time.Duration
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		s, err := strconv.ParseFloat(text, 64)
		at := time.Duration(math.Round(s * 1e9))
		switch {
		case err != nil || !(s >= 0 && s <= maxDuration.Seconds()):
			return nil, fmt.Errorf("line %d is %s, want seconds since the beginning, such as 0.125", n, show(text))
		case len(out) > 0 && at < out[len(out)-1]:
			return nil, fmt.Errorf("line %d is earlier than the one before it: sort the file", n)
		case len(out) == maxArrivals:
			return nil, fmt.Errorf("line %d: more than %d arrivals", n, maxArrivals)
		}
		out = append(out, at)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.New("there is no arrival in it")
	}
	return out, nil
}
