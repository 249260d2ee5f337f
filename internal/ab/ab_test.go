package ab

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/suite"
)

// scene is two sides whose passes are recorded and not measured.
type scene struct {
	log  []string
	fail string // the pass, such as "head 2", that fails
	none bool   // nothing can be measured
}

func (s *scene) side(name string) *Side {
	load := suite.Load{Duration: 9 * time.Second, Ops: 90, Rounds: 3, Warmup: time.Second}
	return &Side{Label: name, Run: &result.Run{ID: name},
		Plan: suite.Plan{Benchmarks: []suite.Benchmark{{ID: "api/x", Scenarios: []suite.Scenario{{Load: load}}}}},
		Pass: func(_ context.Context, plan suite.Plan, round int, run *result.Run) []error {
			pass := fmt.Sprintf("%s %d", name, round)
			s.log = append(s.log, pass)
			if pass == s.fail {
				return []error{errors.New("target down")}
			}
			l := plan.Benchmarks[0].Scenarios[0].Load
			if l.Rounds != 1 || l.Duration != 3*time.Second || l.Ops != 30 || l.Warmup != time.Second {
				return []error{fmt.Errorf("load of one round is %+v", l)}
			}
			b := result.Benchmark{ID: "api/x", Status: result.Measured}
			if s.none {
				b.Status = result.NotMeasured
			} else {
				b.Rounds = []result.Round{{PluginProcess: len(s.log)}}
			}
			run.Benchmarks = append(run.Benchmarks, b)
			return nil
		}}
}

func (s *scene) duel() *Duel { return &Duel{Base: s.side("base"), Head: s.side("head")} }

func positions(r *result.Run) string {
	var out []string
	for _, round := range r.Benchmarks[0].Rounds {
		out = append(out, fmt.Sprint(round.Position))
	}
	return strings.Join(out, " ")
}

func TestRoundsAreTakenInTurnsABBA(t *testing.T) {
	s := &scene{}
	d := s.duel()
	for _, to := range []int{2, 4} {
		if err := d.Pairs(t.Context(), 0, d.Rounds("api/x"), to); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(s.log, ", "), "base 0, head 0, head 1, base 1, base 2, head 2, head 3, base 3"; got != want {
		t.Errorf("passes are %s, want %s", got, want)
	}
	if b, h := positions(d.Base.Run), positions(d.Head.Run); b != "0 3 4 7" || h != "1 2 5 6" {
		t.Errorf("positions are %s and %s, want 0 3 4 7 and 1 2 5 6", b, h)
	}
}

func TestAPairWithOneSideIsNone(t *testing.T) {
	s := &scene{fail: "head 2"}
	d := s.duel()
	err := d.Pairs(t.Context(), 0, 0, 6)
	if err == nil || !strings.Contains(err.Error(), "api/x, pair 3, head: target down") {
		t.Errorf("the error is %v", err)
	}
	if b, h := len(d.Base.Run.Benchmarks[0].Rounds), len(d.Head.Run.Benchmarks[0].Rounds); b != 2 || h != 2 {
		t.Errorf("%d and %d rounds are kept, want the two whole pairs", b, h)
	}
}

func TestWhatCannotBeMeasuredIsTriedOnce(t *testing.T) {
	s := &scene{none: true}
	if err := s.duel().Pairs(t.Context(), 0, 0, 6); err != nil || len(s.log) != 2 {
		t.Errorf("%d passes, %v; want one pair", len(s.log), err)
	}
}

func TestAnInterruptedPairIsNone(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &scene{}
	d := s.duel()
	d.Paired = func(string, int) { cancel(errors.New("interrupted")) }
	if err := d.Pairs(ctx, 0, 0, 6); err == nil || d.Rounds("api/x") != 1 {
		t.Errorf("%d pairs, %v; want the one before the interrupt", d.Rounds("api/x"), err)
	}
}

func TestSidesThatDifferInWhatTheyMeasureAreRefused(t *testing.T) {
	d := (&scene{}).duel()
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	d.Head.Plan.Benchmarks[0].ID = "api/y"
	if err := d.Check(); err == nil || !strings.Contains(err.Error(), "api/x") || !strings.Contains(err.Error(), "api/y") {
		t.Errorf("the error is %v", err)
	}
}
