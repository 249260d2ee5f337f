package capacity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

var plain = Options{Start: 10, Least: 10, Most: 100_000, Within: 0.05, Confirm: 3, MostProbes: 60}

// search runs a search against a target and returns what it did.
func search(t testing.TB, o Options, target func(rate float64, n int) Outcome) (Result, []Step) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var steps []Step
	for {
		next, ok := s.Next()
		if !ok {
			return s.Result(), steps
		}
		steps = append(steps, next)
		if len(steps) > o.MostProbes {
			t.Fatalf("%d rounds, want at most %d", len(steps), o.MostProbes)
		}
		s.Report(target(next.Rate, len(steps)-1))
	}
}

// upTo is a target that holds every rate up to one.
func upTo(capacity float64) func(float64, int) Outcome {
	return func(rate float64, _ int) Outcome {
		if rate <= capacity {
			return Held
		}
		return Missed
	}
}

func count(steps []Step, p Phase) int {
	n := 0
	for _, s := range steps {
		if s.Phase == p {
			n++
		}
	}
	return n
}

func TestATargetOfKnownCapacityIsBracketed(t *testing.T) {
	for _, capacity := range []float64{10, 10.4, 17, 200, 999, 1000, 31234, 99_999} {
		r, steps := search(t, plain, upTo(capacity))
		if !r.Confirmed || r.Limit != ByTarget || r.Lower > capacity || r.Upper <= capacity || r.Upper > r.Lower*1.0501 || r.Exhausted || len(r.Gaps) > 0 {
			t.Errorf("capacity %v: %+v", capacity, r)
		}
		if count(steps, Confirm) != 3 || count(steps, Again) != 1 || count(steps, Above) > 1 {
			t.Errorf("capacity %v: %v", capacity, steps)
		}
	}
}

func TestTheRangeIsNeverLeft(t *testing.T) {
	o := plain
	o.Most = 300
	r, steps := search(t, o, upTo(1e9))
	if !r.Confirmed || r.Limit != ByRange || r.Lower != 300 || r.Upper != 0 {
		t.Errorf("a target that holds more: %+v", r)
	}
	r, more := search(t, o, upTo(0))
	if r.Confirmed || r.Lower != 0 || r.Upper != 10 || r.Limit != ByTarget || r.Exhausted {
		t.Errorf("a target that holds nothing: %+v", r)
	}
	for _, s := range append(steps, more...) {
		if s.Rate < o.Least || s.Rate > o.Most {
			t.Errorf("%v is not from %v to %v", s.Rate, o.Least, o.Most)
		}
	}
}

func TestTheSearchGoesDownWhereItMay(t *testing.T) {
	o := plain
	o.Start = 800
	r, _ := search(t, o, upTo(123))
	if !r.Confirmed || r.Lower > 123 || r.Upper <= 123 {
		t.Errorf("%+v", r)
	}
}

func TestAGeneratorThatFailsIsNoTargetThatFails(t *testing.T) {
	r, steps := search(t, plain, func(rate float64, _ int) Outcome {
		if rate > 500 {
			return Generator
		}
		return Held
	})
	if !r.Confirmed || r.Limit != ByGenerator || r.Lower > 500 || r.Upper <= 500 {
		t.Errorf("%+v", r)
	}
	if count(steps, Above) > 0 || count(steps, Again) > 0 {
		t.Errorf("beyond the generator's limit nothing can be seen: %v", steps)
	}

	t.Run("and for a moment it is none", func(t *testing.T) {
		r, _ := search(t, plain, func(rate float64, n int) Outcome {
			if n%3 != 2 {
				return Generator // twice of three times
			}
			return upTo(200)(rate, n)
		})
		if !r.Confirmed || r.Limit != ByTarget || r.Lower > 200 || r.Lower < 190 {
			t.Errorf("%+v", r)
		}
	})
}

func TestAHiccupIsNoEnd(t *testing.T) {
	for hiccup := range 9 {
		r, steps := search(t, plain, func(rate float64, n int) Outcome {
			if n == hiccup {
				return Missed
			}
			return upTo(200)(rate, n)
		})
		if !r.Confirmed || r.Lower > 200 || r.Lower < 190 {
			t.Errorf("missed round %d (%+v): %+v", hiccup, steps[hiccup], r)
		}
	}
}

func TestALuckyRoundIsNotConfirmed(t *testing.T) {
	lucky := 0
	r, steps := search(t, plain, func(rate float64, n int) Outcome {
		if rate > 200 && rate < 230 && lucky < 2 {
			lucky++
			return Held
		}
		return upTo(200)(rate, n)
	})
	if !r.Confirmed || r.Lower > 200 || r.Lower < 190 || count(steps, Confirm) < 4 {
		t.Errorf("%+v after %v", r, steps)
	}
}

func TestATargetThatIsNotMonotoneIsFoundOut(t *testing.T) {
	r, _ := search(t, plain, func(rate float64, _ int) Outcome {
		if rate >= 70 && rate < 150 || rate > 400 {
			return Missed
		}
		return Held
	})
	if !r.Confirmed || r.Lower >= 70 || r.Upper < 70 {
		t.Errorf("the capacity is above what was missed: %+v", r)
	}
	if !slices.Equal(r.Gaps, []Gap{{Missed: 80, Held: 160}}) {
		t.Errorf("gaps %v", r.Gaps)
	}
}

func TestASearchWithoutRoundsLeftSaysSo(t *testing.T) {
	for probes := 1; probes < 14; probes++ {
		o := plain
		o.MostProbes = probes
		r, steps := search(t, o, upTo(200))
		if done := len(steps) < probes || r.Confirmed; r.Exhausted == done || r.Lower > 200 {
			t.Errorf("%d rounds: %+v", probes, r)
		}
	}
}

func TestRatesAreEasyToRead(t *testing.T) {
	_, steps := search(t, plain, upTo(31234))
	for _, s := range steps {
		if text := strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Rate), ".", ""), "0"); len(text) > 4 {
			t.Errorf("%v has more than four digits", s.Rate)
		}
	}
}

func TestNextIsTheSameUntilItIsReported(t *testing.T) {
	s, err := New(plain)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := s.Next()
	b, _ := s.Next()
	s.Report(Held)
	s.Report(Missed) // of nothing
	c, _ := s.Next()
	if a != b || c.Rate != 20 {
		t.Errorf("%v, %v, %v", a, b, c)
	}
}

func TestImpossibleSearchesAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no rate":              func(o *Options) { o.Least = 0 },
		"no number":            func(o *Options) { o.Most = math.NaN() },
		"an endless range":     func(o *Options) { o.Most = math.Inf(1) },
		"a start below":        func(o *Options) { o.Start = 1 },
		"a start above":        func(o *Options) { o.Start = 1e9 },
		"a bracket of nothing": func(o *Options) { o.Within = 0.001 },
		"no confirmation":      func(o *Options) { o.Confirm = 0 },
		"no round":             func(o *Options) { o.MostProbes = 0 },
	} {
		o := plain
		change(&o)
		if _, err := New(o); err == nil || !strings.HasPrefix(err.Error(), "search for a capacity: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzSearch lets a target answer anything: the search ends, within its rounds
// and its range, and never says more than it was told.
func FuzzSearch(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 0, 0, 0}, 10.0, 10.0, 1e5, uint8(5), uint8(3), uint8(60))
	f.Add([]byte{1, 2, 0}, 100.0, 1.0, 200.0, uint8(1), uint8(1), uint8(9))
	f.Add([]byte{2, 2, 2, 0, 1}, 1e-300, 1e-300, 1e300, uint8(100), uint8(2), uint8(255))
	f.Fuzz(func(t *testing.T, answers []byte, start, least, most float64, within, confirm, probes uint8) {
		o := Options{Start: start, Least: least, Most: most, Within: float64(within) / 100, Confirm: int(confirm), MostProbes: int(probes)}
		if _, err := New(o); err != nil || len(answers) == 0 {
			return
		}
		told := map[float64][]Outcome{}
		r, steps := search(t, o, func(rate float64, n int) Outcome {
			a := []Outcome{Held, Missed, Generator}[answers[n%len(answers)]%3]
			told[rate] = append(told[rate], a)
			return a
		})
		for _, s := range steps {
			if !(s.Rate >= least && s.Rate <= most) {
				t.Fatalf("%v is not from %v to %v", s.Rate, least, most)
			}
		}
		if r.Lower > 0 && r.Upper > 0 && r.Lower >= r.Upper {
			t.Errorf("bracket from %v to %v", r.Lower, r.Upper)
		}
		if r.Lower > 0 && !slices.Contains(told[r.Lower], Held) || r.Upper > 0 && !slices.ContainsFunc(told[r.Upper], func(o Outcome) bool { return o != Held }) {
			t.Errorf("%+v is not what it was told: %v", r, told)
		}
		if !r.Confirmed {
			return
		}
		n := 0 // Held in a row, at the end
		for i := len(told[r.Lower]) - 1; i >= 0 && told[r.Lower][i] != Missed; i-- {
			if told[r.Lower][i] == Held {
				n++
			}
		}
		if n < o.Confirm {
			t.Errorf("%v is confirmed by %v, want %d held", r.Lower, told[r.Lower], o.Confirm)
		}
	})
}
