package known

import (
	"fmt"
	"math"
	"time"
)

// Kind is a distribution.
type Kind string

// The distributions, with their quantile functions at u in [0, 1).
const (
	Constant    Kind = "constant"    // A
	Exponential Kind = "exponential" // −A·ln(1−u)
	Bimodal     Kind = "bimodal"     // A, or B with the probability P
	LogNormal   Kind = "log-normal"  // A·exp(P·z(u)), z the normal quantile
	Pareto      Kind = "pareto"      // A·(1−u)^(−1/P)
)

// Latency is a distribution of latencies.
type Latency struct {
	Kind Kind          `json:"kind,omitempty"` // "": none
	A    time.Duration `json:"a,omitempty"`
	B    time.Duration `json:"b,omitempty"` // bimodal: the larger one; others: the largest, 0 is none
	P    float64       `json:"p,omitempty"`
	Seed uint64        `json:"seed,omitempty"`
}

// Of is the latency of request n: the same for every server with the same seed.
func (l Latency) Of(n uint64) time.Duration {
	if l.Kind == "" {
		return 0
	}
	return l.Quantile(float64(mix(l.Seed^mix(n))>>11) / (1 << 53))
}

// Quantile is the exact quantile u, in [0, 1).
func (l Latency) Quantile(u float64) time.Duration {
	a, q := float64(l.A), 0.0
	switch l.Kind {
	case Constant:
		q = a
	case Exponential:
		q = -a * math.Log1p(-u)
	case Bimodal:
		if q = a; u >= 1-l.P {
			return l.B
		}
		return time.Duration(q)
	case LogNormal:
		q = a * math.Exp(l.P*math.Sqrt2*math.Erfinv(2*u-1))
	case Pareto:
		q = a * math.Pow(1-u, -1/l.P)
	}
	if l.B > 0 {
		q = min(q, float64(l.B))
	}
	return time.Duration(q)
}

func (l Latency) String() string {
	switch l.Kind {
	case Constant:
		return fmt.Sprintf("constant %s", l.A)
	case Exponential:
		return fmt.Sprintf("exponential, mean %s", l.A)
	case Bimodal:
		return fmt.Sprintf("bimodal, %s and %g%% %s", l.A, 100*l.P, l.B)
	case LogNormal:
		return fmt.Sprintf("log-normal, median %s, sigma %g", l.A, l.P)
	case Pareto:
		return fmt.Sprintf("Pareto, from %s, alpha %g", l.A, l.P)
	}
	return "none"
}

// mix is SplitMix64's finalizer.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
