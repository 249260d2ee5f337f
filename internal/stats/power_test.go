package stats

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestRequiredRoundsAgreesWithTheNoncentralT(t *testing.T) {
	// The smallest n with scipy 1.17.1
	// nct.sf(t.isf(alpha, n-1), n-1, effect/sd*sqrt(n)) >= power, that power, and the one of n-1.
	for _, c := range []struct {
		effect, sd, alpha, power float64
		n                        int
		at, before               float64
	}{
		{.0953, .08, .01, .8, 10, 0.8043399356324634, 0.735434884162544},
		{.0953, .08, .01, .95, 14, 0.9501112756720896, 0.9283503578876786},
		{.0953, .03, .01, .95, 5, 0.9820650248826218, 0.8549614010830068},
		{.0953, .01, .01, .8, 3, 0.9955505027526831, 0.3279506701702296},
		{.0953, .3, .01, .8, 103, 0.8036430662366884, 0.799210580190939},
		{.02, .05, .05, .9, 55, 0.9004524434126124, 0.8955657165854807},
		{.0953, .005, .01, .95, 3, 0.9999999995835475, 0.6028232566836548},
		{.0953, .1, .0001, .95, 39, 0.9537839257169465, 0.9450761664202109},
		{.1, 3, .01, .95, 14197, 0.9500129354212489, 0.9499985086669275},
	} {
		plan := RoundsPlan{Effect: c.effect, SD: c.sd, Alpha: c.alpha, Power: c.power}
		n, ok, err := RequiredRounds(plan)
		if n != c.n || !ok || err != nil {
			t.Errorf("%+v needs %d rounds, %v, %v, want %d", plan, n, ok, err, c.n)
		}
		checkNear(t, "the power", plan.PowerAt(c.n), c.at, 1e-5)
		checkNear(t, "the power of one round less", plan.PowerAt(c.n-1), c.before, 1e-3)
	}
	// The same with v1, v2 = 0.05²/n, 0.08²/n and Satterthwaite's degrees of freedom.
	sides := RoundsPlan{Effect: .0953, SD: .05, HeadSD: .08, Alpha: .01, Power: .8}
	if n, _, err := RequiredRounds(sides); n != 12 || err != nil {
		t.Errorf("unpaired sides need %d rounds each, %v, want 12", n, err)
	}
	checkNear(t, "the power of unpaired sides", sides.PowerAt(12), 0.8190545027210119, 1e-6)
}

func TestRequiredRoundsAtTheEdges(t *testing.T) {
	good := RoundsPlan{Effect: 0.1, SD: 0.1, Alpha: 0.01, Power: 0.8}
	with := func(change func(*RoundsPlan)) RoundsPlan { p := good; change(&p); return p }
	if n, ok, err := RequiredRounds(with(func(p *RoundsPlan) { p.SD = 0 })); n != 2 || !ok || err != nil {
		t.Errorf("without noise it takes %d, %v, %v, want 2", n, ok, err)
	}
	if n, ok, err := RequiredRounds(with(func(p *RoundsPlan) { p.SD = 1e300 })); n != 0 || ok || err != nil {
		t.Errorf("beyond reach it takes %d, %v, %v, want not ok", n, ok, err)
	}
	if n, ok, err := RequiredRounds(with(func(p *RoundsPlan) { p.Power = 0.001 })); n != 2 || !ok || err != nil {
		t.Errorf("a power below alpha takes %d, %v, %v, want 2", n, ok, err)
	}
	for name, p := range map[string]RoundsPlan{
		"no effect":          with(func(p *RoundsPlan) { p.Effect = 0 }),
		"an effect of NaN":   with(func(p *RoundsPlan) { p.Effect = nan }),
		"a deviation of NaN": with(func(p *RoundsPlan) { p.SD = nan }),
		"a negative one":     with(func(p *RoundsPlan) { p.HeadSD = -1 }),
		"an infinite one":    with(func(p *RoundsPlan) { p.SD = inf }),
		"alpha 0":            with(func(p *RoundsPlan) { p.Alpha = 0 }),
		"power 1":            with(func(p *RoundsPlan) { p.Power = 1 }),
	} {
		var e *RangeError
		if _, _, err := RequiredRounds(p); !errors.As(err, &e) {
			t.Errorf("%s gives %v, want a RangeError", name, err)
		}
		if name != "power 1" && !math.IsNaN(p.PowerAt(6)) {
			t.Errorf("%s has a power of %v", name, p.PowerAt(6))
		}
	}
}

func TestMoreNoiseNeedsMoreRounds(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for range 200 {
		p := RoundsPlan{Effect: 0.1, SD: 0.3 * random.Float64(), Alpha: 0.001 + 0.1*random.Float64(), Power: 0.5 + 0.49*random.Float64()}
		n, _, err1 := RequiredRounds(p)
		p.SD *= 1.5
		more, _, err2 := RequiredRounds(p)
		if err1 != nil || err2 != nil || more < n || p.PowerAt(more) < p.Power || more > 2 && p.PowerAt(more-1) >= p.Power {
			t.Errorf("%+v: %d rounds, %d with less noise (%v, %v)", p, more, n, err1, err2)
		}
	}
}
