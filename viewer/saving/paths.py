"""The viewer's own folders; no Qt."""

from __future__ import annotations

import os
import sys
from pathlib import Path

NAME = "ssmamba-viewer"


def user_folder() -> Path:
    """Saved regions, recent files and settings. ``SSMAMBA_VIEWER_HOME`` overrides it."""
    moved = os.environ.get("SSMAMBA_VIEWER_HOME")
    if moved:
        return Path(moved).absolute()
    if sys.platform == "win32":
        return _env("APPDATA", Path.home() / "AppData" / "Roaming") / NAME
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / NAME
    return _env("XDG_DATA_HOME", Path.home() / ".local" / "share") / NAME


def cache_folder() -> Path:
    """Files that can be made again, such as the demo slide."""
    moved = os.environ.get("SSMAMBA_VIEWER_HOME")
    if moved:
        return Path(moved).absolute() / "cache"
    if sys.platform == "win32":
        return _env("LOCALAPPDATA", Path.home() / "AppData" / "Local") / NAME / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / NAME
    return _env("XDG_CACHE_HOME", Path.home() / ".cache") / NAME


def _env(name: str, otherwise: Path) -> Path:
    value = os.environ.get(name)
    return Path(value) if value else otherwise
