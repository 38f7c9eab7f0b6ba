"""The Triton kernels without a GPU: on Triton's interpreter, and compiled for one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("name", ["interpreted_triton.py", "interpreted_gate.py"])
def test_kernels_match_the_reference_on_the_interpreter(name):
    assert "all cases" in run_script(name)


@pytest.mark.slow
def test_kernels_compile_for_a_gpu():
    """The interpreter runs plain Python; the compiler refuses some of that."""
    assert "all kernels" in run_script("compiled_triton.py")
