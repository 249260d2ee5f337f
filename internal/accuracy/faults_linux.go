package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/result"
)

// overflowingQueue has few places for connections that are not accepted yet.
// In a freeze the first requests get them, the kernel drops the SYNs of the
// others, and sends them again after a second.
func overflowingQueue(b *bench) error {
	const backlog, second = 8, time.Second
	before := listenOverflows()
	o, log, err := b.against(known.Spec{Every: stallEvery, Freeze: stallFreeze, Backlog: backlog},
		job{indexed: stallOps, load: stallLoad(), with: map[string]any{"requests_per_connection": 1}})
	if err != nil {
		return err
	}
	dropped := listenOverflows() - before
	v := viewOf(o, log)
	b.say("http1: %s; the kernel dropped %d SYNs or ACKs", o.clocks(), dropped)
	b.check(dropped > 0, "SYNs dropped", strconv.FormatInt(dropped, 10), "some, or nothing was tested")
	b.same("ops", o.round.Counts.OK, stallOps)
	b.same("connections accepted, with that of the set-up", uint64(log.Accepted), stallOps+1)
	response, seen := o.clock(result.Response), v.histogram(v.response(stallRate))
	for _, q := range []float64{0.95, 0.99, 0.999, 1} {
		b.within(fmt.Sprintf("p%g beside the server's stamps", 100*q), quantile(response, q), quantile(seen, q), stallLimit)
	}
	b.check(quantile(response, 1) >= second, "the largest", show(quantile(response, 1)), "1 s at least: when a SYN is sent again")
	b.same("ops over 0.9 s beside the server's", above(response, 900*ms), above(seen, 900*ms))
	return nil
}

// above counts the samples above d.
func above(h *hdrhistogram.Histogram, d time.Duration) (n uint64) {
	for _, bar := range h.Distribution() {
		if bar.From > int64(d) {
			n += uint64(bar.Count)
		}
	}
	return n
}

// listenOverflows is the kernel's count of connections that found a listen
// queue full, of all sockets; 0 where it is not told.
func listenOverflows() int64 {
	text, err := os.ReadFile("/proc/net/netstat")
	if err != nil {
		return 0
	}
	lines := strings.Split(string(text), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		names, values := strings.Fields(lines[i]), strings.Fields(lines[i+1])
		for k, name := range names {
			if name == "ListenDrops" && k < len(values) {
				n, _ := strconv.ParseInt(values[k], 10, 64) // the kernel writes numbers
				return n
			}
		}
	}
	return 0
}

// resets are failed ops, and in no latency; the others' stay what they are.
func resets(b *bench) error {
	for _, engine := range []string{"http1", "net/http"} {
		if err := b.oneReset(engine); err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
	}
	return nil
}

func (b *bench) oneReset(engine string) error {
	const every, latency = 50, 25 * ms
	o, log, err := b.against(known.Spec{ResetAt: every, Latency: known.Latency{Kind: known.Constant, A: latency}},
		job{engine: engine, indexed: 5000, load: open(1000, 64, 5*time.Second)})
	if err != nil {
		return err
	}
	v, c := viewOf(o, log), o.round.Counts
	b.say("%s: %d reset; %v", engine, len(v.resets), o.round.Errors)
	b.same(engine+": failed ops", c.Failed, uint64(len(v.resets)))
	b.same(engine+": reset ops", c.Failed, 5000/every)
	b.same(engine+": scheduled", c.Scheduled, 5000)
	b.same(engine+": ok + failed + timed out + skipped", c.OK+c.Failed+c.TimedOut+c.Skipped, c.Scheduled)
	b.same(engine+": latencies", o.round.Clocks.Response.Count, c.OK+c.TimedOut)
	client, server := o.clock(result.Service), v.histogram(service)
	b.median(engine+": service p50 of the others", engine, client, server)
	b.within(engine+": service p99 of the others", quantile(client, 0.99), quantile(server, 0.99), stallLimit)
	return nil
}

// ownLag stops the generator itself: the plugin's process. What passes
// meanwhile is its own lag, and in the response.
func ownLag(b *bench) error {
	const length = 200 * ms
	var windows [][2]time.Time
	var trouble error
	o, log, err := b.against(known.Spec{}, job{indexed: 4000, load: open(1000, 64, 4*time.Second), started: func(_ *exec.Cmd, pid int) func() {
		over, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			child, err := pluginOf(pid, over)
			if err != nil {
				trouble = err
				return
			}
			stops := stopEvery(child, 1500*ms, length)
			<-over
			windows = stops()
		}()
		return func() { close(over); <-done }
	}})
	if err := errors.Join(err, trouble); err != nil {
		return err
	}
	v := viewOf(o, log)
	inRound := 0
	for _, w := range windows {
		if from := w[0].UnixNano() - log.Base; from > v.start && from < v.start+int64(4*time.Second) {
			inRound++
		}
	}
	b.say("http1: stopped %d times; %s", inRound, o.clocks())
	b.check(inRound > 0, "stops within the round", strconv.Itoa(inRound), "some, or nothing was tested")
	b.same("ops", o.round.Counts.OK, 4000)
	lag, response := o.clock(result.Lag), o.clock(result.Response)
	b.check(quantile(lag, 1) >= length*95/100, "the largest lag", show(quantile(lag, 1)), "at least 95% of "+show(length))
	b.within("response p99 beside the server's stamps", quantile(response, 0.99), quantile(v.histogram(v.response(1000)), 0.99), stallLimit)
	b.check(strings.Contains(o.findings("invalid"), "lag"), "what is said of it", orNothing(o), "invalid lag")
	return nil
}

// pluginOf waits until a process has a child that serves a plugin.
func pluginOf(pid int, over <-chan struct{}) (int, error) {
	tick := time.NewTicker(5 * ms)
	defer tick.Stop()
	for {
		select {
		case <-over:
			return 0, fmt.Errorf("harness started no plugin")
		case <-tick.C:
		}
		files, err := os.ReadDir("/proc")
		if err != nil {
			return 0, err
		}
		for _, f := range files {
			child, err := strconv.Atoi(f.Name())
			if err != nil {
				continue
			}
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
			if err != nil {
				continue // it has ended
			}
			_, rest, _ := strings.Cut(string(stat), ") ") // the name before may hold anything
			fields := strings.Fields(rest)
			command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", child)) // gone: empty
			if len(fields) > 1 && fields[1] == strconv.Itoa(pid) && strings.Contains(string(command), "plugin\x00serve") {
				return child, nil
			}
		}
	}
}
