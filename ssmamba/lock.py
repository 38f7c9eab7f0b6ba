"""A folder is worked in by one process; the lock goes with the process, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ssmamba.errors import DataError

LOCK_FILE = ".lock"
PATIENCE_S, POLL_S = 2.0, 0.1  # a killed process's children may need a moment to end
HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}  # errors of a lock that another holds
FAR = 1 << 30  # Windows refuses to read locked bytes, so the locked one lies behind the text


class FolderBusy(DataError):
    """Another process works in the folder."""


@contextlib.contextmanager
def locked_folder(folder: Path, patience_s: float | None = None) -> Iterator[None]:
    """Make the folder and hold its lock until the block, or the process, ends.

    Raises FolderBusy, which names the process, where another one still holds it after a while
    (None = PATIENCE_S). On a file system without locks it says so and goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+b") as file:
        if _locked_within(file, PATIENCE_S if patience_s is None else patience_s, folder):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node() or 'this machine'}".encode())
            file.flush()
        yield


def refuse_locked(folder: Path) -> None:
    """Raise FolderBusy while another process holds the folder's lock; nothing is written."""
    if not (folder / LOCK_FILE).is_file():
        return
    with (folder / LOCK_FILE).open("r+b") as file:
        _locked_within(file, PATIENCE_S, folder)


def _locked_within(file: BinaryIO, seconds: float, folder: Path) -> bool:
    """Lock the file; False where the file system has no locks. Raises FolderBusy."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            _lock(file)
            return True
        except OSError as error:
            if error.errno not in HELD:
                print(
                    f"{folder} cannot be locked ({error.strerror}): make sure that no other "
                    "process works in it.",
                    file=sys.stderr,
                )
                return False
        if time.monotonic() > deadline:
            file.seek(0)
            who = file.read(200).decode("utf-8", "replace").strip()
            raise FolderBusy(
                f"Another command is at work in {folder}{f' ({who})' if who else ''}; wait until "
                "it has ended, or choose another --out."
            )
        time.sleep(POLL_S)


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)

else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
