package stats

import "testing"

// The intervals are those of table II of Newcombe's paper, method 10.
func TestTheDifferenceOfSharesIsThePublishedOne(t *testing.T) {
	for _, c := range []struct{ a, na, b, nb, low, high float64 }{
		{56, 70, 48, 80, 0.0524, 0.3339},
		{9, 10, 3, 10, 0.1705, 0.8090},
		{6, 7, 2, 7, 0.0582, 0.8062},
	} {
		low, high, ok := ShareDifference(Share{c.a, c.na}, Share{c.b, c.nb}, 0.025)
		if !ok {
			t.Errorf("%+v: no interval", c)
		}
		checkNear(t, "the lower end", low, c.low, 2e-4)
		checkNear(t, "the upper end", high, c.high, 2e-4)
		mirroredLow, mirroredHigh, _ := ShareDifference(Share{c.b, c.nb}, Share{c.a, c.na}, 0.025)
		checkNear(t, "the mirrored lower end", mirroredLow, -high, 1e-12)
		checkNear(t, "the mirrored upper end", mirroredHigh, -low, 1e-12)
	}
	if _, _, ok := ShareDifference(Share{}, Share{1, 2}, 0.025); ok {
		t.Error("a side without a trial has an interval")
	}
}
