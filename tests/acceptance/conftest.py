"""The bundled models on real images: heavy, and only where ../shared/data is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "resources" / "models"
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def lc25000() -> Path:
    return _shared("lc25000")


@pytest.fixture(scope="session")
def pbc() -> Path:
    return _shared("pbc")


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"../shared/data/{name} is absent")
    return folder
