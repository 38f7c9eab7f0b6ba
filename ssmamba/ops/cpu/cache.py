"""Where compiled kernels are kept between runs.

numba looks only at the file that holds a function, so an edit in ``vectors.py`` would go unseen by
``forward.py``'s cache. The folder's name therefore carries a hash of every source file here.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def _source_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(_HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _user_cache() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) if base else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) if base else Path.home() / ".cache"


def cache_folder() -> Path:
    """NUMBA_CACHE_DIR if set, else beside the sources if that can be written, else the user's."""
    name = f"scan-{_source_hash()}"
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return Path(given) / name
    beside = _HERE / "__pycache__"
    if os.access(beside if beside.exists() else _HERE, os.W_OK):
        return beside / name
    return _user_cache() / "ssmamba" / name


@contextmanager
def kernel_cache() -> Iterator[None]:
    """numba functions that are defined inside keep their machine code in ``cache_folder()``."""
    import numba

    config: Any = numba.config

    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder())
    try:
        yield
    finally:
        config.CACHE_DIR = before
