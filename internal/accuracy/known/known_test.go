package known

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestDistributionsHaveTheirQuantiles(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name string
		l    Latency
		q    float64
		want time.Duration
	}{
		{"a constant is what it is", Latency{Kind: Constant, A: 25 * ms}, 0.99, 25 * ms},
		{"exponential: median is mean times ln 2", Latency{Kind: Exponential, A: 10 * ms}, 0.5, 6931 * time.Microsecond},
		{"exponential: p99 is mean times ln 100", Latency{Kind: Exponential, A: 10 * ms}, 0.99, 46052 * time.Microsecond},
		{"bimodal below its step", Latency{Kind: Bimodal, A: 2 * ms, B: 40 * ms, P: 0.1}, 0.89, 2 * ms},
		{"bimodal above its step", Latency{Kind: Bimodal, A: 2 * ms, B: 40 * ms, P: 0.1}, 0.91, 40 * ms},
		{"log-normal: median", Latency{Kind: LogNormal, A: 4 * ms, P: 1}, 0.5, 4 * ms},
		{"log-normal: p97.72 is two sigma", Latency{Kind: LogNormal, A: 4 * ms, P: 1}, 0.97724987, 29556 * time.Microsecond},
		{"Pareto: p99 at alpha 2 is ten times the least", Latency{Kind: Pareto, A: 2 * ms, P: 2}, 0.99, 20 * ms},
		{"the largest bounds them", Latency{Kind: Pareto, A: 2 * ms, B: 15 * ms, P: 2}, 0.99, 15 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.l.Quantile(tt.q); math.Abs(float64(got-tt.want)) > 1e-3*float64(tt.want) {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestLatenciesAreDrawnFromTheDistributionAndAreTheSameEveryTime(t *testing.T) {
	l := Latency{Kind: Exponential, A: 10 * time.Millisecond, Seed: 9}
	var all []time.Duration
	for n := range uint64(20_000) {
		all = append(all, l.Of(n))
	}
	slices.Sort(all)
	for _, q := range []float64{0.1, 0.5, 0.9, 0.99} {
		got, want := all[int(q*20_000)], l.Quantile(q)
		if math.Abs(float64(got)/float64(want)-1) > 0.05 {
			t.Errorf("p%g of what was drawn is %s, want %s", 100*q, got, want)
		}
	}
	again := l
	if l.Of(7) != again.Of(7) || l.Of(7) == (Latency{Kind: Exponential, A: 10 * time.Millisecond, Seed: 10}).Of(7) {
		t.Error("want the same for a seed, and another for another")
	}
}

func TestRequestsAreParsed(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     head
		fails    bool
	}{
		{"with an index", "GET /x?i=42 HTTP/1.1\r\nHost: a\r\n\r\n", head{size: 33, index: 42}, false},
		{"without one", "GET / HTTP/1.0\r\n\r\n", head{size: 18, index: -1}, false},
		{"not complete", "GET / HTTP/1.1\r\nHost:", head{}, false},
		{"with a body", "POST /x HTTP/1.1\r\ncontent-LENGTH: 12\r\n\r\nabc", head{size: 40, body: 12, index: -1}, false},
		{"with a length that is none", "POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n", head{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parse([]byte(tt.in))
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("%+v, %v; want %+v, an error: %v", got, err, tt.want, tt.fails)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"GET /x?i=1 HTTP/1.1\r\n\r\n", "\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "?i=\r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parse(b)
		if err == nil && (h.size < 0 || h.size > len(b) || h.body < 0 || h.index < -1) {
			t.Errorf("%+v of %d bytes", h, len(b))
		}
	})
}
