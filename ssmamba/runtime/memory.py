"""Freed memory is reused by a network's next layer; how running out of memory is recognised.

glibc gives large freed blocks back to the system at once, and each of the next layer's pages then
costs a fault: 10 to 15 % of an SSMamba forward pass on the CPU at 224 to 1024 px, half at 2048.
Each thread beyond the first has heaps of its own of at most 64 MiB, which go back as soon as they
are empty, whatever was asked for. Two remedies, both for Linux: ``keep_freed_memory``, which also
lets all threads share one heap, and large pages, which torch takes for blocks from 2 MB on when its
variable below is set before it first allocates.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)
_asked: list[bool] = []  # whether freed memory is kept, once that was asked for

_LARGE_PAGES = "THP_MEM_ALLOC_ENABLE"  # torch's name
_MEMORY = Path("/proc/meminfo")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
KEPT = 256 << 20  # bytes; the most that stays with the process
# Of commands that do one thing until they end: two threads' batches are more than KEPT together,
# and a scan whose heap shrank between them spent up to a twentieth of its time on page faults.
KEPT_BY_COMMANDS = 1 << 30
RETURNED = 1 << 20  # bytes; the smallest block that goes back where memory is to be saved
LARGEST_BLOCK = 32 << 20  # bytes; glibc's limit for blocks from the heap


def ask_for_large_pages() -> None:
    """Set torch's variable, unless the user has; without effect once torch has allocated."""
    if sys.platform == "linux":
        os.environ.setdefault(_LARGE_PAGES, "1")


def keep_freed_memory(most: int = KEPT) -> bool:
    """Let this process keep ``most`` bytes that it frees; False where that cannot be asked for.

    Threads share the first one's heap, unless there are others by then, which are handed out in
    turn: call this before any thread is started. The first call in a process decides. Acts on the
    whole process, so call it where models run (engine, commands), not in the viewer. A user's own
    MALLOC_* settings stay.
    """
    if not _asked:
        _asked.append(
            _set_malloc(
                (_M_MMAP_THRESHOLD, LARGEST_BLOCK), (_M_TRIM_THRESHOLD, most), (_M_ARENA_MAX, 1)
            )
        )
        logger.debug("freed memory is kept: %s", _asked[0])
    return _asked[0]


def keep_freed_memory_without_gpu(most: int = KEPT) -> None:
    """``keep_freed_memory`` ahead of the choice of a device, unless there is an NVIDIA driver.

    Beside a GPU many threads read, which are better off with heaps of their own.
    """
    from ssmamba.runtime.device import driver_found

    if not driver_found():
        keep_freed_memory(most)


@cache
def return_freed_memory() -> bool:
    """Let this process give back what it frees, in blocks from RETURNED on; slower, and the peak is
    then what is in use. False where that cannot be asked for.

    By itself glibc keeps blocks of up to 32 MiB below others that are in use: a training that
    computes layers again to save memory (8 regions of 224 px, all layers, at once and not by
    segments) held 664 MiB in place of 444.
    """
    done = _set_malloc((_M_MMAP_THRESHOLD, RETURNED), (_M_TRIM_THRESHOLD, RETURNED))
    logger.debug("freed memory is returned: %s", done)
    return done


def _set_malloc(*settings: tuple[int, int]) -> bool:
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl, for one
        return False
    return all(mallopt(*setting) for setting in settings)


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on a device; None = unknown."""
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type != "cpu" or not _MEMORY.is_file():
        return None
    for line in _MEMORY.read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch or Triton means that a device has no memory left."""
    import torch

    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )
