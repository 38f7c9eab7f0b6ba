"""The engine process: ``python -m ssmamba.engine.server --device auto``.

Requests come on standard input, replies leave on standard output; what libraries print goes to
standard error. One thread reads requests, the main thread works. The process ends itself when
its standard input closes, even in the middle of a computation.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from ssmamba.engine.messages import (
    Cancel,
    EngineReady,
    JobCancelled,
    JobDone,
    JobFailed,
    KeepSlides,
    Reply,
    Request,
    Shutdown,
)
from ssmamba.engine.process import NICE_VARIABLE
from ssmamba.engine.wire import WireError, read_message, write_message
from ssmamba.errors import DeviceError, SSMambaError

if TYPE_CHECKING:
    from ssmamba.engine.jobs import Jobs
    from ssmamba.runtime.device import Device

STARTING_NICE, WORKING_NICE = 10, 19  # frames come first, but starting must not take for ever
IDLE_S = 1.0  # without work, before anything is loaded ahead


class Outbox:
    """Sends replies from any thread, one at a time."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, reply: Reply) -> None:
        """Send a reply; when nobody listens any more, the process ends."""
        with self._lock:
            try:
                write_message(self._stream, reply)
            except (OSError, ValueError):
                os._exit(0)


class Inbox:
    """Requests that wait, fed by a reader thread that also takes cancellations."""

    def __init__(self, stream: BinaryIO, outbox: Outbox) -> None:
        self._stream, self._outbox = stream, outbox
        self._waiting: deque[Request] = deque()
        self._current: int | None = None
        self._cancelled = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def next(self) -> Request:
        """Wait for the next request; it is current until ``finish``."""
        with self._changed:
            while not self._waiting:
                self._changed.wait()
            request = self._waiting.popleft()
            self._current, self._cancelled = getattr(request, "job", None), False
            return request

    def finish(self) -> None:
        with self._changed:
            self._current, self._cancelled = None, False

    def wait_until_idle(self, seconds: float) -> None:
        """Return once there was nothing to do for a while."""
        since = time.monotonic()
        while time.monotonic() - since < seconds:
            time.sleep(0.1)
            if self._waiting or self._current is not None:
                since = time.monotonic()

    def check(self) -> None:
        """Raise Cancelled when the current job is no longer wanted."""
        from ssmamba.engine.jobs import Cancelled

        if self._cancelled:
            raise Cancelled

    def _read(self) -> None:
        try:
            while not isinstance(request := read_message(self._stream), Shutdown):
                if isinstance(request, Cancel):
                    self._cancel(request.job)
                else:
                    with self._changed:
                        self._waiting.append(request)
                        self._changed.notify()
        except (EOFError, OSError, ValueError):
            pass
        except WireError as error:
            print(f"the engine was sent {error}", file=sys.stderr)
        os._exit(0)  # the viewer is gone or says goodbye; the main thread may be computing

    def _cancel(self, job: int) -> None:
        with self._changed:
            if job == self._current:
                self._cancelled = True
                return
            waiting = [r for r in self._waiting if getattr(r, "job", None) == job]
            for request in waiting:
                self._waiting.remove(request)
        if waiting:
            self._outbox.send(JobCancelled(job))


def serve(jobs: Jobs, inbox: Inbox, outbox: Outbox) -> None:
    """Do requests one after the other, for ever; every job ends with one last message."""
    from ssmamba.engine.jobs import Cancelled

    while True:
        request = inbox.next()
        if isinstance(request, KeepSlides):
            jobs.slides.keep_only(request.paths)
            inbox.finish()
            continue
        job = getattr(request, "job", -1)
        end: Reply
        try:
            jobs.run(request, outbox.send, inbox.check)
            end = JobDone(job)
        except Cancelled:
            end = JobCancelled(job)
        except Exception as error:  # the one door through which a failure reaches the user
            end = JobFailed(job, explain_failure(error), traceback.format_exc())
        inbox.finish()
        outbox.send(end)


def explain_failure(error: Exception) -> str:
    """One sentence for a person: our own errors speak for themselves."""
    if isinstance(error, SSMambaError):
        return str(error)
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; choose a smaller region or close programs."
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"The engine failed ({type(error).__name__}: {first}); please report the details."


def main(argv: Sequence[str] | None = None) -> None:
    """Run the engine until its standard input closes."""
    parser = argparse.ArgumentParser(prog="ssmamba.engine.server")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the viewer, whose end we notice
    own = os.environ.get(NICE_VARIABLE, "")
    _lower_priority(int(own) if own.isdigit() else STARTING_NICE)
    requests, replies = _claim_pipes()
    outbox = Outbox(replies)
    inbox = Inbox(requests, outbox)
    device = _choose(arguments.device)

    from ssmamba.engine.jobs import Jobs

    jobs = Jobs(device)
    outbox.send(_ready(device))
    _lower_priority(int(own) if own.isdigit() else WORKING_NICE)
    threading.Thread(target=_warm_up, args=(device, inbox), name="warm-up", daemon=True).start()
    serve(jobs, inbox, outbox)


def _claim_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take the two pipes for ourselves: a library's print must not land among the replies."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        for descriptor in (requests, replies):
            msvcrt.setmode(descriptor, os.O_BINARY)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def _lower_priority(nice: int) -> None:
    """Give way to everything else; Windows gets its idle class from the parent."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(nice - os.nice(0))


def _choose(request: str) -> Device:
    """The asked device; when it cannot be used, the CPU, and why is told with EngineReady."""
    from ssmamba.runtime.device import Device, choose_device

    try:
        return choose_device(request)
    except DeviceError as error:
        return Device("cpu", choose_device("cpu").label, str(error).rstrip("."))


def _ready(device: Device) -> EngineReady:
    import platform

    import torch

    from ssmamba import __version__
    from ssmamba.ops import choose_backend

    versions = {
        "ssmamba": __version__,
        "torch": str(torch.__version__),  # a str subclass of its own
        "python": platform.python_version(),
    }
    return EngineReady(
        device=device.name,
        device_name=device.label,
        device_reason=device.reason,
        scan_backend=choose_backend(device.name).name,
        versions=versions,
    )


def _warm_up(device: Device, inbox: Inbox) -> None:
    """Load in the background what the first answer and the first CAM would wait for.

    grad-cam takes seconds to import and would slow a first answer that is being computed.
    """
    from ssmamba.explain.cam import warm_up as load_grad_cam
    from ssmamba.ops import warm_up as load_scan

    try:
        load_scan(device.name)
        inbox.wait_until_idle(IDLE_S)
        load_grad_cam()
    except Exception:  # the job that needs it fails with a message of its own
        traceback.print_exc()


if __name__ == "__main__":
    main()
