package service

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Faults are delays that the service adds on purpose, so that a regression, a
// slow share or a freeze of known size can be put into it. The zero value and
// nil add none. Faults are safe for concurrent use.
type Faults struct {
	text  string
	rules []*faultRule
	start time.Time
}

// faultRule is one delay for the requests under one prefix. Exactly one of
// fixed, share and stall is its kind.
type faultRule struct {
	prefix string        // of the URL's path or the gRPC method's full name; "" is every request
	fixed  time.Duration // added to every request
	share  float64       // of requests that slow is added to
	slow   time.Duration
	stall  time.Duration // the last part of every period, during which nothing goes on
	period time.Duration
	seen   atomic.Uint64 // requests of a share rule so far
}

// ParseFaults reads delays, separated by commas:
//
//	fixed=20ms            every request takes 20 ms longer
//	share=0.05:100ms      5% of the requests, picked by a fixed seed, take 100 ms longer
//	stall=200ms/2s        in every 2 s the service freezes for the last 200 ms
//	/search:fixed=20ms    only requests whose path starts with /search
//
// A prefix is compared with the path of a URL and with the full name of a gRPC
// method, such as /harness.retrieval.v1.Retrieval/Search; each message that a
// client sends on a stream is a request. Delays that match the same request add
// up. A request that arrives during a freeze waits until
// its end. The first period starts now. The empty string is no fault.
func ParseFaults(s string) (*Faults, error) {
	f := &Faults{text: strings.TrimSpace(s), start: time.Now()}
	if f.text == "" {
		return f, nil
	}
	for part := range strings.SplitSeq(f.text, ",") {
		r, err := parseFault(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("fault %q: %w", part, err)
		}
		f.rules = append(f.rules, r)
	}
	return f, nil
}

func parseFault(s string) (*faultRule, error) {
	r := &faultRule{}
	if strings.HasPrefix(s, "/") {
		prefix, rest, ok := strings.Cut(s, ":")
		if !ok {
			return nil, fmt.Errorf("the prefix %s names no delay; want %s:fixed=20ms", prefix, prefix)
		}
		r.prefix, s = prefix, rest
	}
	name, value, _ := strings.Cut(s, "=")
	switch name {
	case "fixed":
		return r, parsePositive(value, &r.fixed)
	case "share":
		share, slow, ok := strings.Cut(value, ":")
		x, err := strconv.ParseFloat(share, 64)
		if !ok || err != nil || !(x > 0 && x <= 1) {
			return nil, fmt.Errorf("want share=P:DURATION with a ratio P above 0 and at most 1, such as share=0.05:100ms")
		}
		r.share = x
		return r, parsePositive(slow, &r.slow)
	case "stall":
		stall, period, ok := strings.Cut(value, "/")
		if !ok {
			return nil, fmt.Errorf("want stall=DURATION/PERIOD, such as stall=200ms/2s")
		}
		if err := parsePositive(stall, &r.stall); err != nil {
			return nil, err
		}
		if err := parsePositive(period, &r.period); err != nil {
			return nil, err
		}
		if r.stall >= r.period {
			return nil, fmt.Errorf("a freeze of %v in every %v never ends; want a longer period", r.stall, r.period)
		}
		return r, nil
	}
	return nil, fmt.Errorf("unknown kind %q; want fixed=20ms, share=0.05:100ms or stall=200ms/2s", name)
}

func parsePositive(s string, d *time.Duration) error {
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 || v > time.Hour {
		return fmt.Errorf("duration %q: want a Go duration above 0 and at most 1h, such as 20ms", s)
	}
	*d = v
	return nil
}

// String returns what was parsed.
func (f *Faults) String() string {
	if f == nil {
		return ""
	}
	return f.text
}

// Wait delays a request to a path or gRPC method by what the rules say. It
// returns early, with the context's error, when the request is given up.
func (f *Faults) Wait(ctx context.Context, path string) error {
	if f == nil || len(f.rules) == 0 {
		return nil
	}
	d := f.delay(path)
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Faults) delay(path string) time.Duration {
	var d, freeze time.Duration
	for _, r := range f.rules {
		if !strings.HasPrefix(path, r.prefix) {
			continue
		}
		switch {
		case r.fixed > 0:
			d += r.fixed
		case r.share > 0:
			if uniform(r.seen.Add(1)) < r.share {
				d += r.slow
			}
		default:
			if at := time.Since(f.start) % r.period; at >= r.period-r.stall {
				freeze = max(freeze, r.period-at)
			}
		}
	}
	return d + freeze
}

// uniform maps a request's number to [0, 1) by the finaliser of SplitMix64
// (Steele, Lea and Flood, 2014), so that the same requests are slow in every
// run.
func uniform(n uint64) float64 {
	z := n * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>11) / (1 << 53)
}
