"""Place and time left in a queue of requests; no Qt."""

from __future__ import annotations

import time
from collections.abc import Callable

MEASURED = 3  # requests that must have ended before a time is told


class Batch:
    """Follows the number of requests that are still to be answered.

    A batch begins with the first request after an idle time, grows with those that join it, and
    ends when none is left.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.left = 0  # requests not answered
        self.total = 0  # since the batch began
        self._began = 0.0

    @property
    def done(self) -> int:
        return self.total - self.left

    @property
    def place(self) -> int:
        """Number of the request being answered, from 1."""
        return min(self.done + 1, self.total)

    @property
    def left_s(self) -> float | None:
        """Time left at the pace so far; None while it is not known."""
        if self.done < MEASURED:
            return None
        return (self._clock() - self._began) / self.done * self.left

    def follow(self, left: int) -> None:
        """Take note of how many requests are left now."""
        if left == 0:
            self.total = 0
        elif self.left == 0:
            self.total = left
            self._began = self._clock()
        elif left > self.left:
            self.total += left - self.left
        self.left = left
