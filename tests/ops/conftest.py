"""Fixtures for the scan's tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def force_backend(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Call with a backend's name to force it for the rest of the test."""
    return lambda name: monkeypatch.setenv("SSMAMBA_SCAN", name)
