"""The peers of `benches/python/peers.py` get batches as long as it says, though their calls have a start of its own length.

    python tests/python/windows.py

Needs nothing but Python: the clock is turned by hand.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benches" / "python"))
sys.dont_write_bytecode = True
import peers


class Clock:
    """In place of the module `time`: it stands still but for the steps."""

    def __init__(self, start, step):
        self.now, self.start, self.step, self.batch, self.batches = 0.0, start, step, 0.0, 0

    def perf_counter(self):
        return self.now

    def run(self, steps):
        self.batch = self.start + steps * self.step
        self.now += self.batch
        self.batches += 1


# Seconds that a call takes before its first step, and seconds a step: JAX's loop of tiny steps, the same with a long start, loops of
# Python, steps that are most of the window or longer than it.
for start, step in [(3e-5, 5e-7), (3e-5, 1e-8), (2e-3, 1e-6), (0.0, 5e-4), (0.0, 1.2e-2), (0.0, 1.5e-2), (1e-3, 2e-1)]:
    clock = Clock(start, step)
    peers.time = clock
    peers.best(clock.run, 1.0)
    least, most = peers.WINDOW / 1e3 / peers.CLOSE, max(peers.WINDOW / 1e3 * peers.CLOSE, start + step)
    assert least <= clock.batch <= most, f"start {start}, step {step}: batches of {clock.batch} s"

# A step that takes longer than there is time for: two batches to count its steps, one to warm up, and all that everyone gets.
clock = Clock(0.0, 1.0)
peers.time = clock
assert peers.best(clock.run, 0.2) == 1.0
assert clock.batches == 3 + peers.LEAST_BATCHES, clock.batches
print("batches are as long, and as many, as they should be")
