package probe

// track is one gauge in one window.
type track struct {
	base point   // first good reading
	from point   // newest good reading
	at   float64 // of the newest sample, seconds since the window's start

	taken       int     // good samples
	sum, weight float64 // of levels, by time
	value       float64 // newest sample
	peak        float64

	samples  []float32
	group    float64 // sum of the sample that is being made
	groupN   int
	groupMax float64
	why      string
}

func (t *track) begin(d def, p point) {
	t.why = p.why
	if p.ok {
		t.base, t.from = p, p
		if d.kind == level {
			t.value = p.num
		}
	}
}

// sample takes the reading at the end of an interval in.
func (t *track) sample(d def, p point, seconds float64) {
	v, ok := t.next(d.kind, p)
	if v = d.bounded(v); ok {
		if t.taken == 0 || v > t.peak {
			t.peak = v
		}
		t.taken++
		t.value = v
		t.sum += v * (seconds - t.at)
		t.weight += seconds - t.at
	}
	t.at = seconds
	if t.groupN == 0 || t.value > t.groupMax {
		t.groupMax = t.value
	}
	t.group += t.value
	t.groupN++
}

func (t *track) next(k kind, p point) (float64, bool) {
	if !p.ok {
		t.why = p.why
		return 0, false
	}
	if !t.from.ok {
		t.base, t.from = p, p
		return p.num, k == level
	}
	from := t.from
	switch k {
	case rate:
		if p.den <= from.den {
			return 0, false // not read again since
		}
		t.from = p
		return max(0, p.num-from.num) / (p.den - from.den), true
	case total:
		t.from = p
		return max(0, p.num-t.base.num), true
	}
	t.from = p
	return p.num, true
}

// flush stores the mean of the group, or its largest value where that is the
// peak: the drawing must reach the peak that is printed beside it.
func (t *track) flush() {
	v := t.group / float64(t.groupN)
	if t.groupMax >= t.peak && t.taken > 0 {
		v = t.groupMax
	}
	t.samples = append(t.samples, float32(v))
	t.group, t.groupN = 0, 0
}

func (t *track) halve() {
	peak := float32(t.peak)
	half := len(t.samples) / 2
	for i := range half {
		a, b := t.samples[2*i], t.samples[2*i+1]
		if a == peak || b == peak {
			t.samples[i] = max(a, b)
		} else {
			t.samples[i] = (a + b) / 2
		}
	}
	t.samples = t.samples[:half]
}

func (t *track) gauge(d def, n int) Gauge {
	g := Gauge{Name: d.name, Unit: d.unit}
	if t.taken == 0 {
		if g.Unavailable = t.why; g.Unavailable == "" {
			g.Unavailable = TooShort
		}
		return g
	}
	var average float64
	switch {
	case d.kind == rate:
		average = (t.from.num - t.base.num) / (t.from.den - t.base.den)
	case d.kind == level && t.weight > 0:
		average = t.sum / t.weight
	default:
		average = t.value
	}
	average, peak := d.bounded(average), t.peak
	g.Average, g.Peak, g.Samples = &average, &peak, t.samples[:n:n]
	return g
}
