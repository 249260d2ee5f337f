package main

import (
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/benchharness/harness/internal/accuracy/known"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/sdk/lifeline"
)

// tool finds a program: in the folder of peers, then in PATH; "" when it is
// nowhere.
func (b *bench) tool(name string) string {
	if at, err := filepath.Abs(filepath.Join(b.peers, name)); err == nil {
		if path, err := exec.LookPath(at); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// command runs a program to its end and returns what it printed to stdout.
func (b *bench) command(name string, args ...string) (string, error) {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = b.dir
	var out, trouble strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &trouble
	p, err := lifeline.StartForeign(cmd, syscall.SIGKILL)
	if err != nil {
		return "", err
	}
	if err := p.Wait(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", filepath.Base(name), err, strings.TrimSpace(trouble.String()))
	}
	return out.String(), nil
}

// claim is what a tool says of a closed loop. Zero is what it does not say.
type claim struct {
	rate          float64 // 1/s
	mean, p50     time.Duration
	p99           time.Duration
	roundedToUnit time.Duration // of p50 and p99
}

// Both sides have besideUsers connections and besideSeconds seconds, on a
// server of their own with the same latencies in the same order.
const (
	besideUsers   = 16
	besideSeconds = 4
	besideLimit   = 0.03
)

func beside(b *bench) error {
	for _, d := range []known.Latency{
		{Kind: known.Constant, A: 5 * ms},
		{Kind: known.Exponential, A: 8 * ms, B: 2 * time.Second, Seed: 7},
	} {
		for _, name := range []string{"wrk", "ab"} {
			if err := b.besideTool(d, name); err != nil {
				return err
			}
		}
	}
	return b.besidePgbench()
}

func (b *bench) besideTool(d known.Latency, name string) error {
	path := b.tool(name)
	if path == "" {
		b.say("%s: not installed: apt-get install wrk apache2-utils", name)
		b.check(true, name, "not installed", "nothing")
		return nil
	}
	theirs, err := b.claimOf(d, path, name)
	if err != nil {
		return err
	}
	o, log, err := b.against(known.Spec{Latency: d}, job{load: closed(besideUsers, besideSeconds*time.Second)})
	if err != nil {
		return err
	}
	h := o.clock(result.Response)
	rate := float64(o.round.Counts.OK) / o.round.Elapsed
	own := viewOf(o, log).histogram(service)
	what := fmt.Sprintf("%s, %s: ", name, d)
	b.say("%sharness %.0f/s, mean %s, p50 %s, p99 %s (the server's own p99 %s); %s %.0f/s, mean %s, p50 %s, p99 %s", what,
		rate, show(time.Duration(h.Mean())), show(quantile(h, 0.5)), show(quantile(h, 0.99)), show(quantile(own, 0.99)),
		name, theirs.rate, show(theirs.mean), show(theirs.p50), show(theirs.p99))
	b.check(math.Abs(rate/theirs.rate-1) <= besideLimit, what+"rate", fmt.Sprintf("%.0f/s beside %.0f/s (%s)", rate, theirs.rate, percent(rate, theirs.rate)), "within 3%")
	b.within(what+"users ÷ rate is harness's mean", time.Duration(h.Mean()), little(rate), 0.01)
	if name == "wrk" && d.Kind != known.Constant {
		// wrk adds answers that it did not get, as if requests came at even
		// intervals: where latencies vary that moves its quantiles.
		b.say("%susers ÷ rate is %s, wrk's mean %s: its latencies are corrected, and not compared", what, show(little(theirs.rate)), show(theirs.mean))
		return nil
	}
	b.within(what+"mean", time.Duration(h.Mean()), theirs.mean, besideLimit)
	for _, q := range []struct {
		name        string
		ours, their time.Duration
	}{{"p50", quantile(h, 0.5), theirs.p50}, {"p99", quantile(h, 0.99), theirs.p99}} {
		ok := (q.ours - q.their).Abs() <= time.Duration(besideLimit*float64(q.their))+theirs.roundedToUnit
		want := "within 3%"
		if theirs.roundedToUnit > 0 {
			want += ", and " + show(theirs.roundedToUnit) + ", to which it rounds"
		}
		b.check(ok, what+q.name, fmt.Sprintf("%s beside %s (%s)", show(q.ours), show(q.their), percent(float64(q.ours), float64(q.their))), want)
	}
	return nil
}

// little is the mean latency of a closed loop at a rate, by Little's law.
func little(rate float64) time.Duration {
	return time.Duration(besideUsers / rate * float64(time.Second))
}

func (b *bench) claimOf(d known.Latency, path, name string) (claim, error) {
	s, err := b.serve(known.Spec{Latency: d})
	if err != nil {
		return claim{}, err
	}
	defer s.kill()
	users, seconds := strconv.Itoa(besideUsers), strconv.Itoa(besideSeconds)
	if name == "wrk" {
		out, err := b.command(path, "-t1", "-c"+users, "-d"+seconds+"s", "--latency", s.url()+"/x")
		if err != nil {
			return claim{}, err
		}
		return readWrk(out)
	}
	out, err := b.command(path, "-q", "-k", "-c", users, "-t", seconds, "-n", "10000000", s.url()+"/x")
	if err != nil {
		return claim{}, err
	}
	return readAB(out)
}

var (
	wrkRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkMean = regexp.MustCompile(`Latency\s+([0-9.]+)(us|ms|s)\s`)
	wrkP    = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([0-9.]+)(us|ms|s)`)
	abRate  = regexp.MustCompile(`Requests per second:\s+([0-9.]+)`)
	abMean  = regexp.MustCompile(`Time per request:\s+([0-9.]+) \[ms\] \(mean\)`)
	abP     = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([0-9]+)`)
)

func readWrk(out string) (claim, error) {
	rate, mean, ps := wrkRate.FindStringSubmatch(out), wrkMean.FindStringSubmatch(out), wrkP.FindAllStringSubmatch(out, -1)
	if rate == nil || mean == nil || len(ps) != 2 {
		return claim{}, fmt.Errorf("wrk printed something else than expected:\n%s", out)
	}
	c := claim{mean: unit(mean[1], mean[2]), p50: unit(ps[0][2], ps[0][3]), p99: unit(ps[1][2], ps[1][3])}
	c.rate, _ = strconv.ParseFloat(rate[1], 64) // the pattern matches numbers alone
	return c, nil
}

func readAB(out string) (claim, error) {
	rate, mean, ps := abRate.FindStringSubmatch(out), abMean.FindStringSubmatch(out), abP.FindAllStringSubmatch(out, -1)
	if rate == nil || mean == nil || len(ps) != 2 {
		return claim{}, fmt.Errorf("ab printed something else than expected:\n%s", out)
	}
	c := claim{mean: unit(mean[1], "ms"), p50: unit(ps[0][2], "ms"), p99: unit(ps[1][2], "ms"), roundedToUnit: time.Millisecond}
	c.rate, _ = strconv.ParseFloat(rate[1], 64)
	return c, nil
}

// unit reads a number of us, ms or s.
func unit(number, name string) time.Duration {
	d, err := time.ParseDuration(number + name)
	if err != nil {
		return 0
	}
	return d
}
