package probe

import (
	"context"
	"sync"
	"time"
)

// DefaultInterval is the time between two samples.
const DefaultInterval = 100 * time.Millisecond

// Options say what a [Sampler] watches besides the host and its GPUs.
type Options struct {
	// Interval is the time between two samples; default [DefaultInterval].
	Interval time.Duration
	// Trees are process trees by name. The function returns the ids of the
	// tree's roots and is called for every sample, so that it may answer
	// differently when a process is replaced. Its gauges are NAME.cpu and
	// NAME.memory. See [Pids] for roots that never change.
	Trees map[string]func() []int32
	// Processes are like Trees, without what the processes started.
	Processes map[string]func() []int32
}

// Pids makes the roots of a tree from ids that are known now.
func Pids(ids ...int32) func() []int32 { return func() []int32 { return ids } }

// Sampler reads gauges. Its methods are safe for concurrent use.
type Sampler struct {
	interval time.Duration
	epoch    time.Time

	mu         sync.Mutex
	collectors []*scheduled
	defs       []def
	points     []point
	windows    map[*Window]bool

	cancel context.CancelFunc
	done   chan struct{}
}

// collector reads a fixed set of gauges.
type collector interface {
	// defs is called once.
	defs() []def
	// read fills one point per def. at is the reading's time in seconds, the
	// same for all, by which counters are divided: so a gauge's average times
	// the window's length is exactly what its counter grew. boundary says that
	// a window opens or closes.
	read(at float64, out []point, boundary bool)
	close()
}

// scheduled is a collector with the least time between two of its readings:
// some cost a process each on systems without /proc.
type scheduled struct {
	collector
	every time.Duration
	last  time.Duration
	from  int
	to    int
}

// New returns a sampler that does nothing until [Sampler.Start] or
// [Sampler.Open].
func New(o Options) *Sampler {
	return newSampler(o, append(hostCollectors(), treeCollectors(o)...), func() collector {
		return newGPUCollector(sharedGPUs())
	})
}

func newSampler(o Options, list []*scheduled, gpus func() collector) *Sampler {
	if o.Interval <= 0 {
		o.Interval = DefaultInterval
	}
	s := &Sampler{interval: o.Interval, epoch: time.Now(), windows: map[*Window]bool{}}
	if gpus != nil {
		list = append(list, &scheduled{collector: &lazy{open: gpus}})
	}
	s.collectors = list
	return s
}

// Start samples until ctx ends or [Sampler.Stop] is called. It must be called
// at most once.
func (s *Sampler) Start(ctx context.Context) {
	ctx, s.cancel = context.WithCancel(ctx)
	s.done = make(chan struct{})
	go s.run(ctx)
}

// Stop ends sampling, waits for it and releases what the sampler holds.
// Windows can no longer be opened; those that are open can be closed before
// Stop only.
func (s *Sampler) Stop() {
	if s.cancel != nil {
		s.cancel()
		<-s.done
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.collectors {
		c.close()
	}
	s.collectors = nil
}

func (s *Sampler) run(ctx context.Context) {
	defer close(s.done)
	t := time.NewTicker(s.interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.tick()
		}
	}
}

// tick reads the gauges for the open windows; without one it reads nothing,
// so that an idle sampler costs nothing.
func (s *Sampler) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.windows) == 0 {
		return
	}
	at := s.read(false)
	for w := range s.windows {
		w.tick(at, s.points)
	}
}

// read refreshes s.points and returns when.
func (s *Sampler) read(boundary bool) time.Time {
	s.prepare()
	start := time.Now()
	since := start.Sub(s.epoch)
	for _, c := range s.collectors {
		if !boundary && c.last > 0 && since-c.last < c.every-s.interval/2 {
			continue
		}
		c.last = since
		c.read(since.Seconds(), s.points[c.from:c.to], boundary)
	}
	return start
}

// prepare asks the collectors for their gauges, the first time.
func (s *Sampler) prepare() {
	if s.defs != nil {
		return
	}
	for _, c := range s.collectors {
		c.from = len(s.defs)
		s.defs = append(s.defs, c.defs()...)
		c.to = len(s.defs)
	}
	s.points = make([]point, len(s.defs))
}

// lazy is a collector that is made when it is first asked: NVML's
// initialisation takes tens of milliseconds and is for runs that sample.
type lazy struct {
	open func() collector
	collector
}

func (l *lazy) defs() []def {
	l.collector = l.open()
	return l.collector.defs()
}

func (l *lazy) close() {
	if l.collector != nil {
		l.collector.close()
	}
}
