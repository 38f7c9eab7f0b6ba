"""The bundled models on real images: heavy, and only where ../shared/data is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "resources" / "models"
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def lc25000() -> Path:
    folder = SHARED / "lc25000"
    if not folder.is_dir():
        pytest.skip("../shared/data/lc25000 is absent")
    return folder


@pytest.fixture(scope="session")
def pbc() -> Path:
    folder = SHARED / "pbc"
    if not folder.is_dir():
        pytest.skip("../shared/data/pbc is absent")
    return folder
