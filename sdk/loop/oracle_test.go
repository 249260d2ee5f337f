package loop

import (
	"bufio"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/benchharness/harness/sdk"
)

// The stall oracle: a server that freezes for 200 ms in every 2 s is offered
// 1,000 requests a second through 16 workers. A tenth of the requests arrive
// in a freeze, evenly spread, and are answered at its end. So p95 is 100 ms, p99
// 180 ms and the largest 200 ms. A generator that measures from the send, or
// that sends later because answers are late, reports a few milliseconds.
const (
	stallPeriod = 2 * time.Second
	stallLength = 200 * time.Millisecond
	stallRate   = 1000
)

func stallPlan(periods int) Plan {
	return Plan{Model: Constant, Rate: stallRate, Workers: 16, Duration: time.Duration(periods) * stallPeriod}
}

// within5 says whether p95 and p99 are within 5% of the exact ones.
func within5(h *hdrhistogram.Histogram, p95, p99 time.Duration) bool {
	ok := func(got, want time.Duration) bool { return (got - want).Abs() <= want/20 }
	return ok(quantile(h, 0.95), p95) && ok(quantile(h, 0.99), p99)
}

func TestStallOracleOnVirtualTimeIsExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := time.Now()
		do := func(context.Context, *sdk.Op) error {
			if phase := time.Since(base) % stallPeriod; phase < stallLength {
				time.Sleep(stallLength - phase)
			}
			return nil
		}
		res, err := virtual(do).Round(t.Context(), stallPlan(5), nil)
		checkRecords(t, res)
		if err != nil || res.Counts != (Counts{Scheduled: 10_000, OK: 10_000}) || len(res.Validity) > 0 {
			t.Fatalf("%+v, %v, %v", res.Counts, res.Validity, err)
		}
		k := res.Clocks
		for q, want := range map[float64]time.Duration{0.9: 0, 0.95: 100 * time.Millisecond, 0.99: 180 * time.Millisecond, 1: 200 * time.Millisecond} {
			// One op in a thousand is one millisecond of the stall.
			if got := quantile(k.Response, q); (got - want).Abs() > time.Millisecond+want/1000 {
				t.Errorf("p%g is %s, want %s", 100*q, got, want)
			}
		}
		if k.Lag.Max() != 0 {
			t.Errorf("lag of up to %d ns on virtual time", k.Lag.Max())
		}
		// The check of the check: measured from the send, the stall vanishes.
		if within5(k.Service, 100*time.Millisecond, 180*time.Millisecond) {
			t.Error("the oracle does not tell service from response")
		}
	})
}

// stallServer answers every byte with one, except during its freezes.
type stallServer struct {
	listener net.Listener
	done     sync.WaitGroup

	mu     sync.Mutex
	frozen bool
	thawed *sync.Cond
	stalls [][2]time.Time // when freezes really began and ended
}

func startStallServer(t *testing.T) *stallServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stallServer{listener: l}
	s.thawed = sync.NewCond(&s.mu)
	s.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.done.Go(func() { s.serve(c) })
		}
	})
	return s
}

func (s *stallServer) serve(c net.Conn) {
	defer c.Close()
	var b [1]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
		s.mu.Lock()
		for s.frozen {
			s.thawed.Wait()
		}
		s.mu.Unlock()
		if _, err := c.Write(b[:]); err != nil {
			return
		}
	}
}

// freeze freezes periodically until ctx ends, and logs when.
func (s *stallServer) freeze(ctx context.Context, tick *time.Ticker) {
	for {
		s.mu.Lock()
		s.frozen = true
		s.stalls = append(s.stalls, [2]time.Time{time.Now()})
		s.mu.Unlock()
		time.Sleep(stallLength) // the freeze itself
		s.mu.Lock()
		s.frozen = false
		s.stalls[len(s.stalls)-1][1] = time.Now()
		s.mu.Unlock()
		s.thawed.Broadcast()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// exact computes the quantiles of the response times that the logged freezes
// impose on the ops of a plan that started at a moment.
func (s *stallServer) exact(p Plan, started time.Time) (p95, p99 time.Duration) {
	var all []time.Duration
	for i := range uint64(p.Duration.Seconds() * p.Rate) {
		at := started.Add(constantStart(i, p.Rate))
		var d time.Duration
		for _, f := range s.stalls {
			if !at.Before(f[0]) && at.Before(f[1]) {
				d = f[1].Sub(at)
			}
		}
		all = append(all, d)
	}
	slices.Sort(all)
	return all[len(all)*95/100-1], all[len(all)*99/100-1]
}

// stallSession logs, by index, when each op ended.
type stallSession struct {
	address string
	ended   []time.Time
}

func (s *stallSession) Worker(context.Context, int) (sdk.Worker, error) {
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		return nil, err
	}
	return &stallWorker{s: s, c: c, r: bufio.NewReader(c)}, nil
}
func (*stallSession) Close(context.Context) error { return nil }

// seen computes the quantiles of the response from the log of ends.
func (s *stallSession) seen(p Plan, started time.Time) (p95, p99 time.Duration) {
	var all []time.Duration
	for i, end := range s.ended {
		all = append(all, end.Sub(started.Add(constantStart(uint64(i), p.Rate))))
	}
	slices.Sort(all)
	return all[len(all)*95/100-1], all[len(all)*99/100-1]
}

type stallWorker struct {
	s *stallSession
	c net.Conn
	r *bufio.Reader
}

func (w *stallWorker) Do(_ context.Context, op *sdk.Op) error {
	if _, err := w.c.Write([]byte{1}); err != nil {
		return err
	}
	_, err := w.r.ReadByte()
	w.s.ended[op.Index] = time.Now()
	return err
}
func (w *stallWorker) Close() error { return w.c.Close() }

// On real time the exact answer depends on the machine: it may thaw late, and
// answers may be read late. So the response has to be within 5% of what a log
// of the ops' ends gives, and no less than the server's log of its freezes
// imposes.
func TestStallOracleAgainstARealServer(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 6 s of real time")
	}
	plan := stallPlan(3)
	server := startStallServer(t)
	session := &stallSession{address: server.listener.Addr().String(), ended: make([]time.Time, 6000)}
	d := New(session, nil)
	ctx, cancel := context.WithCancel(t.Context())
	tick := time.NewTicker(stallPeriod)
	defer tick.Stop()
	server.done.Go(func() { server.freeze(ctx, tick) })

	res, err := d.Round(t.Context(), plan, nil)
	cancel()
	if err := errors.Join(d.Close(), server.listener.Close()); err != nil {
		t.Error(err)
	}
	server.done.Wait()
	checkRecords(t, res)
	if err != nil || res.Counts != (Counts{Scheduled: 6000, OK: 6000}) {
		t.Fatalf("%+v, %v", res.Counts, err)
	}
	p95, p99 := session.seen(plan, res.Started)
	least95, least99 := server.exact(plan, res.Started)
	k := res.Clocks
	got95, got99 := quantile(k.Response, 0.95), quantile(k.Response, 0.99)
	t.Logf("response p95 %s p99 %s; by the ops' log %s %s, by the freezes %s %s; service %s %s; lag p50 %s p99 %s",
		got95, got99, p95, p99, least95, least99,
		quantile(k.Service, 0.95), quantile(k.Service, 0.99), quantile(k.Lag, 0.5), quantile(k.Lag, 0.99))
	if !within5(k.Response, p95, p99) {
		t.Errorf("response p95 %s and p99 %s, want %s and %s within 5%%", got95, got99, p95, p99)
	}
	if got95 < least95*95/100 || got99 < least99*95/100 {
		t.Errorf("response p95 %s and p99 %s, want at least %s and %s", got95, got99, least95, least99)
	}
	// The check of the check, as on virtual time.
	if within5(k.Service, p95, p99) || quantile(k.Service, 0.95) >= least95*95/100 {
		t.Error("the oracle does not tell service from response")
	}
}
