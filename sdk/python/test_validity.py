"""Tests of what is found about a round. They need only what the sdk needs: make test."""

import ctypes
import gc
import random
import threading
import time
import unittest
from types import SimpleNamespace

from harness_plugin import arrivals
from harness_plugin.garbage import Garbage
from harness_plugin.loop import HIGHEST, Op, Part, Rate, Round, sum_up
from harness_plugin.validity import judge
from test_loop import plan, stage


def a_round(model="constant", **fields):
    return Round(plan(model=model, rate=1000, **fields), lambda op: None, {"size"}, threading.Event(), 1.0, 0)


def codes(r, s):
    return [f"{level} {code}" for level, code, _ in judge(r, s)]


def driven(p, op, duration=0.3):
    r = Round(p, op, {}, threading.Event(), duration, 0)
    r.run()
    return r, codes(r, sum_up(r))


class Findings(unittest.TestCase):
    def found(self, scheduled, ok, failed=0, skipped=0, waited=0, backlog=0, lag=1e-6, response=1e-3, model="constant"):
        r, s = a_round(model), Part()
        r.scheduled, s.ok, s.failed, s.skipped, s.waited, s.backlog = scheduled, ok, failed, skipped, waited, backlog
        for _ in range(1000):
            s.time("lag", lag * 1e9)
            s.time("response", response * 1e9)
        return codes(r, s)

    def test_of_a_good_round_there_are_none(self):
        self.assertEqual(self.found(1000, 999, failed=1, model="closed"), [])
        self.assertEqual(self.found(1000, 990, failed=10, lag=50e-6), [])

    def test_counts(self):
        self.assertEqual(self.found(1000, 999, model="closed"), ["invalid identity"])
        self.assertEqual(self.found(1000, 1001, model="closed"), ["invalid identity"])
        self.assertEqual(self.found(1000, 0, failed=1000, model="closed"), ["invalid no_success"])
        self.assertEqual(self.found(0, 0, model="closed"), ["invalid no_success"])

    def test_the_rate(self):
        self.assertEqual(self.found(1000, 989, skipped=11), ["invalid under_achieved"])
        self.assertEqual(self.found(1000, 990, skipped=10), [])
        self.assertEqual(self.found(1000, 1000, waited=500, backlog=11), ["invalid under_achieved"])
        self.assertEqual(self.found(1000, 1000, waited=499, backlog=11), ["caution backlog"])
        self.assertEqual(self.found(1000, 1000, waited=900, backlog=10), [])

    def test_lag(self):
        self.assertEqual(self.found(1000, 1000, lag=1e-3, response=11e-3), [])
        self.assertEqual(self.found(1000, 1000, lag=1e-3, response=5e-3), ["invalid lag"])
        self.assertEqual(self.found(1000, 1000, lag=100e-6, response=200e-6), ["caution lag"])
        self.assertEqual(self.found(1000, 1000, lag=200e-6, response=300e-6), ["invalid lag"])  # over the floor of p50 alone
        self.assertEqual(self.found(1000, 1000, lag=1e-3, response=5e-3, model="closed"), [])

    def test_quantiles_need_their_samples(self):
        for n, want in ((6, []), (7, ["invalid lag"])):
            r, s = a_round(), Part()
            r.scheduled = s.ok = n
            for _ in range(n):
                s.time("lag", 1e6)
                s.time("response", 2e6)
            self.assertEqual(codes(r, s), want)

    def test_latencies_beyond_the_range_are_counted_once(self):
        r, s = a_round("closed"), Part()
        r.scheduled = s.ok = 1
        s.time("response", HIGHEST + 1)
        s.time("service", HIGHEST + 1)
        self.assertEqual((s.overflow, codes(r, s)), (1, ["caution overflow"]))

    def test_values_that_cannot_be_used(self):
        r, part = a_round("closed"), Part()
        op = Op(0, 0, 0, None)
        for name, x in (("size", 1), ("size", float("nan")), ("size", float("inf")), ("colour", 1)):
            op.record(name, x)
        r._values(op, part)
        r.scheduled, part.ok, r.parts = 1, 1, [part]
        s = sum_up(r)
        self.assertEqual([m for _, code, m in judge(r, s) if code == "values"],
                         ['1 values of metric "colour": not declared: not used', '2 values of metric "size": not finite: not used'])
        self.assertEqual(s.values, {"size": (1, 1.0, 1.0, 1.0)})


class Overload(unittest.TestCase):
    def test_three_times_the_capacity_is_invalid(self):
        for fields in ({"model": "constant"}, {"model": "poisson", "seed": 1}, {"model": "constant", "drain": 0.01}):
            _, found = driven(plan(rate=300, **fields), lambda op: time.sleep(0.01))
            self.assertIn("invalid under_achieved", found, fields)

    def test_a_stall_at_the_end_is_a_caution(self):
        """Though the plan says nothing of how long a backlog may run on."""
        r = Round(plan(model="constant", rate=50), None, {}, threading.Event(), 1.0, 0)
        r.op = lambda op: time.sleep(1.2) if op.number == 45 else None
        r.run()
        s = sum_up(r)
        self.assertEqual((s.ok, s.backlog), (50, 4))


class Stops(unittest.TestCase):
    def test_a_process_that_did_not_run(self):
        r, s = a_round("closed"), Part()
        r.scheduled = s.ok = 1
        for frozen, want in ((0.1, []), (3, ["caution frozen"])):
            r.frozen = frozen
            self.assertEqual(codes(r, s), want)

    def test_an_op_that_keeps_the_interpreter_is_noticed(self):
        """A function of C that is called through PyDLL keeps its lock."""
        r, _ = driven(plan(model="closed"), lambda op: ctypes.PyDLL(None).usleep(300_000), duration=0.01)
        self.assertGreater(r.frozen, 0.25)

    def test_collections_in_the_numbers(self):
        for paused, want in ((4e6, []), (6e6, ["caution gc"])):
            r, s = a_round(), Part()
            r.scheduled = s.ok = 1
            r.garbage.paused = paused  # of a schedule of 1 s
            self.assertEqual(codes(r, s), want)

    def test_collections_of_the_round_are_counted_and_no_others(self):
        gc.collect()
        with Garbage() as g:
            self.assertGreater(gc.get_freeze_count(), 1000)
            for _ in range(3):
                gc.collect()
        gc.collect()
        self.assertEqual((g.number, gc.get_freeze_count()), (3, 0))
        self.assertTrue(0 < g.longest <= g.paused)

    def test_who_has_turned_the_collector_off_has_decided(self):
        gc.disable()
        try:
            with Garbage() as g:
                self.assertEqual((gc.get_freeze_count(), g.number), (0, 0))
        finally:
            gc.enable()


class TheTestOfArrivals(unittest.TestCase):
    def test_exponential_gaps_are_doubted_once_in_a_thousand(self):
        draw, above, samples = random.Random(1), 0, 5000
        for _ in range(samples):
            above += arrivals.anderson_darling([draw.expovariate(1) for _ in range(50)]) > arrivals.LIMIT
        self.assertTrue(0 < above <= 14, above)  # 5 expected

    def test_gaps_that_are_not_poissons_are_found(self):
        draw = random.Random(2)
        for name, gaps, want in (
            ("as planned", [draw.expovariate(1) for _ in range(1000)], False),
            ("constant", [1.0] * 1000, True),
            ("batches of ten", [draw.expovariate(0.1) if i % 10 == 0 else 0.0 for i in range(1000)], True),
            ("a quarter too slow", [draw.expovariate(0.75) for _ in range(1000)], True),
            ("too few", [1.0] * 49, False),
        ):
            self.assertEqual(arrivals.judge(gaps) is not None, want, name)

    def test_pairs_are_neighbours_one_in_every_step(self):
        a = arrivals.Arrivals(12_345, "7")
        for i in range(20_000):
            a.sent(i, i)
        self.assertEqual((a.step, len(a.gaps())), (13, 1000))
        for pair, (low, high) in enumerate(a.gaps()):
            self.assertTrue(high == low + 1 and low // 13 == high // 13 == pair, (low, high))

    def test_ops_that_were_not_sent_make_no_gaps(self):
        a = arrivals.Arrivals(100, "7")
        for i, ns in ((0, 10), (1, 20), (3, 40), (4, 60)):
            a.sent(i, ns)
        self.assertEqual(a.gaps(), [(10, 20), (40, 60)])

    def test_the_integral_of_a_rate_is_the_inverse_of_its_starts(self):
        for p in (plan(model="poisson", rate=40), plan(model="poisson", stages=[stage(1, 0, 100), stage(1, 0, 0), stage(2, 100, 20)])):
            rate = Rate(p, measured=True)
            for n in (0.5, 7, 49, 51, 120):
                self.assertAlmostEqual(rate.until(rate.when(n)), n, places=6)

    def test_a_round_sent_in_batches_is_found_and_one_as_planned_is_not(self):
        for model, batch, want in (("poisson", 1, []), ("poisson", 10, ["caution arrivals"]), ("constant", 10, [])):
            r, s, draw, at = a_round(model), Part(), random.Random(3), 0.0
            r.scheduled = s.ok = 1000
            for i in range(1000):
                if i % batch == 0:
                    at += sum(draw.expovariate(1000) for _ in range(batch))
                if r.arrivals is not None:
                    r.arrivals.sent(i, r.start_ns + int(at * 1e9))
            self.assertEqual(codes(r, s), want)

    def test_the_loop_says_when_ops_were_sent(self):
        for op in (lambda op: None, lambda op: (op.send(), said.append(op.sent))):
            said = []
            r, _ = driven(plan(model="poisson", rate=500, seed=2), op)
            self.assertEqual(len(r.gaps()), r.scheduled - 1)
            if said:
                self.assertEqual(r.arrivals.moments[:r.scheduled], said)

    def test_a_closed_loop_lasts_as_long_as_its_workers_on_average(self):
        r = a_round("closed", workers=3)
        for part, end in zip(r.parts, (100, 300, 0)):
            part.end = end
        self.assertEqual(r.elapsed_ns(SimpleNamespace(end=300)), 200)


if __name__ == "__main__":
    unittest.main()
