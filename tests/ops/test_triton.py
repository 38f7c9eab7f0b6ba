"""The Triton kernels without a GPU: on Triton's interpreter, and compiled for one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
pytest.importorskip("triton", reason="Triton is not part of torch on this system")


def run_script(name: str) -> str:
    path = os.pathsep.join([str(HERE.parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / name)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_kernels_match_the_reference_on_the_interpreter():
    assert "all cases" in run_script("interpreted_triton.py")


@pytest.mark.slow
def test_kernels_compile_for_a_gpu():
    """The interpreter runs plain Python; the compiler refuses some of that."""
    assert "all kernels" in run_script("compiled_triton.py")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("L", [1, 2, 31, 33, 64, 65, 3137, 200_000])
@pytest.mark.parametrize("R", [1, 2])
def test_kernels_match_the_reference_on_a_gpu(L, R):
    from ssmamba.ops import function
    from ssmamba.ops.cuda import scan as triton_scan

    from .problems import assert_matches, make_problem

    def scan(*args):
        return function.scan(triton_scan, args[:7], args[7], args[8], True)

    from ssmamba.ops import torch_scan

    problem = make_problem(batch=2, L=L, channels=24, R=R, device="cuda")
    assert_matches(problem, scan, torch_scan.scan, output=5e-6, gradient=5e-5)
    first, second = problem.run(scan), problem.run(scan)
    assert torch.equal(first[0], second[0])
    assert all(torch.equal(a, b) for a, b in zip(first[2], second[2], strict=True))
