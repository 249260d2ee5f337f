package loop

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

func TestCollectionsThatAreInTheNumbersAreACaution(t *testing.T) {
	cores := float64(runtime.GOMAXPROCS(0))
	for _, c := range []struct {
		name string
		c    collections
		want bool
	}{
		{"none", collections{}, false},
		{"pauses of 0.4%", collections{number: 40, paused: 40 * time.Millisecond}, false},
		{"pauses of 0.6%", collections{number: 40, paused: 60 * time.Millisecond}, true},
		{"9% of the CPU", collections{number: 40, cpu: 0.9 * cores}, false},
		{"11% of the CPU", collections{number: 40, cpu: 1.1 * cores}, true},
	} {
		res := emptyResult()
		res.Elapsed = 10 * time.Second
		if judgeCollections(&res, c.c); has(res, Caution, "gc") != c.want {
			t.Errorf("%s: found %v", c.name, res.Validity)
		}
	}
}

func TestCollectionsOfTheRoundAreCountedAndNoOthers(t *testing.T) {
	d := New(each(func(context.Context, *sdk.Op) error { runtime.GC(); return nil }), nil)
	if err := d.hire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	before := collected()
	r := d.start(Plan{Model: Closed, Workers: 1, Ops: 5}, false, 1)
	r.drive(t.Context(), nil)
	if c := collected().since(before); c.number < 5 || c.number > 50 || c.paused <= 0 || c.longest <= 0 || c.longest > c.paused || c.cpu <= 0 {
		t.Errorf("%+v, want about five collections", c)
	}
	if c := before.since(before); c.number != 0 || c.longest != 0 {
		t.Errorf("%+v, want none", c)
	}
}
