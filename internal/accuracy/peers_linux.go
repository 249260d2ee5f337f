package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/benchharness/harness/internal/accuracy/known"
)

// peer is another load generator, offered as much by as many connections.
type peer struct {
	name string
	args func(url, dir string) []string
	read func(out, dir string) (p95, p99, max time.Duration)
}

func otherTools() []peer {
	seconds := fmt.Sprint(int((stallPeriods * stallEvery).Seconds()))
	rate, workers := fmt.Sprint(stallRate), fmt.Sprint(stallWorkers)
	return []peer{
		{"hey", func(url, _ string) []string {
			// -q is the rate of each worker.
			return []string{"-z", seconds + "s", "-c", workers, "-q", fmt.Sprintf("%g", float64(stallRate)/stallWorkers), url}
		}, byPatterns(`95%+ in ([0-9.]+) secs`, `99%+ in ([0-9.]+) secs`, `Slowest:\s+([0-9.]+) secs`, "s")},
		{"vegeta", func(url, dir string) []string {
			targets := filepath.Join(dir, "targets")
			_ = os.WriteFile(targets, []byte("GET "+url+"\n"), 0o600) // vegeta will say so
			return []string{"attack", "-targets", targets, "-duration", seconds + "s", "-rate", rate, "-workers", workers, "-max-workers", workers,
				"-connections", workers, "-output", filepath.Join(dir, "vegeta.bin")}
		}, nil},
		{"bombardier", func(url, _ string) []string {
			return []string{"-c", workers, "-r", rate, "-d", seconds + "s", "-l", "-p", "r", "-o", "json", url}
		}, readBombardier},
		{"k6", func(url, dir string) []string {
			script := filepath.Join(dir, "k6.js")
			_ = os.WriteFile(script, fmt.Appendf(nil, `import http from 'k6/http';
export const options = { summaryTrendStats: ['p(95)', 'p(99)', 'max'], scenarios: { s: { executor: 'constant-arrival-rate', rate: %s, timeUnit: '1s', duration: '%ss', preAllocatedVUs: %s, maxVUs: %s } } };
export default function () { http.get('%s'); }
export function handleSummary(d) { const v = d.metrics.http_req_duration.values; return { stdout: v['p(95)'] + ' ' + v['p(99)'] + ' ' + v.max + '\n' }; }
`, rate, seconds, workers, workers, url), 0o600) // k6 will say so
			return []string{"run", "--quiet", "--no-usage-report", script}
		}, byPatterns(`(?m)^([0-9.]+) [0-9.]+ [0-9.]+$`, `(?m)^[0-9.]+ ([0-9.]+) [0-9.]+$`, `(?m)^[0-9.]+ [0-9.]+ ([0-9.]+)$`, "ms")},
		{"oha", func(url, _ string) []string {
			return []string{"-z", seconds + "s", "-c", workers, "-q", rate, "--no-tui", url}
		}, byPatterns(`95(?:\.00)?% in ([0-9.]+) ms`, `99(?:\.00)?% in ([0-9.]+) ms`, `Slowest:\s+([0-9.]+) ms`, "ms")},
		{"oha, corrected", func(url, _ string) []string {
			return []string{"-z", seconds + "s", "-c", workers, "-q", rate, "--latency-correction", "--no-tui", url}
		}, byPatterns(`95(?:\.00)?% in ([0-9.]+) ms`, `99(?:\.00)?% in ([0-9.]+) ms`, `Slowest:\s+([0-9.]+) ms`, "ms")},
		{"wrk2", func(url, _ string) []string {
			return []string{"-t1", "-c" + workers, "-d" + seconds + "s", "-R" + rate, "--latency", url}
		}, byPatterns(``, `99\.000%\s+([0-9.]+)ms`, `100\.000%\s+([0-9.]+)ms`, "ms")},
	}
}

// peers shows what others say of the stall oracle. Nothing of it is checked.
func peers(b *bench) error {
	b.say("%-16s %10s %10s %10s", "", "p95", "p99", "max")
	b.say("%-16s %10s %10s %10s", "exact", "100 ms", "180 ms", "200 ms")
	for _, p := range otherTools() {
		program, _, _ := strings.Cut(p.name, ",")
		path := b.tool(program)
		if path == "" {
			b.say("%-16s not installed: scripts/accuracy-peers builds those that it can", p.name)
			continue
		}
		s, err := b.serve(known.Spec{Every: stallEvery, Freeze: stallFreeze})
		if err != nil {
			return err
		}
		out, err := b.command(path, p.args(s.url()+"/x", b.dir)...)
		if err == nil && p.read == nil { // vegeta's report is a second command
			out, err = b.command(path, "report", "-type", "json", filepath.Join(b.dir, "vegeta.bin"))
			p.read = readVegeta
		}
		s.kill()
		if err != nil {
			b.say("%-16s could not be run: %v", p.name, err)
			continue
		}
		p95, p99, largest := p.read(out, b.dir)
		b.say("%-16s %10s %10s %10s", p.name, said(p95), said(p99), said(largest))
	}
	return b.ctx.Err()
}

func said(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return show(d)
}

func byPatterns(p95, p99, largest, name string) func(out, dir string) (a, b, c time.Duration) {
	find := func(pattern, out string) time.Duration {
		if pattern == "" {
			return 0
		}
		if m := regexp.MustCompile(pattern).FindStringSubmatch(out); m != nil {
			return unit(m[1], name)
		}
		return 0
	}
	return func(out, _ string) (a, b, c time.Duration) {
		return find(p95, out), find(p99, out), find(largest, out)
	}
}

func readBombardier(out, _ string) (p95, p99, largest time.Duration) {
	var r struct {
		Result struct {
			Latency struct {
				Max         float64
				Percentiles map[string]float64
			}
		}
	}
	if json.Unmarshal([]byte(out), &r) != nil {
		return 0, 0, 0
	}
	us := func(x float64) time.Duration { return time.Duration(x * 1e3) }
	l := r.Result.Latency
	return us(l.Percentiles["95"]), us(l.Percentiles["99"]), us(l.Max)
}

func readVegeta(out, _ string) (p95, p99, largest time.Duration) {
	var r struct {
		Latencies struct {
			P95 int64 `json:"95th"`
			P99 int64 `json:"99th"`
			Max int64 `json:"max"`
		} `json:"latencies"`
	}
	if json.Unmarshal([]byte(out), &r) != nil {
		return 0, 0, 0
	}
	l := r.Latencies
	return time.Duration(l.P95), time.Duration(l.P99), time.Duration(l.Max)
}
