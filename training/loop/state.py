"""State from which a stopped run resumes exactly: one file, read without running pickled code."""

from __future__ import annotations

import pickle
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssmamba.errors import DataError
from ssmamba.files import written_whole

STATE_FILE = "state.pt"
# Raised by torch's reader for files that it did not write
BROKEN_FILE = (RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError)


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers and texts; the file appears whole or not at all.

    Raises DataError when it cannot be written.
    """
    try:
        with written_whole(folder / STATE_FILE) as partial:
            torch.save(state, partial)
    except RuntimeError as error:  # torch's writer raises this for errors of the disk
        raise DataError(
            f"{folder / STATE_FILE} cannot be written ({str(error).splitlines()[0]}); free some "
            "space on the disk and continue with --resume."
        ) from error


def load_state(folder: Path) -> dict[str, Any] | None:
    """The saved state, or None when there is none. Raises DataError for an unreadable file."""
    path = folder / STATE_FILE
    if not path.is_file():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a foreign file is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except (*BROKEN_FILE, OSError, pickle.UnpicklingError) as error:
        raise DataError(
            f"{path} cannot be read, so the run cannot continue; delete it and start without "
            "--resume."
        ) from error


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
