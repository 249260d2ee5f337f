"""The interpreter's garbage collector during a measured round."""

import gc
import time


class Garbage:
    """Keeps what set-up and warm-up left out of the round, and times what the
    collector takes from it. It collects in the thread of an op that happens to
    allocate, and nothing else of the interpreter runs meanwhile.

    What is alive before the round is frozen for as long: a full collection would
    walk through all that setup keeps, once or twice in a round, and those few
    ops would be the ones at the p99. What ops leave is collected as ever. Who has
    called gc.disable() has decided: then nothing is done.
    """

    def __init__(self):
        self.number, self.paused, self.longest, self._since = 0, 0, 0, None  # ns
        self._frozen = False

    def __enter__(self):
        if gc.isenabled():
            gc.collect()
            gc.freeze()
            self._frozen = True
        gc.callbacks.append(self._watch)
        return self

    def __exit__(self, *_):
        gc.callbacks.remove(self._watch)
        if self._frozen:
            gc.unfreeze()

    def _watch(self, phase, info):
        now = time.perf_counter_ns()
        if phase == "start":
            self._since = now
        elif self._since is not None:
            took = now - self._since
            self.number, self.paused, self.longest, self._since = self.number + 1, self.paused + took, max(self.longest, took), None
