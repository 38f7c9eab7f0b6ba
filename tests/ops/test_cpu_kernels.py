"""What a user of the compiled CPU scan would miss: determinism, threads, processes, fallback."""

from __future__ import annotations

import logging
import multiprocessing
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from ssmamba import ops
from ssmamba.ops import dispatch, function
from ssmamba.ops.cpu import scan as cpu_scan
from ssmamba.ops.cpu import threads
from tests.patience import PATIENCE_S

from .problems import make_problem

ROOT = Path(__file__).parents[2]


def compiled(*args):
    return function.scan(cpu_scan, args[:7], function.Options(*args[7:9]), True)


def big_problem():
    """Enough work for several threads on either way of threading."""
    return make_problem(batch=2, L=700, channels=64, R=2)


def assert_same_bits(first, second):
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert all(torch.equal(a, b) for a, b in zip(first[2], second[2], strict=True))


@pytest.fixture(params=[True, False], ids=["OpenMP", "own pool"])
def way(request, monkeypatch):
    if request.param and threads.openmp() is None:
        pytest.skip("torch has no OpenMP on this system")
    if not request.param:
        monkeypatch.setattr(threads, "openmp", lambda: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


def test_runs_repeat_bit_by_bit(way):
    problem = big_problem()
    first = problem.run(compiled)
    for _ in range(3):
        assert_same_bits(problem.run(compiled), first)


def test_directions_and_strides_of_a_layout_seen_before_are_not_mixed_up(way):
    """Layouts are worked out once each: shapes alone do not make one."""
    problem = make_problem(batch=2, L=40, channels=32)
    u, delta, A, B, C, D, bias = problem.inputs
    one_way = (u, delta[:, :, 0], A[0], B[:, :, 0], C[:, :, 0], D[0], bias[0])
    turned = tuple(x.transpose(0, 1).contiguous().transpose(0, 1) for x in one_way[:2])
    expected = problem.run(compiled)
    for _ in range(2):
        for given in (one_way, (*turned, *one_way[2:])):
            leaves = [x.detach().clone(memory_format=torch.preserve_format) for x in given]
            assert leaves[0].stride() == given[0].stride()
            leaves = [x.requires_grad_() for x in leaves]
            y, state = compiled(*leaves, True, problem.reverse)
            pulled = (problem.grad_y, problem.grad_state)
            gradients = torch.autograd.grad((y, state), leaves, pulled)
            shaped = [g.view(x.shape) for g, x in zip(gradients, problem.inputs, strict=True)]
            assert_same_bits((y, state, shaped), expected)
        without = compiled(*one_way[:5], None, None, True, problem.reverse)[0]
        assert not torch.equal(without, expected[0])


def test_number_of_threads_leaves_the_output_alone(monkeypatch):
    problem = big_problem()
    outputs = []
    for count in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda count=count: count)
        outputs.append(compiled(*problem.inputs, True, False)[0])
    torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(outputs[2], outputs[0], rtol=1e-6, atol=1e-6)


def test_concurrent_callers(way):
    problem = big_problem()
    expected = problem.run(compiled)
    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(problem.run, compiled) for _ in range(8)]:
            assert_same_bits(future.result(), expected)


def _child(queue, problem):
    queue.put([x.numpy() for x in problem.run(compiled)[2]])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_forked_child_after_the_parent_has_scanned():
    """GNU OpenMP would kill the child; the pool takes over there."""
    problem = big_problem()
    expected = problem.run(compiled)[2]
    queue = multiprocessing.get_context("fork").SimpleQueue()
    pid = os.fork()
    if pid == 0:
        try:
            torch.set_num_threads(1)  # torch's own OpenMP does not survive a fork either
            torch.get_num_threads = lambda: 2
            _child(queue, problem)
        finally:
            os._exit(0)
    found = queue.get()
    os.waitpid(pid, 0)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.from_numpy(a), b, rtol=1e-5, atol=1e-5)


def _run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["generic", "haswell"])
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names x86 processors")
def test_other_processors(processor, tmp_path):
    """Without AVX-512 the exponential and the registers are others; same tests, same tolerances."""
    arguments = ["tests/ops/test_backends.py", "-k", "cpu", "-p", "no:cacheprovider"]
    code = f"import sys, pytest; sys.exit(pytest.main({arguments}))"
    _run_python(code, NUMBA_CPU_NAME=processor, NUMBA_CACHE_DIR=str(tmp_path))


def test_falls_back_to_torch_with_a_reason(monkeypatch, caplog):
    def broken(name):
        raise OSError("no compiler today")

    monkeypatch.setattr(dispatch.importlib, "import_module", broken)
    dispatch._load.cache_clear()
    dispatch._chosen.cache_clear()
    try:
        with caplog.at_level(logging.WARNING):
            backend = ops.choose_backend("cpu")
        assert backend.name == "torch"
        assert "no compiler today" in backend.reason
        assert "no compiler today" in caplog.text
    finally:
        dispatch._load.cache_clear()
        dispatch._chosen.cache_clear()


def test_memory_of_a_large_region_is_bounded():
    """Output and checkpoints are all that a long scan keeps: 1.5 times u for N = 16."""
    u = torch.empty(1, 65_536, 48)
    A = torch.empty(1, 48, 16)
    kept = torch.Size(cpu_scan.kept_shape(u, A)).numel()
    assert kept <= 0.5 * u.numel()


def test_torch_keeps_the_number_of_threads_it_was_given():
    """The kernels run on the threads of the OpenMP library that torch counts its threads with."""
    code = (
        "import torch\n"
        "from ssmamba.ops import selective_scan_channel_last as scan\n"
        "from ssmamba.ops.cpu import threads\n"
        "threads.OPENMP_GRAIN = 1\n"
        "torch.set_num_threads(2)\n"
        "u = torch.randn(4, 512, 64)\n"
        "scan(u, u, -torch.rand(64, 16), torch.randn(4, 512, 16), torch.randn(4, 512, 16))\n"
        "torch.set_num_threads(1)\n"
        "scan(u, u, -torch.rand(64, 16), torch.randn(4, 512, 16), torch.randn(4, 512, 16))\n"
        "print(torch.get_num_threads())\n"
    )
    assert _run_python(code, OMP_NUM_THREADS="4", SSMAMBA_SCAN="cpu").strip() == "1"
