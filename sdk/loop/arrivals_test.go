package loop

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// sentAsIntended is a run of which every op was sent exactly at its intended
// start.
func sentAsIntended(p Plan) *run {
	r := newRun(p, false)
	for k := range shardsFor(p) {
		s := &shard{schedule: newSchedule(p, r.key, k, shardsFor(p))}
		s.sent = newArrivals(p, s.schedule.key, shardsFor(p))
		for _, at, ok := s.schedule.next(); ok; _, at, ok = s.schedule.next() {
			s.schedule.advance()
			if s.issued++; s.issued == s.sent.next {
				*s.sent.place() = at
			}
		}
		r.shards = append(r.shards, s)
	}
	return r
}

func TestPoissonArrivalsAreFalselyDoubtedOnceInAThousandRounds(t *testing.T) {
	const seeds = 1000
	doubted := 0
	for name, p := range map[string]Plan{ // of which all gaps are taken, or pairs, of one shard or more
		"few ops":        {Model: Poisson, Workers: 4, Rate: 100, Duration: time.Second},
		"many ops":       {Model: Poisson, Workers: 4, Rate: 1000, Duration: 3 * time.Second},
		"a number":       {Model: Poisson, Workers: 4, Rate: 1000, Ops: 700},
		"several shards": {Model: Poisson, Workers: 8, Rate: 1e6, Duration: 4 * time.Millisecond},
		"stages": {Model: Poisson, Workers: 4, Stages: []Stage{
			{time.Second, 0, 2000}, {time.Second, 0, 0}, {time.Second, 100, 100}, {time.Second, 1000, 300},
		}},
	} {
		for seed := range uint64(seeds) {
			p.Seed = seed
			r, res := sentAsIntended(p), emptyResult()
			if n := len(r.rescaled()); n > arrivalGaps || n < fewestArrivals {
				t.Fatalf("%s, seed %d: %d gaps", name, seed, n)
			}
			if r.judgeArrivals(&res); has(res, Caution, "arrivals") {
				doubted++
			}
		}
	}
	// 5 expected; more than 14 in one of 5,000 such tests.
	if doubted > 14 {
		t.Errorf("%d of %d rounds were doubted, want about 1 in 1,000", doubted, 5*seeds)
	}
}

// TestTheLimitOfArrivalsIsTheUpperThousandth holds the table's value against
// the statistic of numbers that are exponential.
func TestTheLimitOfArrivalsIsTheUpperThousandth(t *testing.T) {
	const samples, n = 100_000, 50
	random, above, gaps := rand.New(rand.NewPCG(1, 2)), 0, make([]float64, n)
	for range samples {
		for i := range gaps {
			gaps[i] = random.ExpFloat64()
		}
		if andersonDarling(gaps) > arrivalLimit {
			above++
		}
	}
	if want := samples * 0.001; math.Abs(float64(above)-want) > 4*math.Sqrt(want) {
		t.Errorf("A² was above %v in %d of %d samples, want about %v", arrivalLimit, above, samples, want)
	}
}

// sending drives a round whose generator is broken: ops are intended where
// change puts them and not where the plan does.
func sending(t *testing.T, p Plan, do doFunc, change func(s *schedule)) (res Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := virtual(do)
		if err := d.hire(t.Context(), p.Workers); err != nil {
			t.Fatal(err)
		}
		p.Drain = time.Minute
		r := d.start(p, false, 1)
		for _, s := range r.shards {
			change(&s.schedule)
			s.schedule.index, s.schedule.sum, s.schedule.draws = 0, 0, 0
			s.schedule.place()
		}
		r.drive(t.Context(), nil)
		res = r.result(nil)
		checkRecords(t, res)
		r.judge(&res)
	})
	return res
}

func TestArrivalsThatAreNotThePlansAreFound(t *testing.T) {
	const rounds = 25
	for _, c := range []struct {
		name    string
		workers int
		takes   time.Duration
		change  func(*schedule)
		least   int // of the rounds are found
		most    int
	}{
		{"as planned", 64, time.Millisecond, func(*schedule) {}, 0, 0},
		{"batches of ten at once", 64, time.Millisecond, func(s *schedule) {
			var at []time.Duration
			for _, t, ok := s.next(); ok; _, t, ok = s.next() {
				at = append(at, t)
				s.advance()
			}
			for i := range at {
				at[i] = at[i-i%10]
			}
			s.model, s.arrivals = Replay, at
		}, rounds, rounds},
		{"constant gaps", 64, time.Millisecond, func(s *schedule) { s.model = Constant }, rounds, rounds},
		// With a thousand gaps the standard deviation of their mean is 3%: a tenth
		// is three of them, and found about every third time.
		{"a rate a tenth too high", 64, time.Millisecond, func(s *schedule) { s.rate *= 1.1 }, 4, rounds},
		{"a rate a tenth too low", 64, time.Millisecond, func(s *schedule) { s.rate *= 0.9 }, 4, rounds},
		{"a rate a quarter too high", 64, time.Millisecond, func(s *schedule) { s.rate *= 1.25 }, rounds, rounds},
		{"a rate a quarter too low", 64, time.Millisecond, func(s *schedule) { s.rate *= 0.75 }, rounds, rounds},
		// 2.8 of three workers are busy, so that ops wait for one.
		{"ops that waited for a worker", 3, 2800 * time.Microsecond, func(*schedule) {}, rounds, rounds},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := 0
			for seed := range uint64(rounds) {
				p := Plan{Model: Poisson, Workers: c.workers, Rate: 1000, Duration: 2 * time.Second, Seed: seed}
				res := sending(t, p, takes(c.takes), c.change)
				if res.Clocks.Lag.Max() > 0 {
					t.Fatal("there was lag, which would be found without")
				}
				if has(res, Caution, "arrivals") {
					found++
				}
			}
			if found < c.least || found > c.most {
				t.Errorf("found in %d of %d rounds, want %d to %d", found, rounds, c.least, c.most)
			}
		})
	}
}

func TestArrivalsOfARampAreHeldAgainstItsRate(t *testing.T) {
	p := Plan{Model: Poisson, Workers: 64, Seed: 9, Stages: []Stage{{time.Second, 0, 2000}, {time.Second, 500, 500}}}
	if res := sending(t, p, takes(time.Millisecond), func(*schedule) {}); len(res.Validity) > 0 {
		t.Errorf("found %v of what was planned", res.Validity)
	}
	flat := func(s *schedule) { s.stages = newProfile([]Stage{{2 * time.Second, 750, 750}}) } // as many ops, at one rate
	if res := sending(t, p, takes(time.Millisecond), flat); !has(res, Caution, "arrivals") {
		t.Errorf("found %v, want that the arrivals are not a ramp's", res.Validity)
	}
}

func TestOpsThatWereNotSentMakeNoGaps(t *testing.T) {
	a := newArrivals(Plan{Model: Poisson, Rate: 100, Duration: time.Second, Workers: 1}, 1, 1)
	for i, at := range []time.Duration{10, 20, -1, 40, 60} {
		if m := a.place(); at >= 0 {
			*m = at
		} else if *m >= 0 {
			t.Fatalf("place %d is taken", i)
		}
	}
	var got []time.Duration
	a.gaps(func(from, to time.Duration) { got = append(got, to-from) })
	if len(got) != 2 || got[0] != 10 || got[1] != 20 {
		t.Errorf("gaps %v, want 10 and 20", got)
	}
	if b := newArrivals(Plan{Model: Constant, Rate: 100, Duration: time.Second, Workers: 1}, 1, 1); b.next != 0 || b.moments != nil {
		t.Error("a constant rate has arrivals")
	}
}

// TestTheSampleOfArrivalsIsSpreadOverTheRound checks that pairs are of
// neighbours, one in every step, and none of them is of two pairs.
func TestTheSampleOfArrivalsIsSpreadOverTheRound(t *testing.T) {
	a := newArrivals(Plan{Model: Poisson, Rate: 12_345, Duration: time.Second, Workers: 1}, 7, 1)
	if a.step != 13 || len(a.moments) != 2*arrivalGaps {
		t.Fatalf("steps of %d, %d moments", a.step, len(a.moments))
	}
	for pair := range uint64(arrivalGaps) {
		first := a.next
		a.place()
		second := a.next
		a.place()
		if second != first+1 || first <= pair*a.step || second > (pair+1)*a.step {
			t.Fatalf("pair %d is ops %d and %d", pair, first, second)
		}
	}
	if a.next != 0 {
		t.Error("it goes on beyond its memory")
	}
}
