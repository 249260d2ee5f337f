package runner

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
	"github.com/benchharness/harness/sdk"
	"github.com/benchharness/harness/sdk/loop"
)

// part is a component of a reference stack that can die.
type part struct {
	dead    error
	stopped int
}

func (p *part) Spec() sdk.Target              { return sdk.Target{Name: "reference", Reference: true} }
func (p *part) Provenance() map[string]string { return map[string]string{"engine": "part"} }
func (p *part) PID() int                      { return 0 }
func (p *part) Ended(time.Duration) error     { return p.dead }
func (p *part) Stop()                         { p.stopped++ }

// client is a plugin whose target is up as long as alive says so.
type client struct {
	alive    func() error
	teardown []error
}

func (c *client) Prepare(context.Context, string, string, sdk.SetupRequest) (sdk.SessionInfo, error) {
	return sdk.SessionInfo{}, c.refused()
}

func (c *client) Round(context.Context, string, loop.Plan, func(loop.Progress)) (loop.Result, error) {
	if err := c.refused(); err != nil {
		return loop.Result{}, err
	}
	h := loop.NewHistogram()
	_ = h.RecordValue(1000)
	return loop.Result{Started: time.Now(), Elapsed: time.Second, Batch: 1, Counts: loop.Counts{Scheduled: 1, OK: 1}, Clocks: loop.Clocks{Response: h}}, nil
}

func (c *client) Teardown(context.Context, string) error {
	err := c.refused()
	c.teardown = append(c.teardown, err)
	return err
}
func (c *client) PID() int { return 0 }
func (c *client) Stop()    {}

func (c *client) refused() error {
	if c.alive() == nil {
		return nil
	}
	return sdk.TargetDown("reference", errors.New("connection refused"), "start it")
}

type described struct{}

func (described) Plugins() []string { return []string{"x"} }
func (described) Describe(context.Context, string) (sdk.Plugin, error) {
	return sdk.Plugin{Name: "x", Benchmarks: []sdk.Benchmark{{Name: "b", Target: "vector"}}}, nil
}

func TestAReferenceThatDiesIsNamedAndTheNextBenchmarkGetsAFreshOne(t *testing.T) {
	var parts []*part
	c := &client{alive: func() error { return parts[len(parts)-1].dead }}
	scenario := suite.Scenario{Load: suite.Load{Model: loop.Closed, Workers: 1, Rounds: 1, Ops: 1}}
	benchmark := func(id string) suite.Benchmark {
		return suite.Benchmark{ID: id, Plugin: "x", Use: "b", Scenarios: []suite.Scenario{scenario, scenario}, Target: suite.Target{Kind: "vector", Reference: true}}
	}
	died := errors.New("the reference stack's vector ended by itself (signal: killed)")
	doc := &result.Run{}
	finished := 0
	errs := Run(context.Background(), Options{
		Plan: suite.Plan{Benchmarks: []suite.Benchmark{benchmark("x/one"), benchmark("x/two")}}, Run: doc, Dir: t.TempDir(), Lookup: described{},
		Plugin:     func(context.Context, string) (Plugin, error) { return c, nil },
		PluginInfo: func(name string) (result.Plugin, error) { return result.Plugin{Name: name}, nil },
		Reference: func(context.Context, string) (Target, error) {
			parts = append(parts, &part{})
			return parts[len(parts)-1], nil
		},
		Observe: func(e Event) {
			if e.Kind != Finished {
				return
			}
			if finished++; finished == 1 {
				parts[0].dead = died // between the first scenario and the second
			}
		},
	})
	var got []string
	for _, b := range doc.Benchmarks {
		got = append(got, string(b.Status)+" "+b.Reason)
	}
	if want := "measured |failed " + died.Error() + "|measured |measured "; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", strings.Join(got, "|"), want)
	}
	// Its tear down could not work, and is no further problem.
	if len(errs) != 1 || errs[0].Error() != "x/one: "+died.Error() || c.teardown[0] == nil {
		t.Errorf("the problems are %v", errs)
	}
	if len(parts) != 2 || parts[0].stopped != 1 || parts[1].stopped != 1 {
		t.Errorf("%d parts were started, stopped %+v", len(parts), parts)
	}
}
