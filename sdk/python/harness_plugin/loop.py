"""The load of one round, and its four clocks.

response = done - intended start; service = done - send; lag = dispatch - the
later of the intended start and the moment when a worker was idle; wait = the
rest: a free worker was missing. scheduled = ok + failed + timed out + skipped.
"""

import itertools
import math
import random
import threading
import time

from hdrh.histogram import HdrHistogram

from .arrivals import Arrivals
from .errors import Failed
from .garbage import Garbage

LOWEST, HIGHEST, DIGITS = 1, 60_000_000_000, 3  # ns
CLOCKS = ("response", "service", "lag", "wait")
SAMPLES, SAMPLE_LENGTH = 8, 300
CLASSES = 64  # of values that cannot be used
NAP = 0.05  # s; how late an idle worker notices that the round was cancelled
DRAIN = 5.0  # s that a backlog may run on, where neither the plan nor the limit of an op says


class Op:
    """One op of a worker. Times are those of time.perf_counter_ns."""

    def __init__(self, number, worker, deadline, cancelled):
        self.number, self.worker, self.deadline, self._cancelled = number, worker, deadline, cancelled
        self.sent, self.values = None, []

    @property
    def cancelled(self):
        """Whether the round is over. An op that takes long should look."""
        return self._cancelled.is_set()

    def send(self):
        """Stamps the moment when the work leaves for the target, where that is later than the op's start."""
        self.sent = time.perf_counter_ns()

    def record(self, name, value):
        """Records a metric that the benchmark declares. Only those of ok ops count."""
        self.values.append((name, float(value)))


class Part:
    """What one worker has seen."""

    def __init__(self):
        self.clocks = {c: HdrHistogram(LOWEST, HIGHEST, DIGITS) for c in CLOCKS}
        self.ok = self.failed = self.timed_out = self.skipped = self.overflow = 0
        self.waited = self.backlog = 0  # ops that found no idle worker; of those, still waiting when the schedule was over
        self.errors, self.samples, self.values, self.dropped = {}, {}, {}, {}
        self.end = 0

    def time(self, clock, ns):
        if ns > HIGHEST and clock == "response":  # of the others it is a part
            self.overflow += 1
        self.clocks[clock].record_value(min(max(int(ns), LOWEST), HIGHEST))

    def error(self, cls, message):
        self.samples.setdefault(cls, f"{cls}: {message}"[:SAMPLE_LENGTH])


class Rate:
    """How many ops are intended until when, of a plan: the integral of its rate."""

    def __init__(self, plan, measured):
        stages = [(s.duration.ToNanoseconds() / 1e9, getattr(s, "from"), s.to) for s in plan.stages]
        self.parts, at, ops = [], 0.0, 0.0  # (begins at s, ops before, rate, slope)
        for length, low, high in stages:
            self.parts.append((at, ops, low, (high - low) / length))
            at, ops = at + length, ops + (low + high) / 2 * length
        self.length = at
        self.arrivals = list(itertools.accumulate(g / 1e9 for g in plan.gaps))
        self.rate = plan.rate
        if not measured and stages:
            self.rate = stages[0][1] or ops / at
        if not measured and self.arrivals:
            self.rate = len(self.arrivals) / max(self.arrivals[-1], 1e-9)
        if not measured:
            self.parts, self.arrivals = [], []

    def when(self, n):
        """The time in s at which n ops are intended; inf if never."""
        if self.arrivals:
            return self.arrivals[n] if n < len(self.arrivals) else math.inf
        if not self.parts:
            return n / self.rate
        at, ops, rate, slope = next(p for p in reversed(self.parts) if p[1] <= n)
        m = n - ops
        root = math.sqrt(max(0.0, rate * rate + 2 * slope * m))
        x = at if m == 0 else at + 2 * m / (rate + root) if rate + root else math.inf
        return x if x < self.length else math.inf

    def until(self, t):
        """How many ops are intended until t, in s."""
        if not self.parts:
            return t * self.rate
        at, ops, rate, slope = next(p for p in reversed(self.parts) if p[0] <= max(t, 0.0))
        d = min(t, self.length) - at
        return ops + (rate + slope * d / 2) * d


class Round:
    """One part of a round: its warm-up, or its measured part."""

    def __init__(self, plan, op, metrics, cancelled, duration, ops, measured=True):
        self.plan, self.op, self.metrics, self.cancelled = plan, op, metrics, cancelled
        self.limit = duration if duration > 0 else math.inf  # s, of intended or real starts
        self.ops = ops or math.inf
        self.rate = None if plan.model == "closed" else Rate(plan, measured)
        self.think, self.late = plan.think.ToNanoseconds() / 1e9, plan.skip_late.ToNanoseconds() or math.inf
        self.lock = threading.Lock()
        self.next, self.start_ns, self.scheduled = 0, 0, 0
        self.random, self.drawn = random.Random(f"{plan.seed}/{plan.round}"), 0.0
        self.timeout_ns = plan.op_timeout.ToNanoseconds() or math.inf
        self.end = self.scheduled_end()
        self.give_up = self.end + (plan.drain.ToNanoseconds() / 1e9 or plan.op_timeout.ToNanoseconds() / 1e9 or DRAIN)
        self.arrivals = None
        if measured and plan.model == "poisson":
            length = min(self.limit, self.rate.length or math.inf)
            self.arrivals = Arrivals(min(self.ops, self.rate.until(length)), f"{plan.seed}/{plan.round}")
        self.garbage = Garbage()  # entered by whoever runs a measured round
        self.frozen = 0.0  # s; longest time in which the thread that watches did not get to run
        self.parts = [Part() for _ in range(max(1, plan.workers))]

    def run(self):
        self.start_ns = time.perf_counter_ns()
        work = self._closed if self.plan.model == "closed" else self._open
        threads = [threading.Thread(target=work, args=(w, p), daemon=True) for w, p in enumerate(self.parts)]
        last = self.start_ns  # an op may keep the lock from before its thread's start returns
        for t in threads:
            t.start()
        for t in threads:
            while t.is_alive():
                t.join(NAP)
                now = time.perf_counter_ns()
                self.frozen, last = max(self.frozen, (now - last) / 1e9), now

    def gaps(self):
        """The gaps between ops as they were sent, in ops that were intended meanwhile."""
        if self.arrivals is None:
            return []
        def intended(ns):
            return self.rate.until((ns - self.start_ns) / 1e9)
        return [abs(intended(b) - intended(a)) for a, b in self.arrivals.gaps()]

    def elapsed_ns(self, s):
        """The length of the round whose parts were summed up as s: of a closed loop
        until a worker's last op ended, as the mean of the workers; of an open one
        until the last op ended, and at least as long as its schedule."""
        if self.rate is None:
            ends = [p.end - self.start_ns for p in self.parts if p.end]
            return sum(ends) // len(ends) if ends else 0
        return max(s.end - self.start_ns, int(self.end * 1e9))

    def scheduled_end(self):
        """When the last op of an open loop is intended, in s, at the latest or on average."""
        if self.rate is None:
            return self.limit
        if self.rate.arrivals:
            return min(self.limit, self.rate.arrivals[int(min(self.ops, len(self.rate.arrivals))) - 1])
        end = min(self.limit, self.rate.length if self.rate.parts else math.inf)
        return min(end, self.rate.when(self.ops - 1)) if self.ops < math.inf else end

    def elapsed(self):
        return (time.perf_counter_ns() - self.start_ns) / 1e9

    def done(self):
        return sum(p.ok + p.failed + p.timed_out for p in self.parts), sum(p.failed + p.timed_out for p in self.parts)

    def _take(self):
        """The next op: its number and its intended start in seconds, or None."""
        with self.lock:
            i = self.next
            if i >= self.ops:
                return None
            if self.rate is None:
                at = self.elapsed()
            elif self.plan.model == "poisson":
                self.drawn += self.random.expovariate(1.0)
                at = self.rate.when(self.drawn)
            else:
                at = self.rate.when(i)
            if at >= self.limit or math.isinf(at) or self.cancelled.is_set():
                self.ops = i  # a draw is not taken back
                return None
            self.next, self.scheduled = i + 1, self.scheduled + 1
            return i, at

    def _closed(self, worker, part):
        while (taken := self._take()) is not None:
            now = time.perf_counter_ns()
            self._do(taken[0], worker, part, now, now)
            if self.think:
                self.cancelled.wait(self.think)

    def _open(self, worker, part):
        while True:
            idle = time.perf_counter_ns()
            if (taken := self._take()) is None:
                return
            intended = self.start_ns + int(taken[1] * 1e9)
            while (left := (intended - time.perf_counter_ns()) / 1e9) > 0 and not self.cancelled.is_set():
                time.sleep(min(left, NAP))
            now = time.perf_counter_ns()
            late = idle > intended and now - intended >= self.late
            if late or self.cancelled.is_set() or (now - self.start_ns) / 1e9 > self.give_up:
                part.skipped += 1
                part.time("response", now - intended)
                continue
            if idle > intended:
                part.waited += 1
                part.backlog += (now - self.start_ns) / 1e9 > self.end
            self._do(taken[0], worker, part, intended, idle)

    def _do(self, number, worker, part, intended, idle):
        dispatch = time.perf_counter_ns()
        op = Op(number, worker, dispatch + self.timeout_ns, self.cancelled)
        cls = message = None
        try:
            self.op(op)
        except Failed as e:
            cls, message = e.cls, str(e)
        except Exception as e:  # whatever a benchmark's code raises is a failed op
            cls, message = type(e).__name__, str(e)
        done = part.end = time.perf_counter_ns()
        send = op.sent or dispatch
        if self.arrivals is not None:
            self.arrivals.sent(number, send)
        ready = max(intended, idle)
        part.time("lag", dispatch - ready)
        part.time("wait", (ready - intended) + (send - dispatch))
        if done - dispatch > self.timeout_ns:
            part.timed_out += 1
            part.error("timeout", message or f"took more than {self.timeout_ns / 1e9:g} s")
        elif cls is not None:
            part.failed += 1
            part.errors[cls] = part.errors.get(cls, 0) + 1
            part.error(cls, message)
            return
        else:
            part.ok += 1
            self._values(op, part)
        part.time("response", done - intended)
        part.time("service", done - send)

    def _values(self, op, part):
        for name, x in op.values:
            if name not in self.metrics or not math.isfinite(x):
                what = f'metric "{name}": ' + ("not finite" if name in self.metrics else "not declared")
                if what in part.dropped or len(part.dropped) < CLASSES:
                    part.dropped[what] = part.dropped.get(what, 0) + 1
                continue
            n, total, low, high = part.values.get(name, (0, 0.0, math.inf, -math.inf))
            part.values[name] = (n + 1, total + x, min(low, x), max(high, x))


def sum_up(r):
    """The parts of a round as one."""
    out = Part()
    for p in r.parts:
        for name, h in p.clocks.items():
            out.clocks[name].add(h)
        for name in ("ok", "failed", "timed_out", "skipped", "overflow", "waited", "backlog"):
            setattr(out, name, getattr(out, name) + getattr(p, name))
        for cls, n in p.errors.items():
            out.errors[cls] = out.errors.get(cls, 0) + n
        for what, n in p.dropped.items():
            out.dropped[what] = out.dropped.get(what, 0) + n
        for cls, text in p.samples.items():
            out.samples.setdefault(cls, text)
        for name, (n, total, low, high) in p.values.items():
            m, t, l, h = out.values.get(name, (0, 0.0, math.inf, -math.inf))
            out.values[name] = (m + n, t + total, min(l, low), max(h, high))
        out.end = max(out.end, p.end)
    return out
