"""What limits trust in a round: the codes and limits of the sdk for Go.

docs/run-document.md has the codes, docs/validity.md where the limits come from.
"""

import math

from . import arrivals

ACHIEVED = 0.99  # of the scheduled ops of an open loop have to be sent
WAITED = 0.5  # of them finding no idle worker makes a backlog at the end a rate that was not sustained
LAG = 0.1  # of the response may be the generator's lag, at each quantile
FROZEN = 1.0  # s that a timer of 50 ms may be late
PAUSED = 0.005  # of the round may be garbage collection

# Lags that any machine has, and that make a round a caution only: quantile, s.
# They are above those of the loop in Go, which spins for the last microseconds:
# a thread that spins here keeps the interpreter from all others, so every op
# is late by the kernel's timer. On two cores with empty ops at 100 to 3,000/s
# the lag of 16 rounds was 37-110 µs at p50, 99-174 at p95 and 144-426 at p99,
# but for two rounds of 1.0 and 2.8 ms: those are found.
FLOORS = ((0.5, 150e-6), (0.95, 300e-6), (0.99, 600e-6))


def quantiles(histogram, *qs):
    """Quantiles in s, None below the samples they need: q^n <= 0.01."""
    found = histogram.get_percentile_to_value_dict([100 * q for q in qs])
    enough = [histogram.get_total_count() >= math.ceil(math.log(0.01) / math.log(q)) for q in qs]
    return [found[100 * q] / 1e9 if ok else None for q, ok in zip(qs, enough)]


def judge(r, s):
    """The findings about round r, whose parts were summed up as s: (level, code, message)."""
    found = _counts(r, s)
    if r.rate is not None:
        found += _rate(r, s) + _lag(s)
    if (why := arrivals.judge(r.gaps())) is not None:
        found.append(("caution", "arrivals", why))
    if r.frozen > FROZEN:
        found.append(("caution", "frozen", f"the plugin's threads did not run for {r.frozen:.1f} s: the process was stopped or starved of CPU, "
                      "or an op held the interpreter's lock, and the ops of that time show it"))
    found += _garbage(r.garbage, r.elapsed_ns(s))
    if s.overflow:
        found.append(("caution", "overflow", f"{s.overflow} latencies were above 1m0s and are counted at that"))
    for what, n in sorted(s.dropped.items()):
        found.append(("caution", "values", f"{n} values of {what}: not used"))
    return found


def _counts(r, s):
    found = []
    if r.scheduled != s.ok + s.failed + s.timed_out + s.skipped:
        found.append(("invalid", "identity", f"{r.scheduled} ops scheduled, but {s.ok} ok + {s.failed} failed + {s.timed_out} timed out + {s.skipped} skipped"))
    if s.ok == 0:
        why = f"none of {r.scheduled} ops succeeded" if r.scheduled else "no op was scheduled"
        found.append(("invalid", "no_success", "; ".join([why, *list(s.samples.values())[:1]])))
    return found


def _rate(r, s):
    """Whether the ops of an open loop were sent at their rate. One sent after the
    schedule was over did not come at it either; a short stall at the end leaves
    such ops too, but there most had found an idle worker."""
    sent = r.scheduled - s.skipped
    in_time = sent - min(sent, s.backlog)
    if sent < ACHIEVED * r.scheduled:
        return [("invalid", "under_achieved", f"{sent} of {r.scheduled} scheduled ops were sent ({sent / r.scheduled:.1%}), "
                 f"want {100 * ACHIEVED:g}%: lower the rate or allow more in flight")]
    if in_time >= ACHIEVED * r.scheduled:
        return []
    if s.waited >= WAITED * r.scheduled:
        return [("invalid", "under_achieved", f"{in_time} of {r.scheduled} scheduled ops were sent before the schedule was over ({in_time / r.scheduled:.1%}), "
                 f"want {100 * ACHIEVED:g}%: the rate is more than was sustained; lower it or allow more in flight")]
    return [("caution", "backlog", f"{s.backlog} of {r.scheduled} ops were still waiting when the schedule was over: the target was slow at the end of the round")]


def _lag(s):
    """The first quantile at which the lag is invalid, else the first that is a caution."""
    qs = [q for q, _ in FLOORS]
    found = []
    for (q, floor), lag, response in zip(FLOORS, quantiles(s.clocks["lag"], *qs), quantiles(s.clocks["response"], *qs)):
        if lag is None or lag <= LAG * (response or 0):
            continue
        found.append(("invalid" if lag > floor else "caution", "lag",
                      f"at p{100 * q:g} the generator's lag is {1e3 * lag:.3g} ms and the response {1e3 * (response or 0):.3g} ms, "
                      f"want at most {100 * LAG:g}% of it: lower the rate or free the machine"))
    return sorted(found, key=lambda f: f[0] != "invalid")[:1]


def _garbage(g, elapsed):
    if elapsed <= 0 or g.paused / elapsed <= PAUSED:
        return []
    return [("caution", "gc", f"garbage collection stopped the plugin's process for {g.paused / elapsed:.1%} of the round "
             f"({g.number} collections, the longest pause {g.longest / 1e6:.3g} ms): make fewer objects that refer to each other in an op, or call gc.disable() in setup")]
