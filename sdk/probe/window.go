package probe

import (
	"time"
)

// MaxPoints bounds the samples that a window keeps of each gauge. When it is
// reached, neighbours are merged in pairs and from then on twice as many
// readings make one sample.
const MaxPoints = 600

// TooShort is why a gauge is unavailable that exists but whose counter has
// not moved on within the window.
const TooShort = "the window was too short"

// Gauge is what a window knows of one gauge.
type Gauge struct {
	Name string `json:"name"`
	Unit string `json:"unit"` // "ratio", "B", "B/s", "cores", "W", "J", "Cel" (degrees Celsius)
	// Average is over the window's whole length; of a gauge in J, the total.
	// nil when unavailable.
	Average *float64 `json:"average"`
	// Peak is the largest sample; of a gauge in J, the total.
	Peak *float64 `json:"peak"`
	// Unavailable is the reason when Average and Peak are nil.
	Unavailable string `json:"unavailable,omitempty"`
	// Samples has one value for each of the series' Times, and nothing when
	// the gauge is unavailable. It is for drawing: merged samples are means,
	// except that the peak stays; a reading that failed repeats the one
	// before. A gauge in J grows from 0.
	Samples []float32 `json:"samples,omitempty"`
}

// Series is what a window saw.
type Series struct {
	Start  time.Time     `json:"start"`
	Length time.Duration `json:"length_ns"`
	// Times are the ends of the sampled intervals, in seconds since Start.
	Times  []float64 `json:"times"`
	Gauges []Gauge   `json:"gauges"`
}

// Gauge returns the gauge of that name.
func (s Series) Gauge(name string) (Gauge, bool) {
	for _, g := range s.Gauges {
		if g.Name == name {
			return g, true
		}
	}
	return Gauge{}, false
}

// Window collects the samples of one stretch of time.
type Window struct {
	s      *Sampler
	start  time.Time
	tracks []track

	last       time.Time // of the newest reading that was taken in
	pending    []point   // newest reading, not yet a sample
	hasPending bool

	times  []float64
	stride int // readings per sample
	in     int // readings in the sample that is being made
}

// Open starts a window with a reading of every gauge.
func (s *Sampler) Open() *Window {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open(s.read(true))
}

func (s *Sampler) open(at time.Time) *Window {
	w := &Window{s: s, start: at, last: at, stride: 1, tracks: make([]track, len(s.defs)), pending: make([]point, len(s.defs))}
	for i := range w.tracks {
		w.tracks[i].begin(s.defs[i], s.points[i])
	}
	s.windows[w] = true
	return w
}

// Close ends the window with a reading of every gauge.
func (w *Window) Close() Series {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	return w.close(w.s.read(true))
}

// Cut closes the window and opens the next one at the same reading, so that
// nothing falls between them.
func (w *Window) Cut() (Series, *Window) {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	at := w.s.read(true)
	return w.close(at), w.s.open(at)
}

// tick takes a reading in. A reading becomes a sample when the next one is
// there: the last one may have to be joined with the reading of Close.
func (w *Window) tick(at time.Time, points []point) {
	if at.Sub(w.last) < w.s.interval/2 {
		return
	}
	w.commit()
	copy(w.pending, points)
	w.last, w.hasPending = at, true
}

// close joins the closing reading with the interval before when it comes
// right after: CPU time is counted in steps of 10 ms, and a rate over 2 ms of
// it would be a made-up peak.
func (w *Window) close(at time.Time) Series {
	if at.Sub(w.last) >= w.s.interval/2 {
		w.commit()
	}
	copy(w.pending, w.s.points)
	w.last, w.hasPending = at, true
	w.commit()
	w.flush()
	delete(w.s.windows, w)
	out := Series{Start: w.start, Length: at.Sub(w.start), Times: w.times, Gauges: make([]Gauge, len(w.tracks))}
	for i := range w.tracks {
		out.Gauges[i] = w.tracks[i].gauge(w.s.defs[i], len(w.times))
	}
	return out
}

// commit makes a sample of the pending reading.
func (w *Window) commit() {
	if !w.hasPending {
		return
	}
	w.hasPending = false
	seconds := w.last.Sub(w.start).Seconds()
	if w.in == 0 {
		w.times = append(w.times, seconds)
	}
	w.times[len(w.times)-1] = seconds
	for i := range w.tracks {
		w.tracks[i].sample(w.s.defs[i], w.pending[i], seconds)
	}
	if w.in++; w.in == w.stride {
		w.flush()
	}
}

// flush ends the sample that is being made and keeps the bound.
func (w *Window) flush() {
	if w.in == 0 {
		return
	}
	w.in = 0
	for i := range w.tracks {
		w.tracks[i].flush()
	}
	if len(w.times) < MaxPoints {
		return
	}
	for i := range w.times[:len(w.times)/2] {
		w.times[i] = w.times[2*i+1]
	}
	w.times = w.times[:len(w.times)/2]
	for i := range w.tracks {
		w.tracks[i].halve()
	}
	w.stride *= 2
}
