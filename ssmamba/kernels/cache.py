"""Where machine code is kept between runs, and which of it belongs to this computer.

A file is named after everything that its code depends on: the sources, the compiler's versions and
the processor. It begins with its own checksum: a damaged one counts as none.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from ssmamba.files import written_whole

_HERE = Path(__file__).parent
# The kernels, in the order in which they are compiled.
NAMES = ("forward", "rows", "area", "glance", "backward")
LOCK_FILE, PROGRESS_FILE, FAILURE_FILE = "lock", "progress", "failure.txt"


def _source_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(_HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _processor() -> tuple[str, ...]:
    """What code is made for: this processor, unless numba's variables name another one."""
    from llvmlite import binding

    found: dict[str, bool] = dict(binding.get_host_cpu_features())
    features = ",".join(f"{'+' if there else '-'}{name}" for name, there in sorted(found.items()))
    return (
        binding.get_process_triple(),
        os.environ.get("NUMBA_CPU_NAME", binding.get_host_cpu_name()),
        os.environ.get("NUMBA_CPU_FEATURES", features),
    )


@cache
def key() -> str:
    """Name of the folder for this computer's kernels. Raises ImportError without a compiler."""
    try:
        versions = [metadata.version(name) for name in ("numba", "llvmlite")]
    except metadata.PackageNotFoundError as error:
        raise ModuleNotFoundError(str(error), name=error.name) from error
    parts = "\n".join([_source_hash(), *versions, *_processor()])
    return f"scan-{hashlib.sha256(parts.encode()).hexdigest()[:16]}"


def user_cache() -> Path:
    """Where this program keeps what can be made again, for this user."""
    return _cache_base() / "ssmamba"


def _cache_base() -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return Path(base) if base else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) if base else Path.home() / ".cache"


def folders() -> list[Path]:
    """Where kernels may lie: NUMBA_CACHE_DIR alone if set, else beside the sources, else the
    user's own folder."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        return [Path(given) / key()]
    return [_HERE / "__pycache__" / key(), user_cache() / key()]


def writable_folder() -> Path | None:
    """The first of ``folders`` that can be written, made where it is missing; None: none can."""
    for folder in folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            trial = folder / f"trial-{os.getpid()}"
            trial.write_bytes(b"x" * 4096)
            trial.unlink()
        except OSError:
            continue
        return folder
    return None


def read(name: str) -> bytes | None:
    """An object file of this computer's kernels; None where there is none, or a damaged one."""
    for folder in folders():
        try:
            data = (folder / f"{name}.o").read_bytes()
        except OSError:
            continue
        digest, code = data[:32], data[32:]
        if hashlib.sha256(code).digest() == digest:
            return code
    return None


def write(folder: Path, name: str, code: bytes) -> None:
    """Keep an object file, whole or not at all. Raises OSError."""
    with written_whole(folder / f"{name}.o") as partial:
        partial.write_bytes(hashlib.sha256(code).digest() + code)


def progress() -> float | None:
    """How far the process is that compiles, 0 to 1; None where none has said so."""
    for folder in folders():
        try:
            return float((folder / PROGRESS_FILE).read_text())
        except (OSError, ValueError):
            continue
    return None


def failure() -> str:
    """Why the kernels could not be compiled at the last attempt; "" where they could."""
    for folder in folders():
        try:
            return (folder / FAILURE_FILE).read_text(encoding="utf-8")
        except (OSError, ValueError):
            continue
    return ""
