"""State from which a stopped run resumes exactly, read without running pickled code.

The last two states are kept, each with a checksum at its end: torch's archives have sums but its
reader does not look at them.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ssmamba.errors import DataError
from ssmamba.files import LEAST_FREE_BYTES, refuse_unwritable, written_whole
from training.loop.progress import console

STATE_FILE, PREVIOUS_STATE = "state.pt", "state.previous.pt"
MARK = b"ssmamba-sha256:"  # before the checksum, behind torch's archive
END_BYTES = len(MARK) + 64
# A state is weights, two moments, the best and the averaged weights; the last, the one before it
# and the one being written lie side by side, as do best, last and one being written.
FILES_WEIGHTS = 3 * 5 + 3
# Raised by torch's reader for files that it did not write
BROKEN_FILE = (
    RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError, AssertionError,
    ArithmeticError, MemoryError, ImportError, struct.error,
)  # fmt: skip


def refuse_full_disk(folder: Path, model: nn.Module) -> None:
    """Raise DataError where the states and checkpoints of a training will not fit on the disk."""
    weights = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    there = sum(path.stat().st_size for path in folder.glob("*.*") if path.is_file())
    refuse_unwritable(folder, max(FILES_WEIGHTS * weights - there, LEAST_FREE_BYTES))


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and texts; the file appears whole or not at all.

    The state before it stays as ``PREVIOUS_STATE``. Raises DataError when the disk refuses.
    """
    path = folder / STATE_FILE
    try:
        with written_whole(path) as partial:
            torch.save(state, partial)
            _seal(partial)
            if path.exists():
                path.replace(folder / PREVIOUS_STATE)
    except (OSError, RuntimeError) as error:  # torch's writer raises the latter
        raise DataError(
            f"{path} cannot be written ({str(error).splitlines()[0]}); free some "
            "space on the disk and continue with --resume."
        ) from error


def load_state(folder: Path) -> dict[str, Any] | None:
    """The saved state, or None when there is none. Raises DataError for an unreadable file."""
    path = folder / STATE_FILE
    if not path.is_file():
        return None
    try:
        if _is_sealed(path) is False:
            raise ValueError("another checksum")
        return _read(path)
    except (*BROKEN_FILE, OSError, pickle.UnpicklingError) as error:
        raise DataError(
            f"{path} is damaged and there is no state before it; delete it, and --resume starts "
            "the run from its first step."
        ) from error


def mend_state(folder: Path) -> None:
    """Put the state before it in the place of one that is damaged or missing, and say so.

    Of several processes one does this, before any of them loads the state.
    """
    path, previous = folder / STATE_FILE, folder / PREVIOUS_STATE
    if not previous.is_file() or not _is_sound(previous) or (path.is_file() and _is_sound(path)):
        return
    if path.is_file():
        console.print(f"{path} is damaged; the run continues from the state before it.")
    previous.replace(path)


def _seal(path: Path) -> None:
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(MARK + digest.encode())


def _is_sealed(path: Path) -> bool | None:
    """Whether a file has the checksum at its end; None where it has none, as older states."""
    length = path.stat().st_size - END_BYTES
    if length < 0:
        return None
    with path.open("rb") as file:
        found = hashlib.sha256()
        left = length
        while left and (part := file.read(min(left, 1 << 20))):
            found.update(part)
            left -= len(part)
        end = file.read()
    return end == MARK + found.hexdigest().encode() if end.startswith(MARK) else None


def _is_sound(path: Path) -> bool:
    """Whether a state can be used; one without a checksum is read to find out."""
    try:
        sealed = _is_sealed(path)
        return bool(_read(path)) if sealed is None else sealed
    except (*BROKEN_FILE, OSError, pickle.UnpicklingError):
        return False


def _read(path: Path) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a foreign file fails to load
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def rng_state() -> dict[str, Any]:
    """States of torch's, NumPy's and Python's generators."""
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    numpy_keys = torch.from_numpy(np.asarray(keys, dtype=np.int64))
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "python": [version, list(numbers), gauss],
        "numpy": [name, numpy_keys, position, has_gauss, cached],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_rng(state: dict[str, Any]) -> None:
    """Set the generators to what ``rng_state`` returned."""
    torch.set_rng_state(state["torch"])
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    if "cuda" in state and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
