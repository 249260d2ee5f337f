"""Tests of the load models. They need only what the sdk needs: make test."""

import math
import threading
import time
import unittest

from google.protobuf.duration_pb2 import Duration
from harness.plugin.v1 import plugin_pb2 as pb

from harness_plugin.loop import Rate, Round, sum_up


def plan(**fields):
    for name in ("duration", "warmup", "drain", "think", "skip_late", "op_timeout"):
        if name in fields:
            fields[name] = seconds(fields[name])
    return pb.LoadPlan(workers=fields.pop("workers", 1), **fields)


def seconds(x):
    d = Duration()
    d.FromNanoseconds(int(x * 1e9))
    return d


def stage(length, low, high):
    return pb.Stage(**{"duration": seconds(length), "from": low, "to": high})


class IntendedStarts(unittest.TestCase):
    def starts(self, p, n):
        r = Rate(p, measured=True)
        return [r.when(i) for i in n]

    def test_constant(self):
        self.assertEqual(self.starts(plan(model="constant", rate=4), (0, 1, 8)), [0, 0.25, 2])

    def test_a_ramp_from_zero(self):  # n = 250 t²
        for got, want in zip(self.starts(plan(model="constant", stages=[stage(2, 0, 1000)]), (0, 10, 250, 999, 1000)), (0, 0.2, 1, math.sqrt(999 / 250), math.inf)):
            self.assertAlmostEqual(got, want, places=9)

    def test_a_pause(self):
        p = plan(model="constant", stages=[stage(1, 10, 10), stage(5, 0, 0), stage(1, 10, 10)])
        for got, want in zip(self.starts(p, (9, 10, 19, 20)), (0.9, 6, 6.9, math.inf)):
            self.assertAlmostEqual(got, want, places=9)

    def test_a_replay(self):
        for got, want in zip(self.starts(plan(model="replay", gaps=[0, 5_000_000, 0]), range(4)), (0, 0.005, 0.005, math.inf)):
            self.assertAlmostEqual(got, want, places=9)


class Rounds(unittest.TestCase):
    def run_round(self, p, op, duration=0.0, ops=0):
        r = Round(p, op, {}, threading.Event(), duration, ops)
        r.run()
        s = sum_up(r)
        self.assertEqual(r.scheduled, s.ok + s.failed + s.timed_out + s.skipped)
        return r, s

    def test_stages_are_driven_to_their_end(self):
        for model in ("constant", "poisson"):
            r, s = self.run_round(plan(model=model, seed=3, workers=4, stages=[stage(0.1, 0, 1000), stage(0.1, 1000, 1000)]), lambda op: None)
            self.assertTrue(r.scheduled == 150 if model == "constant" else 90 < r.scheduled < 210, r.scheduled)

    def test_whoever_is_late_is_skipped_and_counted(self):
        r, s = self.run_round(plan(model="constant", rate=100, skip_late=0.03, drain=5), lambda op: time.sleep(0.1), duration=0.5)
        self.assertGreater(s.skipped, 0)
        self.assertEqual(s.clocks["response"].get_total_count(), r.scheduled)

    def test_think_time_is_on_no_clock(self):
        _, s = self.run_round(plan(model="closed", think=0.05), lambda op: None, ops=4)
        self.assertLess(s.clocks["response"].get_mean_value() * 4, 0.1e9)

    def test_what_a_benchmark_raises_is_a_failed_op(self):
        def fails(op):
            raise ValueError("no")
        _, s = self.run_round(plan(model="closed"), fails, ops=3)
        self.assertEqual((s.failed, s.errors), (3, {"ValueError": 3}))


if __name__ == "__main__":
    unittest.main()
