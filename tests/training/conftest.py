"""Data folders and short command lines for the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.pictures import write_folder

# One-epoch runs on 32-px windows: a second or two on one core.
TINY = ["--size", "nano", "--image-size", "32", "--batch-size", "8", "--warmup-epochs", "0.5"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 20 pictures; do not write into it."""
    return write_folder(tmp_path_factory.mktemp("images"))


@pytest.fixture(autouse=True)
def plain_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plain scan: at these sizes compiling a kernel would take longer than the test."""
    monkeypatch.setenv("SSMAMBA_SCAN", "torch")
