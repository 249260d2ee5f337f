package db

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math/bits"
	"strconv"
	"time"

	"github.com/benchharness/harness/sdk"
)

// scriptJob runs a pgbench script once per op, one round trip a statement.
type scriptJob struct {
	script []statement
	scale  uint64
	timed  bool
	values [4][]byte // of scriptVariables, as text
}

func newScriptJob(script []statement, scale int, timed bool) *scriptJob {
	return &scriptJob{script: script, scale: uint64(scale), timed: timed}
}

func (j *scriptJob) do(c *conn, op *sdk.Op) error {
	j.draw(op.Rand)
	if !j.timed {
		for i := range j.script {
			if _, err := c.exec(i, j.values[:]); err != nil {
				return err
			}
		}
		return nil
	}
	start := time.Now()
	var before time.Duration
	for i := range j.script {
		if _, err := c.exec(i, j.values[:]); err != nil {
			return err
		}
		now := time.Since(start)
		op.Record(j.script[i].metric, (now - before).Seconds())
		before = now
	}
	return nil
}

// draw sets the variables as the scripts' \set lines do.
func (j *scriptJob) draw(seed uint64) {
	d := draws(seed)
	for i, v := range [4]int64{
		1 + int64(d.below(accountsPerScale*j.scale)),
		1 + int64(d.below(branchesPerScale*j.scale)),
		1 + int64(d.below(tellersPerScale*j.scale)),
		-5000 + int64(d.below(10_001)),
	} {
		j.values[i] = strconv.AppendInt(j.values[i][:0], v, 10)
	}
}

// draws is a sequence of numbers made from one seed by splitmix64 (Steele, Lea
// and Flood, "Fast splittable pseudorandom number generators", 2014).
type draws uint64

func (d *draws) next() uint64 {
	*d += 0x9E3779B97F4A7C15
	z := uint64(*d)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// below returns a number in [0, n), uniformly: the high word of a product, whose
// bias of n/2^64 no run is long enough to see.
func (d *draws) below(n uint64) uint64 {
	high, _ := bits.Mul64(d.next(), n)
	return high
}

// digest identifies the work of a benchmark. Its first part changes when the
// work of the same parameters does.
func digest(benchmark string, seed uint64, params ...any) string {
	b, err := json.Marshal([]any{"db/" + benchmark, "work 2", seed, params})
	if err != nil { // only numbers and strings are given
		panic("db: workload digest: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
