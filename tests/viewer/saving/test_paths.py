"""Where the viewer keeps its own files, on each system."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from viewer.saving.paths import NAME, cache_folder, user_folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without variables that move folders."""
    for name in ("SSMAMBA_VIEWER_HOME", "APPDATA", "LOCALAPPDATA", "XDG_DATA_HOME",
                 "XDG_CACHE_HOME"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("system", "data", "cache"),
    [
        ("linux", f".local/share/{NAME}", f".cache/{NAME}"),
        ("darwin", f"Library/Application Support/{NAME}", f"Library/Caches/{NAME}"),
        ("win32", f"AppData/Roaming/{NAME}", f"AppData/Local/{NAME}/cache"),
    ],
)
def test_each_system_has_its_usual_places(
    home: Path, monkeypatch: pytest.MonkeyPatch, system: str, data: str, cache: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert (user_folder(), cache_folder()) == (home / data, home / cache)


@pytest.mark.parametrize(
    ("system", "variable", "moved"),
    [
        ("linux", "XDG_DATA_HOME", user_folder),
        ("linux", "XDG_CACHE_HOME", cache_folder),
        ("win32", "APPDATA", user_folder),
        ("win32", "LOCALAPPDATA", cache_folder),
    ],
)
def test_the_systems_own_variables_move_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, system: str, variable: str, moved
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv(variable, str(home / "elsewhere"))
    assert (home / "elsewhere" / NAME) in (moved(), moved().parent)
    monkeypatch.setenv(variable, "")  # empty is not set
    assert home / "elsewhere" not in moved().parents


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_one_variable_moves_all_of_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("SSMAMBA_VIEWER_HOME", str(home / "ours"))
    assert (user_folder(), cache_folder()) == (home / "ours", home / "ours" / "cache")
