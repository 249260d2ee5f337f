package probe

import (
	"context"
	"encoding/json"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// script is a collector whose readings the test sets.
type script struct {
	list   []def
	points []point
	reads  int
	closed bool
	onRead func(now float64, points []point)
}

func (s *script) defs() []def { return s.list }
func (s *script) close()      { s.closed = true }
func (s *script) read(at float64, out []point, _ bool) {
	s.reads++
	if s.onRead != nil {
		s.onRead(at, s.points)
	}
	copy(out, s.points)
}

func scripted(interval time.Duration, list []def, onRead func(float64, []point)) (*Sampler, *script) {
	c := &script{list: list, points: make([]point, len(list)), onRead: onRead}
	return newSampler(Options{Interval: interval}, []*scheduled{{collector: c}}, nil), c
}

func want(t *testing.T, what string, got *float64, want float64) {
	t.Helper()
	if got == nil {
		t.Fatalf("%s is unavailable, want %v", what, want)
	}
	if math.Abs(*got-want) > 1e-6*max(1, math.Abs(want)) {
		t.Errorf("%s = %v, want %v", what, *got, want)
	}
}

func TestAverageOfARateIsTheCountersGrowthOverTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 100 B/s, except 1,000 B/s between 0.5 s and 0.6 s.
		s, _ := scripted(100*time.Millisecond, []def{{"x", "B/s", rate}}, func(now float64, p []point) {
			p[0] = ratePoint(5000+100*now+900*min(max(now-0.5, 0), 0.1), now)
		})
		s.Start(t.Context())
		defer s.Stop()
		w := s.Open()
		time.Sleep(1250 * time.Millisecond)
		out := w.Close()
		if out.Length != 1250*time.Millisecond {
			t.Errorf("length = %v", out.Length)
		}
		g, _ := out.Gauge("x")
		want(t, "average", g.Average, (125+90)/1.25)
		want(t, "peak", g.Peak, 1000)
		if len(g.Samples) != 13 || len(out.Times) != 13 || out.Times[12] != 1.25 {
			t.Errorf("%d samples at %v, want 13, the last at 1.25 s", len(g.Samples), out.Times)
		}
	})
}

func TestAShareOfTimeIsNotMoreThanAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Each reading of the counter comes 3 ms later than the one before.
		n := 0.0
		s, _ := scripted(100*time.Millisecond, []def{{"x", "ratio", rate}, {"y", "B/s", rate}}, func(now float64, p []point) {
			n++
			p[0], p[1] = ratePoint(now+0.003*n, now), ratePoint(now+0.003*n, now)
		})
		s.Start(t.Context())
		defer s.Stop()
		w := s.Open()
		time.Sleep(time.Second)
		out := w.Close()
		g, _ := out.Gauge("x")
		want(t, "average", g.Average, 1)
		want(t, "peak", g.Peak, 1)
		g, _ = out.Gauge("y")
		if g.Peak == nil || *g.Peak <= 1.02 {
			t.Errorf("a rate that is no share peaks at %v, want 1.03", g.Peak)
		}
	})
}

func TestReadingRightAfterATickIsJoinedWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A counter in steps of 10 ms, as CPU time is: over 2 ms its rate
		// would come out as 5.
		s, _ := scripted(100*time.Millisecond, []def{{"x", "cores", rate}}, func(now float64, p []point) {
			p[0] = ratePoint(math.Ceil(now*100)/100, now)
		})
		s.Start(t.Context())
		defer s.Stop()
		time.Sleep(97 * time.Millisecond) // opens 3 ms before a tick
		w := s.Open()
		time.Sleep(305 * time.Millisecond) // closes 2 ms after one
		g, _ := w.Close().Gauge("x")
		if g.Peak == nil || *g.Peak > 1.2 {
			t.Errorf("peak = %v, want about 1", *g.Peak)
		}
		if len(g.Samples) != 3 {
			t.Errorf("samples = %v, want 3", g.Samples)
		}
	})
}

func TestAverageOfALevelIsWeightedByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := scripted(time.Second, []def{{"x", "B", level}}, func(now float64, p []point) {
			p[0] = levelPoint(100)
			if now > 3.1 {
				p[0] = levelPoint(300)
			}
		})
		s.Start(t.Context())
		defer s.Stop()
		w := s.Open()
		time.Sleep(3500*time.Millisecond + time.Nanosecond)
		g, _ := w.Close().Gauge("x")
		want(t, "peak", g.Peak, 300)
		want(t, "average", g.Average, (3*100+0.5*300)/3.5)
	})
}

func TestTotalIsWhatTheWindowAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := scripted(time.Second, []def{{"gpu.0.energy", "J", total}}, func(now float64, p []point) {
			p[0] = levelPoint(70000 + 300*now)
		})
		s.Start(t.Context())
		defer s.Stop()
		time.Sleep(5 * time.Second)
		w := s.Open()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		first, w2 := w.Cut()
		g, _ := first.Gauge("gpu.0.energy")
		want(t, "first total", g.Average, 600)
		time.Sleep(time.Second)
		g, _ = w2.Close().Gauge("gpu.0.energy")
		want(t, "second total", g.Peak, 300)
	})
}

func TestUnavailableGaugeHasAReasonAndNoNumber(t *testing.T) {
	s, _ := scripted(time.Second, []def{{"a", "W", level}, {"b", "B/s", rate}}, func(now float64, p []point) {
		p[0], p[1] = unavailable("no sensor"), unavailable("no counter")
	})
	defer s.Stop()
	out := s.Open().Close()
	for i, why := range []string{"no sensor", "no counter"} {
		g := out.Gauges[i]
		if g.Average != nil || g.Peak != nil || g.Samples != nil || g.Unavailable != why {
			t.Errorf("%+v, want only the reason %q", g, why)
		}
	}
	b, err := json.Marshal(out.Gauges[0])
	if err != nil || string(b) != `{"name":"a","unit":"W","average":null,"peak":null,"unavailable":"no sensor"}` {
		t.Errorf("JSON is %s (%v)", b, err)
	}
}

func TestFailedReadingsRepeatTheOneBeforeAndDoNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := scripted(time.Second, []def{{"x", "B", level}}, func(now float64, p []point) {
			p[0] = levelPoint(10)
			if now > 1.5 && now < 3.5 {
				p[0] = unavailable("lost")
			}
		})
		s.Start(t.Context())
		defer s.Stop()
		w := s.Open()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		g, _ := w.Close().Gauge("x")
		want(t, "average", g.Average, 10)
		for _, v := range g.Samples {
			if v != 10 {
				t.Errorf("samples = %v, want 10 throughout", g.Samples)
			}
		}
	})
}

func TestLongWindowsKeepTheirPeakInFewSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := scripted(time.Second, []def{{"x", "B", level}}, func(now float64, p []point) {
			p[0] = levelPoint(1)
			if now > 1233.5 && now < 1234.5 {
				p[0] = levelPoint(500)
			}
		})
		s.Start(t.Context())
		defer s.Stop()
		w := s.Open()
		time.Sleep(10_000 * time.Second)
		synctest.Wait()
		out := w.Close()
		g, _ := out.Gauge("x")
		if n := len(g.Samples); n > MaxPoints || n < MaxPoints/2-1 || n != len(out.Times) {
			t.Errorf("%d samples and %d times, want the same, at most %d", n, len(out.Times), MaxPoints)
		}
		largest := float32(0)
		for i, v := range g.Samples {
			largest = max(largest, v)
			if v == 500 && math.Abs(out.Times[i]-1234) > 32 {
				t.Errorf("the peak is drawn at %v s, want about 1234", out.Times[i])
			}
		}
		want(t, "peak", g.Peak, 500)
		if largest != 500 {
			t.Errorf("largest sample = %v, want 500", largest)
		}
		want(t, "average", g.Average, (10_000+499)/10_000.0)
		if last := out.Times[len(out.Times)-1]; last != 10_000 {
			t.Errorf("last time = %v, want 10000", last)
		}
	})
}

func TestIdleSamplerReadsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s, c := scripted(time.Second, []def{{"x", "B", level}}, nil)
		s.Start(ctx)
		time.Sleep(time.Minute)
		if c.reads != 0 {
			t.Errorf("%d readings without a window", c.reads)
		}
		cancel()
		s.Stop()
		if !c.closed {
			t.Error("Stop left the collector open")
		}
	})
}

func TestCountersThatVanishWrapOrAppearAddNothing(t *testing.T) {
	var m monotone
	steps := []struct {
		key       string
		raw, want float64
	}{
		{"eth0", 1000, 0}, {"eth0", 1500, 500}, {"eth1", 1e9, 500},
		{"eth1", 1e9 + 10, 510}, {"eth0", 3, 510}, {"eth0", 13, 520},
	}
	for _, s := range steps {
		if got := m.add(s.key, s.raw); got != s.want {
			t.Errorf("after %s = %v: sum %v, want %v", s.key, s.raw, got, s.want)
		}
	}
}
