"""Weight files of other projects, read without running any code in them."""

from __future__ import annotations

import argparse
import pickle
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ssmamba.errors import CheckpointError
from ssmamba.models.foundation import ADAPTERS, Adapter
from ssmamba.models.foundation.adapter import State

PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "net.", "encoder.")
WRAPPERS = ("state_dict", "model", "module", "teacher", "student", "net", "encoder")
_DAMAGED = "{path} is damaged or not a weight file; download or copy it again."
# Raised by torch's reader on bytes that are not an archive of its own
BROKEN = (
    RuntimeError, ValueError, EOFError, LookupError, TypeError, AttributeError, OSError,
    AssertionError, ArithmeticError, MemoryError, ImportError, struct.error,
)  # fmt: skip


def read_tensors(path: Path) -> State:
    """The tensors of a .safetensors, .pth, .pt or .bin file, floats as float32.

    Wrappers such as {"model": ...} and DataParallel's "module." are removed. Raises
    CheckpointError for a file that is missing, damaged, or contains more than data.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no weight file {path}; check the path.")
    try:
        raw: Any = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    except pickle.UnpicklingError as error:
        if not _begins_like_weights(path):
            raise CheckpointError(_DAMAGED.format(path=path)) from error
        raise CheckpointError(
            f"{path} contains objects besides tensors, which could run code and are not read; save "
            "only its state_dict(), with the project that made it."
        ) from error
    except (SafetensorError, *BROKEN) as error:
        raise CheckpointError(_DAMAGED.format(path=path)) from error
    return {k: v.float() if v.is_floating_point() else v for k, v in _unwrapped(raw, path).items()}


def _begins_like_weights(path: Path) -> bool:
    """A zip archive, or a pickle of an old torch."""
    with path.open("rb") as file:
        return file.read(2).startswith((b"PK", b"\x80"))


def _unpickled(path: Path) -> Any:
    """weights_only: tensors and plain values; argparse's Namespace is a plain value too."""
    with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old formats are read all the same
        return torch.load(path, map_location="cpu", weights_only=True)


def _unwrapped(raw: Any, path: Path) -> State:
    while isinstance(raw, dict):  # a tensor beside a state_dict is a score or a counter
        inner = next((raw[name] for name in WRAPPERS if isinstance(raw.get(name), dict)), None)
        if inner is None:
            break
        raw = inner
    named = isinstance(raw, dict) and all(isinstance(name, str) for name in raw)
    tensors = {k: v for k, v in raw.items() if isinstance(v, Tensor)} if named else {}
    if not tensors:
        raise CheckpointError(f"{path} contains no named tensors; give the file of a state_dict().")
    if all(name.startswith("module.") for name in tensors):
        return {name.removeprefix("module."): value for name, value in tensors.items()}
    return tensors


def _ways(published: State) -> Iterator[State]:
    """The tensors as they are named, then those below each prefix of a wrapper, without it."""
    yield published
    for prefix in PREFIXES:
        if below := {
            k.removeprefix(prefix): v for k, v in published.items() if k.startswith(prefix)
        }:
            yield from _ways(below)


def checked(adapter: Adapter, published: State, path: Path) -> State:
    """All tensors of an encoder under the names of our network, each one accounted for.

    Raises CheckpointError that names the first tensors that do not fit, and the encoder that
    the file belongs to when it is another one.
    """
    own = _taken(adapter)
    fitted = [adapter.fitted(way) for way in _ways(published)]
    weights = min(fitted, key=lambda way: len(own.keys() ^ way.keys()))
    if difference := _mismatch(own, weights):
        other = _recognise(published, skip=adapter.name)
        hint = f"it fits --arch {other}" if other else f"take {adapter.source}"
        raise CheckpointError(f"{path} does not contain {adapter.title} ({difference}); {hint}.")
    counters = {k: torch.zeros_like(v, device="cpu") for k, v in own.items() if _optional(k)}
    return {**counters, **weights}


def _taken(adapter: Adapter) -> State:
    """The tensors of a network, without values."""
    with torch.device("meta"):
        return adapter.build(adapter.arguments, 0).state_dict()


def _mismatch(own: State, weights: State) -> str:
    """The difference from a network's own tensors, in words; "" when they fit."""
    needed = {k for k in own if not _optional(k)}
    wrong = [k for k in own.keys() & weights.keys() if own[k].shape != weights[k].shape]
    return "; ".join(
        f"{len(names)} tensor{'s' * (len(names) != 1)} {what}, first '{min(names)}'"
        for names, what in (
            (needed - weights.keys(), "missing"),
            (weights.keys() - own.keys(), "unknown"),
            (wrong, "of a different shape"),
        )
        if names
    )


def _optional(name: str) -> bool:
    """A BatchNorm's counter, which older files do not have."""
    return name.endswith("num_batches_tracked")


def _recognise(published: State, skip: str) -> str | None:
    """The name of the encoder that a file's tensors fit, if any."""
    fits = (
        name
        for name, adapter in ADAPTERS.items()
        if name != skip and not _mismatch(_taken(adapter), adapter.fitted(published))
    )
    return next(fits, None)
