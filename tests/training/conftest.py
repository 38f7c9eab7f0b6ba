"""Data folders and short command lines for the training tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from matplotlib.figure import Figure

from ssmamba.config import SIZES
from tests.training.pictures import write_folder
from training.evaluation import cams
from training.probe import few_labels, guard
from training.runs import movement

# One-epoch runs on 32-px windows: a second or two on one core.
NANO = SIZES["nano"]  # as it is; in tests it is smaller
TINY = ["--size", "nano", "--image-size", "32", "--batch-size", "8", "--warmup-epochs", "0.5"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 20 pictures; do not write into it."""
    return write_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """torch computes on one thread, and so do the processes that a test starts.

    Beside other programs two threads wait for each other in each of a step's hundred loops, up to
    a thousand times longer than they compute.
    """
    threads, before = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    yield
    torch.set_num_threads(threads)
    if before is None:
        del os.environ["OMP_NUM_THREADS"]
    else:
        os.environ["OMP_NUM_THREADS"] = before


@pytest.fixture(autouse=True, scope="package")
def few_draws() -> Iterator[None]:
    """What is measured after each run rests on less: its cost is in the count alone."""
    with pytest.MonkeyPatch.context() as patch:
        measure_little(patch)
        yield


def measure_little(patch: pytest.MonkeyPatch) -> None:
    """Few draws, and an empty picture of what moved: to draw one takes as long as three epochs.

    SSMamba's nano has five narrow blocks in place of eight.
    """
    patch.setitem(SIZES, "nano", ((16, 32, 64, 128), (1, 1, 2, 1)))
    patch.setattr(cams, "MOSAICS", 6)
    patch.setattr(guard, "DRAWS", 3)
    patch.setattr(few_labels, "RESAMPLES", 10)
    patch.setattr(movement, "draw_movement", lambda *_: Figure(figsize=(1, 1)))


@pytest.fixture(autouse=True)
def plain_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain scan: at these sizes compiling a kernel would take longer than the test."""
    monkeypatch.setenv("SSMAMBA_SCAN", "torch")
