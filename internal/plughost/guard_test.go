package plughost

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// judge is a guard that condemns when it is told to.
type judge struct {
	verdict chan error
	rounds  atomic.Int64
	ended   chan struct{} // closed when Watch has returned
}

func newJudge() *judge { return &judge{verdict: make(chan error, 1), ended: make(chan struct{})} }

func (j *judge) Watch(ctx context.Context) error {
	defer close(j.ended)
	select {
	case err := <-j.verdict:
		return err
	case <-ctx.Done():
		return nil
	}
}

func (j *judge) RoundBegins() { j.rounds.Add(1) }

const guilty = "plugin actor did what it must not; it was killed"

func TestAGuardEndsThePluginUnderWhateverCallIsRunning(t *testing.T) {
	for _, role := range []string{"endless round", "silent in mid-round"} {
		t.Run(role, func(t *testing.T) {
			j := newJudge()
			o := options(role)
			o.Guard = j
			p := start(t, o)
			time.AfterFunc(50*time.Millisecond, func() { j.verdict <- errors.New("did what it must not") })
			_, err := p.Round(context.Background(), "s", fewOps, nil)
			wantError(t, err, guilty, "")
			_, err = p.Describe(context.Background())
			wantError(t, err, guilty, "")
			if n := j.rounds.Load(); n != 1 {
				t.Errorf("the guard was told of %d rounds, want 1", n)
			}
		})
	}
}

func TestAGuardMayEndThePluginBeforeTheHandshake(t *testing.T) {
	j := newJudge()
	j.verdict <- errors.New("did what it must not")
	o := options("mute")
	o.Guard = j
	_, err := Start(context.Background(), o)
	wantError(t, err, guilty, "")
}

func TestAGuardEndsWithItsPlugin(t *testing.T) {
	j := newJudge()
	o := options("sdk")
	o.Guard = j
	p := start(t, o)
	p.Stop()
	select {
	case <-j.ended:
	case <-time.After(patience):
		t.Error("the guard watches on")
	}
}
