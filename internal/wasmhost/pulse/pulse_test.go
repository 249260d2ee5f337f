package pulse

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pair is a page as its two processes have it.
func pair(t *testing.T) (harness, host *Page) {
	t.Helper()
	harness, err := Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if host, err = Open(harness.Path()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(host.Close(), harness.Close()); err != nil {
			t.Error(err)
		}
	})
	return harness, host
}

func slot(t *testing.T, p *Page, worker int) *Slot {
	t.Helper()
	s, err := p.Slot(worker)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var limits = Limits{Describe: 3 * time.Second, SetUp: 2 * time.Second, Op: time.Second, Round: time.Minute}

// watch runs a watcher on virtual time beside play, and returns what it found
// and when; nothing after an hour is nothing.
func watch(t *testing.T, play func(host *Page, w *Watcher)) (found error, after time.Duration) {
	t.Helper()
	harness, host := pair(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		w := NewWatcher(harness, limits)
		played := make(chan struct{})
		go func() {
			defer close(played)
			play(host, w)
		}()
		found = w.Watch(ctx)
		after = time.Since(start)
		<-played
	})
	return found, after
}

func TestAGuestThatDoesNotComeBackIsFound(t *testing.T) {
	for _, tt := range []struct {
		name  string
		phase Phase
		limit time.Duration
		want  string
	}{
		{"describe", Describe, limits.Describe, "did not describe itself within its limit of 3s"},
		{"set up", SetUp, limits.SetUp, "did not end the set up of worker 4 within its limit of 2s"},
		{"op", Op, limits.Op, "did not end op 77 of worker 4 within its limit of 1s"},
		{"tear down", TearDown, limits.SetUp, "did not end the tear down of worker 4 within its limit of 2s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err, after := watch(t, func(p *Page, _ *Watcher) {
				slot(t, p, 3).Enter(Idle, 0)
				s := slot(t, p, 4)
				s.Enter(tt.phase, 76)
				s.Leave()
				s.Enter(tt.phase, 77)
			})
			if err == nil || err.Error() != tt.want {
				t.Errorf("found %v, want %q", err, tt.want)
			}
			if after < tt.limit || after > tt.limit+3*Every {
				t.Errorf("found after %v, want within %v of %v", after, 3*Every, tt.limit)
			}
		})
	}
}

func TestTimeThatIsNotTheGuestsIsNotCounted(t *testing.T) {
	for name, play := range map[string]func(s *Slot){
		"while nothing runs": func(s *Slot) {
			s.Enter(Op, 1)
			time.Sleep(limits.Op / 2)
			s.Leave()
			time.Sleep(time.Hour)
		},
		"while the host works for it": func(s *Slot) {
			s.Enter(Op, 1)
			time.Sleep(limits.Op / 2)
			back := s.Host()
			time.Sleep(10 * time.Minute)
			back()
			time.Sleep(limits.Op / 4)
			s.Leave()
		},
		"of one op after the other": func(s *Slot) {
			for i := range uint64(20) {
				s.Enter(Op, i)
				time.Sleep(limits.Op * 9 / 10)
				s.Leave()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			err, _ := watch(t, func(p *Page, _ *Watcher) { play(slot(t, p, 0)) })
			if err != nil {
				t.Errorf("found %v", err)
			}
		})
	}
}

func TestWaitingForTheHostDoesNotBeginTheLimitAnew(t *testing.T) {
	err, after := watch(t, func(p *Page, _ *Watcher) {
		s := slot(t, p, 0)
		s.Enter(Op, 1)
		for range 30 {
			time.Sleep(limits.Op / 10)
			back := s.Host()
			time.Sleep(limits.Op)
			back()
		}
	})
	if err == nil || after > 15*limits.Op {
		t.Errorf("found %v after %v", err, after)
	}
}

func TestAllOpsOfARoundTogetherAreLimited(t *testing.T) {
	busy := func(p *Page, w *Watcher, until time.Duration, anew bool) {
		a, b := slot(t, p, 0), slot(t, p, 1)
		start := time.Now()
		for i := uint64(0); time.Since(start) < until; i++ {
			if anew && i%20 == 0 {
				w.RoundBegins()
			}
			a.Enter(Op, i)
			b.Enter(Op, i)
			time.Sleep(limits.Op / 2)
		}
		a.Leave()
		b.Leave()
	}
	err, after := watch(t, func(p *Page, w *Watcher) { busy(p, w, time.Hour, false) })
	if err == nil || !strings.Contains(err.Error(), "more than the limit of 1m0s inside the ops of one round") {
		t.Errorf("found %v", err)
	}
	if want := limits.Round / 2; after < want-time.Second || after > want+2*time.Second { // two workers
		t.Errorf("found after %v, want about %v", after, want)
	}
	if err, _ := watch(t, func(p *Page, w *Watcher) { busy(p, w, 10*time.Minute, true) }); err != nil {
		t.Errorf("found %v, though every round was short", err)
	}
}

func TestASlotIsUsedAgain(t *testing.T) {
	_, host := pair(t)
	first := slot(t, host, 0)
	first.Release()
	if again := slot(t, host, 1); again.line != first.line {
		t.Error("the slot that was given back is not used again")
	}
	for range Slots - 1 {
		slot(t, host, 0)
	}
	if _, err := host.Slot(0); err == nil || !strings.Contains(err.Error(), "room for 16384 guests") {
		t.Errorf("error is %v", err)
	}
}

func TestThePagesFileDoesNotOutliveItsOpening(t *testing.T) {
	harness, _ := pair(t)
	if _, err := os.Stat(harness.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is still there: %v", err)
	}
}

func TestAnotherFileIsNoPage(t *testing.T) {
	dir := t.TempDir()
	small, blank := filepath.Join(dir, "small"), filepath.Join(dir, "blank")
	if err := errors.Join(os.WriteFile(small, []byte("x"), 0o600), os.WriteFile(blank, make([]byte, pageSize), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{small, blank, filepath.Join(dir, "absent")} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "open the page that a guest is watched by") {
			t.Errorf("%s: error is %v", path, err)
		}
	}
}

// BenchmarkCall is what being watched costs an op.
func BenchmarkCall(b *testing.B) {
	p, err := Create(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	s, err := p.Slot(0)
	if err != nil {
		b.Fatal(err)
	}
	for i := uint64(0); b.Loop(); i++ {
		s.Enter(Op, i)
		s.Leave()
	}
}
