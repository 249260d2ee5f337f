package probe

// kind says how a gauge's value comes from two readings.
type kind int

const (
	level kind = iota // num is the value at the reading
	rate              // Δnum ÷ Δden
	total             // num − num at the window's start
)

type def struct {
	name string
	unit string
	kind kind
}

// bounded takes a share of time back to 1: a counter of the kernel is read a
// little later than the clock that it is divided by.
func (d def) bounded(v float64) float64 {
	if d.kind == rate && d.unit == "ratio" {
		return min(v, 1)
	}
	return v
}

// point is one reading of one gauge. For a rate num and den never decrease:
// collectors pass raw counters through [monotone].
type point struct {
	num, den float64
	ok       bool
	why      string // reason when !ok
}

func unavailable(why string) point     { return point{why: why} }
func levelPoint(v float64) point       { return point{num: v, ok: true} }
func ratePoint(num, den float64) point { return point{num: num, den: den, ok: true} }

func fill(out []point, p point) {
	for i := range out {
		out[i] = p
	}
}

// monotone turns raw counters into sums that never decrease. A counter that
// is seen for the first time adds nothing, one that wrapped or was reset
// adds nothing once, and one that vanished leaves what it has added.
type monotone struct {
	last map[string]float64
	sum  float64
}

func (m *monotone) add(key string, raw float64) float64 {
	if m.last == nil {
		m.last = map[string]float64{}
	}
	if old, seen := m.last[key]; seen && raw > old {
		m.sum += raw - old
	}
	m.last[key] = raw
	return m.sum
}
