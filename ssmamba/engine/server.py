"""The engine process: ``python -m ssmamba.engine.server --device auto``.

Requests come on standard input, replies leave on standard output; what libraries print goes to
standard error. One thread takes messages, the main thread does the jobs' steps. The process ends
itself when its standard input closes, even in the middle of a computation.
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
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from ssmamba.engine.messages import EngineReady, PreparingKernels, Reply, Shutdown
from ssmamba.engine.scheduler import Scheduler
from ssmamba.engine.wire import WireError, read_message, write_message
from ssmamba.errors import DeviceError
from ssmamba.runtime.memory import keep_freed_memory_without_gpu

if TYPE_CHECKING:
    from ssmamba.runtime.device import Device

FOLLOW_S = 0.5  # between two looks at how far the kernels are


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


def receive(stream: BinaryIO, scheduler: Scheduler) -> None:
    """Pass messages on until the viewer exits or asks to shut down; then end the process."""
    try:
        while not isinstance(message := read_message(stream), Shutdown):
            scheduler.take(message)
    except (EOFError, OSError, ValueError):
        pass
    except WireError as error:
        print(f"the engine was sent {error}", file=sys.stderr)
    os._exit(0)  # the main thread may be computing


def main(argv: Sequence[str] | None = None) -> None:
    """Run the engine until its standard input closes."""
    parser = argparse.ArgumentParser(prog="ssmamba.engine.server")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the viewer, whose end we notice
    keep_freed_memory_without_gpu()  # before there are threads
    _lower_priority(arguments.nice)
    requests, replies = _claim_pipes()
    outbox = Outbox(replies)
    scheduler = Scheduler(outbox.send)
    threading.Thread(
        target=receive, args=(requests, scheduler), name="requests", daemon=True
    ).start()
    device = _choose(arguments.device)
    _limit_threads(arguments.threads)

    from ssmamba.engine.jobs import Jobs

    jobs = Jobs(device)
    outbox.send(_ready(device))
    threading.Thread(target=_warm_up, args=(device,), name="warm-up", daemon=True).start()
    threading.Thread(target=_follow_kernels, args=(outbox,), name="kernels", daemon=True).start()
    scheduler.run(jobs)


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
    """Give way to other programs; torch's threads, made later, inherit it (Windows: the parent)."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(nice)


def _limit_threads(most: int) -> None:
    """Use no more threads than that; 0 = as many as torch begins with."""
    import torch

    if most:
        torch.set_num_threads(min(most, torch.get_num_threads()))


def _choose(request: str) -> Device:
    """The requested device, or the CPU if it cannot be used; EngineReady carries the reason."""
    from ssmamba.runtime.device import Device, choose_device

    try:
        return choose_device(request)
    except DeviceError as error:
        return Device("cpu", choose_device("cpu").label, str(error).rstrip("."))


def _ready(device: Device) -> EngineReady:
    import platform

    import torch

    from ssmamba import __version__

    versions = {
        "ssmamba": __version__,
        "torch": str(torch.__version__),  # a str subclass of its own
        "python": platform.python_version(),
    }
    return EngineReady(
        device=device.name,
        device_name=device.label,
        device_reason=device.reason,
        scan_backend=_scan_on(device),
        versions=versions,
    )


def _scan_on(device: Device) -> str:
    from ssmamba.ops import choose_backend

    name, reason = choose_backend(device.name)
    return name if name != "torch" else f"{name} ({reason})"


def _follow_kernels(outbox: Outbox) -> None:
    """Tell how far the compilation is, until it has ended; the next answer takes the kernels."""
    from ssmamba.kernels import cache, library
    from ssmamba.ops import is_preparing

    share = -1.0
    while is_preparing() and not library.find():
        now = cache.progress()
        if now is not None and now > share:
            share = now
            outbox.send(PreparingKernels(min(share, 0.99), "torch"))
        time.sleep(FOLLOW_S)
    if share >= 0:
        outbox.send(PreparingKernels(1.0, "cpu" if library.find() else "torch"))


def _warm_up(device: Device) -> None:
    """Load in the background what the first answer needs."""
    from ssmamba.ops import warm_up

    try:
        warm_up(device.name)
    except Exception:  # the job that needs it fails with a message of its own
        traceback.print_exc()


if __name__ == "__main__":
    main()
