package vector

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/benchharness/harness/sdk"
)

// BenchmarkSearch is ops on the presets over loopback, with the reference
// server in the same process, by one user, eight and a hundred.
func BenchmarkSearch(b *testing.B) {
	for _, preset := range presets() {
		for _, users := range []int{1, 8, 100} {
			b.Run(fmt.Sprintf("%s/users=%d", preset.Name, users), func(b *testing.B) {
				srv := start(b, "", nil)
				r := request(b, srv.target, preset.With)
				r.MaxWorkers = users
				s := prepare(b, r)
				ops(b, s, users)
			})
		}
	}
}

// BenchmarkConnections is a hundred users over more and more connections.
func BenchmarkConnections(b *testing.B) {
	srv := start(b, "", nil)
	for _, n := range []int{1, 2, 4, 7, 16, 50, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := request(b, srv.target, map[string]any{"connections": n})
			r.MaxWorkers = 100
			ops(b, prepare(b, r), 100)
		})
	}
}

// ops spreads b.N ops over users.
func ops(b *testing.B, s *session, users int) {
	b.Helper()
	workers := make([]sdk.Worker, users)
	for n := range workers {
		workers[n] = workerOf(b, s, n)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for n, w := range workers {
		wg.Go(func() {
			var op sdk.Op
			for i := n; i < b.N; i += users {
				op.Begin(uint64(i), uint64(i), time.Time{})
				if err := w.Do(b.Context(), &op); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	for _, f := range s.figures {
		if f.Unit == "ratio" {
			b.ReportMetric(f.Value, "recall")
		}
	}
}

// BenchmarkPrepare is what the default suite waits for.
func BenchmarkPrepare(b *testing.B) {
	for _, preset := range presets() {
		b.Run(preset.Name, func(b *testing.B) {
			srv := start(b, "", nil)
			for b.Loop() {
				s, err := setup(b.Context(), request(b, srv.target, preset.With))
				if err != nil {
					b.Fatal(err)
				}
				for _, f := range s.(*session).figures {
					b.ReportMetric(f.Value, f.Name)
				}
				closeSession(b, s)
			}
		})
	}
}

// BenchmarkCheck is what checking an answer and its recall cost an op.
func BenchmarkCheck(b *testing.B) {
	srv := start(b, "", nil)
	s := prepare(b, request(b, srv.target, small(nil)))
	w := s.newWorker()
	if err := w.query(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.judge(0); err != nil {
			b.Fatal(err)
		}
	}
}
