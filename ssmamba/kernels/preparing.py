"""Compiling the kernels while others work: ``python -m ssmamba.kernels.preparing``.

The first process on a computer that needs the kernels starts this one and goes on with plain torch.
It runs at the lowest priority, in a session of its own, and outlives who started it: what it makes
serves every later run, of the viewer and of the commands. A lock keeps two of them from doing the
same work. Where no folder can be written, it gives the code to who started it, and is lost with
that one.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from ssmamba.kernels import cache, library
from ssmamba.locks import FileLock
from ssmamba.processes import module_command, own_environment

PATIENCE_S = 30.0  # for another process that compiles: on a busy computer it hardly gets on

Told = Callable[[float], None]


# --- the process that compiles -----------------------------------------------------------
def main() -> None:
    """Compile what the cache lacks; on standard output only what could not be written."""
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(19)
    for name, code in compile_missing(wait_s=0.0).items():
        sys.stdout.buffer.write(f"{name} {len(code)}\n".encode() + code)


def compile_missing(wait_s: float, told: Told = lambda share: None) -> dict[str, bytes]:
    """Compile and keep the kernels, unless they are there or another process is at it.

    Returns what could not be kept. wait_s: seconds to wait for that other process.
    """
    folder = cache.writable_folder()
    if folder is None:
        return _compile(told)
    lock = FileLock(folder / cache.LOCK_FILE)
    try:
        if not lock.take(wait_s):
            return {}
    except OSError:  # a drive that writes but does not lock: twice is better than never
        pass
    try:
        return {} if library.find() else _compile_into(folder, told)
    finally:
        lock.free()


def _compile_into(folder: Path, told: Told) -> dict[str, bytes]:
    def tell(share: float) -> None:
        told(share)
        with contextlib.suppress(OSError):
            (folder / cache.PROGRESS_FILE).write_text(f"{share:.2f}")

    failed = folder / cache.FAILURE_FILE
    tell(0.0)
    try:
        codes = _compile(tell)
    except Exception as error:
        with contextlib.suppress(OSError):
            failed.write_text(f"{type(error).__name__}: {error}".splitlines()[0], encoding="utf-8")
        raise
    finally:
        with contextlib.suppress(OSError):
            (folder / cache.PROGRESS_FILE).unlink(missing_ok=True)
    unkept = {}
    for name, code in codes.items():
        try:
            cache.write(folder, name, code)
        except OSError:
            unkept[name] = code
    with contextlib.suppress(OSError):
        failed.unlink(missing_ok=True)
    return unkept


def _compile(told: Told) -> dict[str, bytes]:
    from ssmamba.kernels.compiling import compile_kernels

    return compile_kernels(told)


# --- who needs the kernels ---------------------------------------------------------------
def compile_now(told: Told = lambda share: None) -> None:
    """Return when the kernels are loaded, compiling them here if need be, at this priority.

    Another process that has been at it for longer than PATIENCE_S is not waited for. Raises
    whatever the compiler raises, ImportError without numba or llvmlite.
    """
    if not library.find():
        for name, code in compile_missing(PATIENCE_S, told).items():
            library.add(name, code)
    if not library.find():
        for name, code in _compile(told).items():
            library.add(name, code)


def at_hand() -> bool:
    """Whether the kernels are here; if not, a process begins to compile them. Never waits."""
    try:
        if library.find():
            return True
    except ImportError:  # without a compiler; plain Python does the same
        return False
    start()
    return False


_started = threading.Lock()  # held from the first start on


def start() -> None:
    """Start the compiling process, once for each process and not after a failure."""
    if cache.failure() or not _started.acquire(blocking=False):
        return
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.IDLE_PRIORITY_CLASS
    try:
        process = subprocess.Popen(
            module_command("ssmamba.kernels.preparing"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=own_environment(),
            creationflags=flags,
            start_new_session=True,  # Ctrl-C is not for it, nor the end of a terminal
        )
    except OSError:
        return
    threading.Thread(target=_receive, args=(process,), name="kernels", daemon=True).start()


def _receive(process: subprocess.Popen[bytes]) -> None:
    """Load what the process could not keep."""
    assert process.stdout is not None
    try:
        with process.stdout as stream:
            while header := stream.readline().split():
                library.add(header[0].decode(), stream.read(int(header[1])))
    except Exception:  # plain torch goes on answering
        traceback.print_exc()
    process.wait()


if __name__ == "__main__":
    main()
