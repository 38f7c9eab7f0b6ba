"""The viewer's side of the engine: starts the child, sends requests, hands replies on.

No torch here. Callbacks run on the client's own threads; a Qt owner emits a queued signal there.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import BinaryIO

from ssmamba.engine.messages import Reply, Request, Shutdown
from ssmamba.engine.wire import WireError, encode, read_message
from ssmamba.errors import EngineDied
from ssmamba.processes import module_command, own_environment
from ssmamba.wording import words

ENGINE_FLAG = "--engine-process"  # a frozen program starts itself with it and calls server.main
BACKGROUND_NICE = 10  # of work that nobody waits for: it takes what other programs leave
CLOSE_TIMEOUT_S = 2.0
REPORT_LINES = 40  # last lines of the child's standard error that are kept

OnReply = Callable[[Reply], None]
OnDied = Callable[[str], None]


class EngineClient:
    """One engine process with the threads that serve its three pipes.

    Args:
        on_reply: called with each reply, on a reader thread.
        on_died: called once with the reason, in words, when the process ends unasked.
        device: auto | cpu | cuda[:N].
        nice: how far it gives way to other programs, 0..19. What the user waits for has 0: an
            engine at 5 took .9 s for an answer of 25 ms beside one busy program on two cores.
        threads: the most that it uses on the CPU; 0 = one for each core.
    """

    def __init__(
        self,
        on_reply: OnReply,
        on_died: OnDied,
        device: str = "auto",
        nice: int = 0,
        threads: int = 0,
    ) -> None:
        self.on_reply = on_reply
        self.on_died = on_died
        self.device, self.nice, self.threads = device, nice, threads
        self._outbox: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._report: deque[str] = deque(maxlen=REPORT_LINES)
        self._threads: list[threading.Thread] = []
        self._process: subprocess.Popen | None = None
        self._over = False  # closed or dead
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process; returns at once, ``EngineReady`` comes when it can work."""
        work: list[Callable[[], None]] = [self._read, self._write, self._gather_report]
        try:
            self._process = _spawn(self.device, self.nice, self.threads)
        except OSError as error:
            reason = words("it cannot be started ({error})", error=error)
            work = [lambda: self._end(reason)]
        self._threads = [threading.Thread(target=t, name="engine", daemon=True) for t in work]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def send(self, request: Request) -> None:
        """Queue a request; never waits for the process. Raises EngineDied when there is none."""
        if self._over:
            raise EngineDied("The inference engine is not running; start it again.")
        self._outbox.put(request)

    def close(self) -> None:
        """End the process: ask, then kill; and join the threads. ``on_died`` is not called."""
        with self._lock:
            was_over, self._over = self._over, True
        if was_over or self._process is None:
            return
        self._outbox.put(Shutdown())
        self._outbox.put(None)
        try:
            self._process.wait(CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(CLOSE_TIMEOUT_S)

    def _end(self, reason: str) -> None:
        with self._lock:
            was_over, self._over = self._over, True
        if not was_over:
            self.on_died(reason)

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        stream: BinaryIO = self._process.stdout  # type: ignore[assignment]
        problem = ""
        try:
            while True:
                reply = read_message(stream)
                if not self._over:
                    self.on_reply(reply)
        except (EOFError, OSError, ValueError):
            pass
        except WireError as error:
            problem = words("it sent {error}", error=error)
            self._process.kill()
        self._outbox.put(None)
        code = self._process.wait()
        self._threads[2].join(CLOSE_TIMEOUT_S)
        _close_quietly(stream)
        self._end(problem or describe_exit(code, list(self._report)))

    def _write(self) -> None:
        """A pipe that is full must stop this thread, never the window."""
        assert self._process is not None and self._process.stdin is not None
        try:
            while (request := self._outbox.get()) is not None:
                self._process.stdin.write(encode(request))
                self._process.stdin.flush()
        except (OSError, ValueError):
            pass  # the reader tells of the death
        finally:
            _close_quietly(self._process.stdin)

    def _gather_report(self) -> None:
        assert self._process is not None and self._process.stderr is not None
        try:
            for line in self._process.stderr:
                self._report.append(line.decode("utf-8", "replace").rstrip())
        except (OSError, ValueError):
            pass
        finally:
            _close_quietly(self._process.stderr)


def describe_exit(code: int, report: list[str]) -> str:
    """Why a process ended, in words, from its exit code and its last words on stderr."""
    if code < 0:
        if -code == getattr(signal, "SIGKILL", 9):
            return words("it was killed, perhaps because memory ran out")
        try:
            return words("it crashed ({name})", name=signal.Signals(-code).name)
        except ValueError:
            return words("it crashed (signal {number})", number=-code)
    last = next((line for line in reversed(report) if line.strip()), "")
    if not last:
        return words("it ended with status {code}", code=code)
    return words("it ended with status {code}: {last}", code=code, last=last.strip())


def _command() -> list[str]:
    if getattr(sys, "frozen", False):
        return [sys.executable, ENGINE_FLAG]
    return module_command("ssmamba.engine.server")


def _spawn(device: str, nice: int, threads: int) -> subprocess.Popen:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
        flags |= subprocess.BELOW_NORMAL_PRIORITY_CLASS if nice else 0
    return subprocess.Popen(
        [*_command(), "--device", device, "--nice", str(nice), "--threads", str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=own_environment(),
        creationflags=flags,
    )


def _close_quietly(stream: object) -> None:
    with contextlib.suppress(OSError):
        stream.close()  # type: ignore[attr-defined]
