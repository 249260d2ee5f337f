"""Whether the target saw the Poisson arrivals that were asked for.

The same test as that of the sdk for Go, which says why: up to 1,000 gaps between
neighbouring ops, as they were sent, on the clock that ticks once per op
intended. There they are exponential of mean 1 whatever the rate does
(Anderson-Darling, nothing estimated).
"""

import math
import random

GAPS = 1000  # at most
FEWEST = 50  # gaps; with fewer the end of the round is too near
LIMIT = 6.0  # upper 0.1% point of A² (Stephens, J. Am. Stat. Assoc. 69, 1974)
SHORT = 0.1  # of the mean


class Arrivals:
    """When some ops were sent, in ns: all of a short round, of a longer one a
    pair of neighbours at a random place in every step of it. Every op has a
    place of its own, so nothing is locked."""

    def __init__(self, expected, seed):
        self.step = max(1, math.ceil(expected / GAPS))
        self.moments = [None] * (GAPS + 1 if self.step == 1 else 2 * GAPS)
        draw = random.Random(f"{seed}/arrivals")
        self.firsts = [] if self.step == 1 else [i * self.step + draw.randrange(self.step - 1) for i in range(GAPS)]

    def sent(self, number, ns):
        """Op number, counted from 0, was sent."""
        if self.step == 1:
            if number < len(self.moments):
                self.moments[number] = ns
            return
        pair = number // self.step
        if pair < GAPS and 0 <= (second := number - self.firsts[pair]) <= 1:
            self.moments[2 * pair + second] = ns

    def gaps(self):
        """The two ends of each gap. Ops that were not sent make none."""
        m = self.moments
        return [(m[i], m[i + 1]) for i in range(0, len(m) - 1, 1 if self.step == 1 else 2)
                if m[i] is not None and m[i + 1] is not None]


def anderson_darling(gaps):
    """A² of gaps that ought to be exponential of mean 1."""
    x, total = sorted(gaps), 0.0
    n = len(x)
    for i in range(n):  # no gap is taken as less than a millionth: the logarithm of 0
        total += (2 * i + 1) * (math.log(-math.expm1(-max(x[i], 1e-6))) - x[n - 1 - i])
    return -n - total / n


def judge(gaps):
    """What is wrong with the gaps, in ops that were intended meanwhile, or None."""
    if len(gaps) < FEWEST or (a2 := anderson_darling(gaps)) <= LIMIT:
        return None
    short = sum(x < SHORT for x in gaps) / len(gaps)
    return (f"the target did not see the Poisson arrivals that were asked for (A² = {a2:.1f} of {len(gaps)} gaps, want at most {LIMIT:g}): "
            f"{100 * short:.0f}% of the gaps were below a tenth of the mean, want {-100 * math.expm1(-SHORT):.0f}%; "
            f"their mean was {sum(gaps) / len(gaps):.2f} of the plan's: allow more in flight, lower the rate or free the machine")
