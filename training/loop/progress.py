"""Progress with time left: one live line on a terminal, elsewhere a plain line every 30 s."""

from __future__ import annotations

import sys
import time

from rich.console import Console

LIVE_EVERY_S = 0.2
PLAIN_EVERY_S = 30.0

console = Console(stderr=False, highlight=False, soft_wrap=True)


class Progress:
    """A count up to ``total``, shown while it rises; a context manager."""

    def __init__(self, title: str, total: int, quiet: bool = False) -> None:
        self.title, self.total, self.quiet = title, total, quiet
        self._shown = time.monotonic()
        self._first: tuple[int, float] | None = None  # start of the measured rate
        self._live = sys.stdout.isatty()
        self._open_line = False

    def update(self, done: int, text: str = "", left: float | None = None) -> None:
        """Report that ``done`` steps are finished; shown at most a few times a second.

        left: seconds left, where the caller knows better than the rate of the steps.
        """
        now = time.monotonic()
        if self._first is None:
            self._first = (done, now)  # the first step compiles and warms up, so it is not measured
        wait = LIVE_EVERY_S if self._live else PLAIN_EVERY_S
        if self.quiet or (now - self._shown < wait and not (self._live and done == self.total)):
            return
        self._shown = now
        time_left = self._left(done, now) if left is None else f"  {duration(left)} left"
        line = f"{self.title} {done}/{self.total}{time_left}{'  ' + text if text else ''}"
        if self._live:
            sys.stdout.write(f"\r\x1b[K{line}")
            self._open_line = True
        else:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def _left(self, done: int, now: float) -> str:
        assert self._first is not None
        steps, seconds = done - self._first[0], now - self._first[1]
        return f"  {duration(seconds / steps * (self.total - done))} left" if steps else ""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._open_line:
            sys.stdout.write("\r\x1b[K" if kind is None else "\n")
            sys.stdout.flush()


def duration(seconds: float) -> str:
    """ "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
