"""The Triton kernels without a GPU: on Triton's interpreter, and compiled for one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.patience import PATIENCE_S

HERE = Path(__file__).parent
pytest.importorskip("triton", reason="Triton is not part of torch on this system")


def run_script(name: str) -> str:
    path = os.pathsep.join([str(HERE.parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / name)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["interpreted_triton.py", "interpreted_gate.py"])
def test_kernels_match_the_reference_on_the_interpreter(name):
    assert "all cases" in run_script(name)


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_kernels_are_launched_where_the_tensors_are(name, monkeypatch):
    """Triton launches on the current device, and that is the first GPU unless it is told."""
    from ssmamba.ops.cuda import scan

    current = ["cuda:0"]

    @contextmanager
    def entered(device):
        current.append(device)
        yield
        current.pop()

    class Launched(Exception):
        pass

    def prepare(*args):
        raise Launched(current[-1])

    monkeypatch.setattr(torch.cuda, "device", entered)
    monkeypatch.setattr(scan, "_Problem", prepare)
    u = SimpleNamespace(is_cuda=True, device="cuda:1")
    more = {"keep": True, "want_state": True} if name == "forward" else {}
    count = {"forward": 1, "backward": 4}[name]
    with pytest.raises(Launched, match="cuda:1"):
        getattr(scan, name)((u, *[None] * 6), *[None] * count, **more)


@pytest.mark.slow
def test_kernels_compile_for_a_gpu():
    """The interpreter runs plain Python; the compiler refuses some of that."""
    assert "all kernels" in run_script("compiled_triton.py")
