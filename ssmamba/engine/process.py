"""The viewer's side of the engine: starts the child, sends requests, hands replies on.

No torch here. Callbacks run on the client's own threads; a Qt owner emits a queued signal there.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ssmamba.engine.messages import Reply, Request, Shutdown
from ssmamba.engine.wire import WireError, encode, read_message
from ssmamba.errors import EngineDied

ENGINE_FLAG = "--engine-process"  # a frozen program starts itself with it and calls server.main
NICE_VARIABLE = "SSMAMBA_ENGINE_NICE"  # its niceness, 0..19, instead of the usual one
CLOSE_TIMEOUT_S = 2.0
REPORT_LINES = 40  # last lines of the child's standard error that are kept

OnReply = Callable[[Reply], None]
OnDied = Callable[[str], None]


class EngineClient:
    """Owns one engine process at a time.

    Args:
        on_reply: called with each reply, on a reader thread.
        on_died: called once with the reason, in words, when the process ends unasked.
        device: auto | cpu | cuda[:N].
    """

    def __init__(self, on_reply: OnReply, on_died: OnDied, device: str = "auto") -> None:
        self.on_reply = on_reply
        self.on_died = on_died
        self.device = device
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def start(self) -> None:
        """Start the process; returns at once, ``EngineReady`` comes when it can work."""
        with self._lock:
            if self._child is not None:
                return
            try:
                self._child = _Child(self.device, self._on_reply, self._on_ended)
            except OSError as error:
                reason = f"it cannot be started ({error})"
                threading.Thread(target=self.on_died, args=(reason,), name="engine-died").start()

    @property
    def running(self) -> bool:
        child = self._child
        return child is not None and child.process.poll() is None

    @property
    def pid(self) -> int | None:
        child = self._child
        return None if child is None else child.process.pid

    def send(self, request: Request) -> None:
        """Queue a request; never waits for the process. Raises EngineDied when there is none."""
        child = self._child
        if child is None:
            raise EngineDied("The inference engine is not running; start it again.")
        child.outbox.put(request)

    def close(self) -> None:
        """End the process: ask, then kill. ``on_died`` is not called."""
        with self._lock:
            child, self._child = self._child, None
        if child is not None:  # outside the lock: its threads may be waiting for it
            child.end(CLOSE_TIMEOUT_S)

    def _on_reply(self, child: _Child, reply: Reply) -> None:
        with self._lock:
            current = child is self._child
        if current:
            self.on_reply(reply)

    def _on_ended(self, child: _Child, reason: str) -> None:
        with self._lock:
            if child is not self._child:
                return
            self._child = None
        self.on_died(reason)


class _Child:
    """One process with the threads that serve its three pipes."""

    def __init__(
        self,
        device: str,
        on_reply: Callable[[_Child, Reply], None],
        on_ended: Callable[[_Child, str], None],
    ) -> None:
        self.outbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._on_reply, self._on_ended = on_reply, on_ended
        self._report: deque[str] = deque(maxlen=REPORT_LINES)
        self.process = _spawn(device)
        self._threads = [
            threading.Thread(target=target, name=f"engine-{name}", daemon=True)
            for name, target in (
                ("read", self._read),
                ("write", self._write),
                ("report", self._gather_report),
            )
        ]
        for thread in self._threads:
            thread.start()

    def end(self, wait_s: float) -> None:
        """Stop the process: politely for ``wait_s``, then by force; and join the threads."""
        self.outbox.put(Shutdown())
        self.outbox.put(None)
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(CLOSE_TIMEOUT_S)

    def _read(self) -> None:
        assert self.process.stdout is not None
        stream: BinaryIO = self.process.stdout  # type: ignore[assignment]
        problem = ""
        try:
            while True:
                self._on_reply(self, read_message(stream))
        except (EOFError, OSError, ValueError):
            pass
        except WireError as error:
            problem = f"it sent {error}"
            self.process.kill()
        self.outbox.put(None)
        code = self.process.wait()
        self._threads[2].join(CLOSE_TIMEOUT_S)
        _close_quietly(stream)
        self._on_ended(self, problem or describe_exit(code, list(self._report)))

    def _write(self) -> None:
        """A pipe that is full must stop this thread, never the window."""
        assert self.process.stdin is not None
        try:
            while (request := self.outbox.get()) is not None:
                self.process.stdin.write(encode(request))
                self.process.stdin.flush()
        except (OSError, ValueError):
            pass  # the reader tells of the death
        finally:
            _close_quietly(self.process.stdin)

    def _gather_report(self) -> None:
        assert self.process.stderr is not None
        try:
            for line in self.process.stderr:
                self._report.append(line.decode("utf-8", "replace").rstrip())
        except (OSError, ValueError):
            pass
        finally:
            _close_quietly(self.process.stderr)


def describe_exit(code: int, report: list[str]) -> str:
    """Why a process ended, in words, from its exit code and its last words on stderr."""
    if code < 0:
        if -code == getattr(signal, "SIGKILL", 9):
            return "it was killed, perhaps because memory ran out"
        try:
            return f"it crashed ({signal.Signals(-code).name})"
        except ValueError:
            return f"it crashed (signal {-code})"
    last = next((line for line in reversed(report) if line.strip()), "")
    return f"it ended with status {code}" + (f": {last.strip()}" if last else "")


def _command() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, ENGINE_FLAG]
    # -P: nothing is imported from the folder in which the viewer was started
    return [sys.executable, "-P", "-m", "ssmamba.engine.server"]


def _spawn(device: str) -> subprocess.Popen:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    return subprocess.Popen(
        [*_command(), "--device", device],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
        creationflags=flags,
    )


def _environment() -> dict[str, str]:
    """The child finds this very package, wherever the viewer was started from.

    An empty entry of PYTHONPATH ("/a:") would be the current folder again.
    """
    root = str(Path(__file__).resolve().parents[2])
    own = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([root, *own])}


def _close_quietly(stream: object) -> None:
    with contextlib.suppress(OSError):
        stream.close()  # type: ignore[attr-defined]
