package wasmhost

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	w "github.com/benchharness/harness/internal/wasmhost/wasmtest"
)

func TestWhatIsHeldEndsAsItDoes(t *testing.T) {
	failed := errors.New("failed")
	for _, want := range []error{nil, failed} {
		if ended, err := compileBounds.hold(func() error { return want }); !ended || !errors.Is(err, want) {
			t.Errorf("ended %v with %v, want %v", ended, err, want)
		}
	}
}

func TestWhatTakesTooLongIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		defer close(stop)
		start := time.Now()
		b := bounds{memory: 1 << 62, time: time.Minute}
		ended, err := b.hold(func() error { <-stop; return nil })
		if ended || err == nil || err.Error() != "it takes longer than 1m0s" {
			t.Errorf("ended %v with %v", ended, err)
		}
		if is := time.Since(start); is != time.Minute {
			t.Errorf("it was left after %v", is)
		}
	})
}

func TestWhatTakesTooMuchMemoryIsLeft(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	const more = 256 << 20
	b := bounds{memory: taken() + more/2, time: time.Hour}
	ended, err := b.hold(func() error {
		held := make([]byte, more)
		for i := 0; i < len(held); i += 4 << 10 {
			held[i] = 1
		}
		<-stop
		held[0]++ // so that it is held until now
		return nil
	})
	if ended || err == nil {
		t.Errorf("ended %v with %v", ended, err)
	}
}

// slow is a module whose compiler takes far more memory and time than its
// size lets expect: many variables that live across many blocks. With ten times
// as many of them it would be gigabytes.
func slow() []byte {
	const variables, blocks = 800, 3000
	var body w.Code
	for i := range blocks {
		body = append(body, w.Join(
			w.Get(2+i%variables), w.Get(2+(i*7)%variables), w.Add, w.Set(2+(i*3)%variables),
			w.Code{0x02, 0x40}, w.Get(2+i%variables), w.Code{0x0d, 0x00}, w.Code{0x0b})...)
	}
	m := w.Guest(w.Plugin())
	m.Funcs[2].Locals, m.Funcs[2].Body = variables, w.Join(body, w.I32(0))
	return m.Bytes()
}

func TestAModuleThatIsABombForTheCompilerIsRefused(t *testing.T) {
	o := options(t, slow())
	o.Cache = ""
	o.compile = bounds{memory: 1, time: time.Hour} // that it takes much, no test should try
	_, err := Open(context.Background(), o)
	wantError(t, err, "plugin evil: the module cannot be compiled: it takes more than", "MiB of memory")
}
