"""How the kernels' tasks reach the cores.

Two ways, both safe from several Python threads at once:
- the OpenMP threads that torch computes with, which are already awake: the library that torch has
  loaded is asked for them (GNU's, or LLVM's and Intel's, which answer to the same name);
- an own pool of Python threads over kernels that release the GIL: where there is no such library
  (Windows), and in forked children, which GNU OpenMP would kill.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ssmamba.kernels import layout
from ssmamba.kernels.library import Kernel
from ssmamba.ops.cpu.plan import Plan

# State updates (batch * L * channels * N) that make another thread worth waking up: a thread that
# torch has just used joins in 5 us, one that sleeps in 30 to 50. A core makes ten updates in a
# nanosecond where its vectors have 16 lanes (AMD Zen 5), two to three where they have 8 (Zen 3).
_WIDE = torch.backends.cpu.get_cpu_capability() == "AVX512"
OPENMP_GRAIN = 200_000 if _WIDE else 80_000
POOL_GRAIN = 500_000 if _WIDE else 200_000

_pool: ThreadPoolExecutor | None = None
_forked = False
_lock = threading.Lock()

Parallel = Callable[[int, Plan, int, int], None]  # function's address, its argument, threads, flags


@cache
def _openmp() -> Parallel | None:
    """GOMP_parallel of the library that torch itself uses; None where there is none."""
    name = {"linux": "libtorch_cpu.so", "darwin": "libtorch_cpu.dylib"}.get(sys.platform)
    if name is None or not torch.backends.openmp.is_available():
        return None
    try:
        # a symbol is looked for in this library, which is loaded already, and in what it needs
        library = ctypes.CDLL(str(Path(torch.__file__).with_name("lib") / name))
        parallel: Any = library.GOMP_parallel
    except (OSError, AttributeError):
        return None
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return parallel


def openmp() -> Parallel | None:
    """Runs a kernel on OpenMP's threads, where that is possible and safe."""
    return None if _forked else _openmp()


def _after_fork() -> None:
    global _pool, _forked, _lock
    _pool, _forked, _lock = None, True, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _get_pool(workers: int) -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None or _pool._max_workers < workers:
            _pool = ThreadPoolExecutor(workers, thread_name_prefix="ssmamba-scan")
        return _pool


def run(kernel: Kernel, plan: Plan, tasks: int, work: int, scratch_floats: int) -> None:
    """Run ``tasks`` tasks of ``work`` state updates in all on at most torch's number of threads.

    Each thread takes tasks from the plan until none is left. scratch_floats: of one thread.
    """
    parallel = openmp()
    grain = POOL_GRAIN if parallel is None else OPENMP_GRAIN
    threads = max(1, min(torch.get_num_threads(), tasks, work // grain))
    line = layout.LINE_FLOATS
    seat = (scratch_floats + line - 1) // line * line
    scratch = torch.empty(threads * seat + line)
    start = scratch.data_ptr()
    plan[layout.SCRATCH] = start + -start % (line * layout.FLOAT_BYTES)
    plan[layout.SEAT_BYTES] = seat * layout.FLOAT_BYTES
    if threads == 1:
        kernel.call(plan)
    elif parallel is not None:
        parallel(kernel.address, plan, threads, 0)
    else:
        _run_pool(kernel.call, plan, threads)


def _run_pool(call: Callable[[Plan], None], plan: Plan, threads: int) -> None:
    pool = _get_pool(threads - 1)
    helpers = [pool.submit(call, plan) for _ in range(threads - 1)]
    call(plan)
    for helper in helpers:
        if not helper.cancel():  # a helper that never started is not waited for
            helper.result()
