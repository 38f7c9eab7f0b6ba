"""How the kernels' tasks reach the cores.

Two ways, both safe from several Python threads at once:
- numba's parallel loops, where the OpenMP or TBB layer loads: threads that are already awake;
- an own pool of Python threads over kernels that release the GIL: everywhere else (numba's
  ``workqueue`` layer aborts the process on concurrent calls), and in forked children, which GNU
  OpenMP would kill.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch

# State updates (batch * L * channels * N) that make another thread worth waking up. A core of 2025
# makes ten of them in a nanosecond; a thread that torch has just used joins in 5 us, one that
# sleeps in 30 to 50.
PARALLEL_GRAIN = 200_000
POOL_GRAIN = 500_000

_pool: ThreadPoolExecutor | None = None
_forked = False
_lock = threading.Lock()


@cache
def _has_safe_layer() -> bool:
    import numba

    config: Any = numba.config
    if config.THREADING_LAYER == "workqueue":
        return False
    for layer in ("tbbpool", "omppool"):
        try:
            __import__(f"numba.np.ufunc.{layer}")
        except ImportError:
            continue
        _launch_threads()
        return True
    return False


def _launch_threads() -> None:
    """Start numba's threads now, and give torch back its own number of threads.

    Both use one OpenMP library, and numba's start sets that library's thread count: without this
    a user who asked torch for one thread would get as many as there are cores.
    """
    from numba.np.ufunc import parallel

    launch: Any = parallel._launch_threads  # type: ignore[attr-defined]
    threads = torch.get_num_threads()
    launch()
    torch.set_num_threads(threads)


def uses_parallel_loops() -> bool:
    """Whether tasks go through numba's own threads (else through the pool)."""
    return not _forked and _has_safe_layer()


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


def run(
    shared: Callable[..., None],
    parallel: Callable[..., None],
    arguments: tuple[Any, ...],
    tasks: int,
    work: int,
) -> None:
    """Run ``tasks`` tasks of ``work`` state updates in all on at most torch's number of threads.

    ``shared(*arguments)`` takes tasks from a counter among its arguments until none is left;
    ``parallel(*arguments, threads)`` does so on several threads.
    """
    loops = uses_parallel_loops()
    grain = PARALLEL_GRAIN if loops else POOL_GRAIN
    threads = min(torch.get_num_threads(), tasks, max(1, work // grain))
    if threads <= 1:
        shared(*arguments)
    elif loops:
        _run_parallel(parallel, arguments, threads)
    else:
        _run_pool(shared, arguments, threads)


def _run_parallel(kernel: Callable[..., None], arguments: tuple[Any, ...], threads: int) -> None:
    import numba

    config: Any = numba.config
    before = numba.get_num_threads()
    wanted = min(threads, config.NUMBA_NUM_THREADS)
    if wanted == before:
        kernel(*arguments, wanted)
        return
    numba.set_num_threads(wanted)
    try:
        kernel(*arguments, wanted)
    finally:
        numba.set_num_threads(before)


def _run_pool(kernel: Callable[..., None], arguments: tuple[Any, ...], threads: int) -> None:
    pool = _get_pool(threads - 1)
    helpers = [pool.submit(kernel, *arguments) for _ in range(threads - 1)]
    kernel(*arguments)
    for helper in helpers:
        if not helper.cancel():  # a helper that never started is not waited for
            helper.result()
