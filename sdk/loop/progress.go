package loop

import "time"

const progressEvery = 200 * time.Millisecond

// report calls f until the run is over, and once more then.
func (r *run) report(f func(Progress)) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	var last Progress
	for over := false; !over; {
		select {
		case <-r.done:
			over = true
		case <-tick.C:
		}
		p := r.progress(last)
		f(p)
		last = p
	}
}

// progress looks at the records so far. Each recorder is locked for the copy
// of 8 KiB of counts.
func (r *run) progress(last Progress) Progress {
	p := Progress{Warmup: r.warmup}
	var all liveCounts
	for _, c := range r.recorders {
		c.mu.Lock()
		live, failed, done := c.live, c.failed+c.timedOut, c.ok+c.failed+c.timedOut
		c.mu.Unlock()
		p.Failed += failed
		p.Done += done
		for i, n := range live {
			all[i] += n
		}
	}
	p.Elapsed = time.Since(r.base)
	if passed := p.Elapsed - last.Elapsed; passed > 0 {
		p.Rate = float64(p.Done-last.Done) / passed.Seconds()
	}
	p.P95 = all.quantile(0.95)
	return p
}
