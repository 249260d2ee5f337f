package main

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/loop"
)

const ms = time.Millisecond

// distributions are those of knownLatency. What is compared at p99 and p99.9
// is 20 ms and more, as asked; a largest latency keeps a rare one from
// occupying the server until the next round.
var distributions = []known.Latency{
	{Kind: known.Constant, A: 25 * ms},
	{Kind: known.Exponential, A: 8 * ms, B: 2 * time.Second, Seed: 1},
	{Kind: known.Bimodal, A: 2 * ms, B: 40 * ms, P: 0.1, Seed: 2},
	{Kind: known.LogNormal, A: 4 * ms, B: 2 * time.Second, P: 1, Seed: 3},
	{Kind: known.Pareto, A: 2 * ms, B: 2 * time.Second, P: 1.5, Seed: 4},
}

const (
	latencyRate    = 1000
	latencySeconds = 5 // 5,000 ops, of which p99.9 needs 4,603
	medianLimit    = 50 * time.Microsecond
	tailLimit      = 0.02
	tailFrom       = 20 * ms
)

// knownLatency compares the client's service clock with the server's own time
// for the same requests.
func knownLatency(b *bench) error {
	for _, engine := range []string{"http1", "net/http"} {
		for _, d := range distributions {
			if err := b.oneLatency(engine, d); err != nil {
				return fmt.Errorf("%s, %s: %w", engine, d, err)
			}
		}
	}
	return nil
}

func (b *bench) oneLatency(engine string, d known.Latency) error {
	const n = latencyRate * latencySeconds
	load := open(latencyRate, 128, latencySeconds*time.Second)
	load["warmup"] = "1s" // which opens the connections
	o, log, err := b.against(known.Spec{Latency: d}, job{engine: engine, indexed: n, load: load})
	if err != nil {
		return err
	}
	v := viewOf(o, log)
	client, server := o.clock(result.Service), v.histogram(service)
	lag, wait := o.clock(result.Lag), o.clock(result.Wait)
	b.say("%s, %s: %d answers; lag p50 %s p99 %s p99.9 %s; wait p99 %s; said of it: %s", engine, d, len(v.stamps),
		show(quantile(lag, 0.5)), show(quantile(lag, 0.99)), show(quantile(lag, 0.999)), show(quantile(wait, 0.99)), orNothing(o))
	b.same("ops", o.round.Counts.OK, n)
	b.median("service p50", engine, client, server)
	response, responded := o.clock(result.Response), v.histogram(v.response(latencyRate))
	for _, q := range []float64{0.99, 0.999} {
		if loop.SamplesFor(q) > int64(len(v.stamps)) {
			return fmt.Errorf("%d answers are too few for p%g", len(v.stamps), 100*q)
		}
		if want := quantile(server, q); want >= tailFrom {
			late := quantile(lag, q)
			b.tail(fmt.Sprintf("service p%g", 100*q), quantile(client, q), want, late)
			b.tail(fmt.Sprintf("response p%g", 100*q), quantile(response, q), quantile(responded, q), late)
		}
	}
	// What the server says of itself is checked too: it held to what it drew.
	drew := v.histogram(func(s known.Stamp) int64 { return s.Injected })
	b.within("the server kept its p99", quantile(server, 0.99), quantile(drew, 0.99), tailLimit)
	return nil
}

// tail compares at a quantile in the tail. What is more than the limit has to
// be no more than the lag that harness itself recorded there: a machine that
// makes it late to send makes it late to receive.
func (b *bench) tail(what string, got, want, lag time.Duration) {
	over := time.Duration(float64((got - want).Abs()) - tailLimit*float64(want))
	if over <= 0 {
		b.within(what, got, want, tailLimit)
		return
	}
	b.check(over <= lag, what, fmt.Sprintf("%s beside %s (%s)", show(got), show(want), percent(float64(got), float64(want))),
		fmt.Sprintf("within %g%%, and the rest within the lag there, %s", 100*tailLimit, show(lag)))
}

// median compares what client and server say of the same requests at p50.
// net/http hands an answer from one goroutine to another, which is part of what
// it measures: it is shown, and the limit is for the engine that is for load.
func (b *bench) median(what, engine string, client, server *hdrhistogram.Histogram) {
	c, s := quantile(client, 0.5), quantile(server, 0.5)
	step := histogramStep(s)
	got := fmt.Sprintf("%s beside %s (%s more)", show(c), show(s), show(c-s))
	if engine != "http1" {
		b.say("%-7s%-44s %s", "", what, got)
		return
	}
	b.check((c-s).Abs() <= medianLimit+step, what, got, "within 50 µs and a histogram's step of "+show(step))
}

// histogramStep is how far apart the values are that a histogram of 3 digits
// tells apart at d: it has 2,048 to twice a power of two.
func histogramStep(d time.Duration) time.Duration {
	return 1 << max(bits.Len64(uint64(d))-11, 0)
}

func orNothing(o *outcome) string {
	var all []string
	for _, level := range []string{"invalid", "caution"} {
		if codes := o.findings(level); codes != "" {
			all = append(all, level+" "+codes)
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, "; ")
}

// lateReader is a server that reads a request of 8 MB 50 ms after it has begun
// to come. The send alone takes as long, so a clock that starts after it shows
// next to nothing.
func lateReader(b *bench) error {
	const late, n = 50 * ms, 100
	load := closed(1, 30*time.Second)
	load["operations"] = n
	data := filepath.Join(b.dir, "body.csv")
	if err := os.WriteFile(data, []byte("body\n"+strings.Repeat("x", 8<<20)+"\n"), 0o600); err != nil {
		return err
	}
	o, log, err := b.against(known.Spec{Reads: late, Small: true}, job{load: load,
		with: map[string]any{"method": "POST", "data": data, "body": "${body}"}})
	if err != nil {
		return err
	}
	v := viewOf(o, log)
	got := quantile(o.clock(result.Service), 0.5)
	b.say("%d answers; service p50 %s, largest %s", len(v.stamps), show(got), show(quantile(o.clock(result.Service), 1)))
	b.check(got >= late, "service p50 of a late reader", show(got), "at least "+show(late))
	first := quantile(o.clock(result.Response), 0.5)
	b.check(first >= late, "response p50 of a late reader", show(first), "at least "+show(late))
	return nil
}

// overLimit answers two requests after more than the largest latency that a
// histogram tells apart.
func overLimit(b *bench) error {
	load := closed(2, 10*time.Minute)
	load["operations"], load["op_timeout"] = 2, "90s"
	// The request of the set-up is number 0, and is answered at once.
	o, _, err := b.against(known.Spec{Latency: known.Latency{Kind: known.Bimodal, A: 0, B: loop.Limit + time.Second, P: 1}},
		job{load: load, with: map[string]any{"path": "/x?i=1"}})
	if err != nil {
		return err
	}
	b.same("latencies above 60 s", o.round.Overflow, 2)
	b.same("ops", o.round.Counts.OK, 2)
	b.within("the largest response", quantile(o.clock(result.Response), 1), loop.Limit, 0.001)
	b.check(strings.Contains(o.findings("caution"), "overflow"), "what is said of it", orNothing(o), "caution overflow")
	return nil
}
