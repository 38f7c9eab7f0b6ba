"""Locks between processes that end with the process that holds them, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from ssmamba.files import read_json

PAUSE_S = 0.01  # between two attempts
DAMAGED_S = 5.0  # age of a mark that cannot be read from which on it counts as damaged


class FileLock:
    """One holder at a time, over all processes and all objects of one.

    The system's own lock on a file. On a drive that has none (some network drives), a second file
    with process id and start time stands for it; that of a process that has ended does not count.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._mark: Path | None = None  # the second file, while it is ours

    @property
    def held(self) -> bool:
        return self._handle is not None

    def take(self, wait_s: float = 0.0) -> bool:
        """Take the lock, waiting for it if need be; False if another holds it. Raises OSError."""
        until = time.monotonic() + wait_s
        while not self._try():
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE_S)
        return True

    def free(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        handle, self._handle = self._handle, None
        mark, self._mark = self._mark, None
        if mark is not None:
            with contextlib.suppress(OSError):
                mark.unlink()
        if handle is not None:
            os.close(handle)  # the system's lock ends with the handle

    def _try(self) -> bool:
        if self._handle is not None:
            return False
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            taken = _lock(handle)
            if taken is None:
                self._mark = _marked(self._path.with_name(f"{self._path.name}.pid"))
                taken = self._mark is not None
        except BaseException:
            os.close(handle)
            raise
        if taken:
            self._handle = handle
        else:
            os.close(handle)
        return taken


def _lock(handle: int) -> bool | None:
    """Whether the system's lock was taken; None where the drive has none."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        except OSError:
            return None
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


# --- drives without locks
def _marked(mark: Path) -> Path | None:
    """Make the second file, ours; None while a living process has it. Raises OSError."""
    own = mark.with_name(f"{mark.name}.{uuid.uuid4().hex[:8]}")
    own.write_text(json.dumps(_process(os.getpid())), encoding="utf-8")
    try:
        other = read_json(mark)
        if other is not None and _lives(other):
            return None
        if other is not None or _is_old(mark):
            mark.unlink(missing_ok=True)
        try:
            os.link(own, mark)  # fails if another process was quicker
        except FileExistsError:
            return None
        except OSError:  # a drive without links
            with mark.open("x", encoding="utf-8") as file:
                file.write(own.read_text(encoding="utf-8"))
    except FileExistsError:
        return None
    finally:
        own.unlink(missing_ok=True)
    return mark


def _is_old(mark: Path) -> bool:
    """Whether a mark that cannot be read is not just being written."""
    try:
        return time.time() - mark.stat().st_mtime > DAMAGED_S
    except OSError:
        return False


def _process(pid: int) -> dict[str, Any]:
    return {"pid": pid, "start": _start_of(pid), "host": socket.gethostname()}


def _lives(holder: Any) -> bool:
    """Whether the process that a second file names still runs; unknown on another machine."""
    if not isinstance(holder, dict) or not isinstance(holder.get("pid"), int):
        return False
    if holder.get("host") != socket.gethostname():
        return True
    pid = holder["pid"]
    if sys.platform != "win32":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass  # there, but not ours
    return _start_of(pid) == holder.get("start")


def _start_of(pid: int) -> str:
    """When a process began, as Linux counts it; "" elsewhere, or when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
