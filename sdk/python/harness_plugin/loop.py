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

from .errors import Failed

LOWEST, HIGHEST, DIGITS = 1, 60_000_000_000, 3  # ns
CLOCKS = ("response", "service", "lag", "wait")
SAMPLES, SAMPLE_LENGTH = 8, 300
NAP = 0.05  # s; how late an idle worker notices that the round was cancelled


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
        self.errors, self.samples, self.values, self.dropped = {}, {}, {}, 0
        self.end = 0

    def time(self, clock, ns):
        if ns > HIGHEST:
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
        self.give_up = self.end + plan.drain.ToNanoseconds() / 1e9
        self.parts = [Part() for _ in range(max(1, plan.workers))]

    def run(self):
        self.start_ns = time.perf_counter_ns()
        work = self._closed if self.plan.model == "closed" else self._open
        threads = [threading.Thread(target=work, args=(w, p), daemon=True) for w, p in enumerate(self.parts)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

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
                part.dropped += 1
                continue
            n, total, low, high = part.values.get(name, (0, 0.0, math.inf, -math.inf))
            part.values[name] = (n + 1, total + x, min(low, x), max(high, x))


def sum_up(r):
    """The parts of a round as one."""
    out = Part()
    for p in r.parts:
        for name, h in p.clocks.items():
            out.clocks[name].add(h)
        for name in ("ok", "failed", "timed_out", "skipped", "overflow", "dropped"):
            setattr(out, name, getattr(out, name) + getattr(p, name))
        for cls, n in p.errors.items():
            out.errors[cls] = out.errors.get(cls, 0) + n
        for cls, text in p.samples.items():
            out.samples.setdefault(cls, text)
        for name, (n, total, low, high) in p.values.items():
            m, t, l, h = out.values.get(name, (0, 0.0, math.inf, -math.inf))
            out.values[name] = (m + n, t + total, min(l, low), max(h, high))
        out.end = max(out.end, p.end)
    return out
