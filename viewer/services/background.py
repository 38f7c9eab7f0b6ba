"""Background work: a function runs on a worker, its result comes back to the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal


class Background(QObject):
    """Runs functions on a few threads; ``then`` and ``failed`` are called on the GUI thread.

    A function must not touch widgets. Results that arrive after ``close`` are dropped.
    """

    _finished = Signal(object)
    idle = Signal()

    def __init__(
        self,
        failed: Callable[[BaseException], None],
        workers: int = 2,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._failed = failed
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="viewer")
        self._due: set[Future] = set()  # what must not be dropped
        self._running = 0
        self._closed = False
        # queued, also for work that has ended before ``run`` has: it must not call back from there
        self._finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)

    def run(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None] | None = None,
        failed: Callable[[BaseException], None] | None = None,
        *,
        due: bool = False,
    ) -> None:
        """Start ``work``; an exception goes to ``failed``, by default that of the constructor.

        due: the user asked for it, so ``finish`` waits for it.
        """
        if self._closed:
            return
        self._running += 1
        future = self._pool.submit(work)
        if due:
            self._due.add(future)
        future.add_done_callback(lambda f: self._announce(f, then, failed))

    @property
    def busy(self) -> bool:
        return self._running > 0

    def finish(self) -> list[BaseException]:
        """Wait for work that is due; returns the errors not reported yet."""
        wait(self._due)
        return [error for f in self._due if (error := f.exception()) is not None]

    def close(self) -> None:
        """Wait for work that is running or due, drop the rest."""
        self.finish()
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _announce(self, future: Future, then: Any, failed: Any) -> None:
        if not self._closed:
            self._finished.emit((future, then, failed))

    def _on_finished(self, finished: tuple) -> None:
        future, then, failed = finished
        self._running -= 1
        self._due.discard(future)
        if self._closed or future.cancelled():
            return
        error = future.exception()
        if error is not None:
            (failed or self._failed)(error)
        elif then is not None:
            then(future.result())
        if self._running == 0:
            self.idle.emit()
