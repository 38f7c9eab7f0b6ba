"""A run of a grid in its own process, which ends with the grid, however that ends.

``python -m training.ablate.child finetune FLAGS`` is ``python -m training.finetune FLAGS``. The
grid holds the other end of its standard input and writes nothing into it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from importlib import import_module

STDIN = 0
PR_SET_PDEATHSIG = 1
LOST = 1  # exit status


def main(argv: list[str]) -> int:
    end_with_parent()
    command = import_module(f"training.{argv[0]}")
    return int(command.main(argv[1:]))


def end_with_parent() -> None:
    """From now on this process ends at once when the one that started it does.

    The pipe works on any system; on Linux the kernel ends the process even while a library that
    is being loaded keeps the watching thread waiting.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_wait_for_end, daemon=True).start()


def _wait_for_end() -> None:
    while os.read(STDIN, 1):
        pass
    os._exit(LOST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
