"""Writing: files appear complete or not at all, and what cannot be written is known in time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssmamba.errors import DataError

BEGINNINGS = 20  # of processes that take one another's half-written files away
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.partial")  # names that written_whole gives
TRIAL_BYTES, LEAST_FREE_BYTES = 1 << 16, 8 << 20
LONGEST_NAME = 150  # bytes of a file name made of foreign text; most file systems allow 255


def short_name(text: str) -> str:
    """Text for a file name, cut to LONGEST_NAME bytes of UTF-8.

    What is cut ends with a hash of the whole, so that long texts that differ stay different.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= LONGEST_NAME:
        return text
    ending = f"-{hashlib.sha256(data).hexdigest()[:8]}"
    return data[: LONGEST_NAME - len(ending)].decode("utf-8", "ignore") + ending


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, which is renamed to ``path`` when the block ends.

    If the block fails, the file at ``path`` is left as it was and the partial file is removed.
    OSError is passed on to the caller, who knows what to tell the user.
    """
    partial = path.with_name(f".{short_name(path.name)}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """As ``written_whole``, of a folder that is not there yet or replaces the one at ``path``."""
    partial = path.with_name(f".{short_name(path.name)}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield partial
        if path.exists():
            shutil.rmtree(path)
        partial.replace(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole, and not at all where the file has it already."""
    data = text.encode("utf-8")
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return
    with written_whole(path) as partial:
        partial.write_bytes(data)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file's contents whole or not at all."""
    with written_whole(target) as partial:
        shutil.copyfile(source, partial)


def remove_partials(folder: Path) -> None:
    """Remove what killed processes left half-written; the caller alone may write there now."""
    for path in folder.iterdir():
        if _PARTIAL.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def refuse_unwritable(out: Path, needed: int = LEAST_FREE_BYTES) -> None:
    """Raise DataError where ``out``, a file or a folder to be made, cannot be written later.

    Asked before hours of computing. A file is tried in the place, and removed.

    needed: free bytes that the results take.
    """
    place = out if out.is_dir() else next(p for p in out.absolute().parents if p.exists())
    trial = place / f".trial.{uuid.uuid4().hex[:8]}.partial"
    try:
        if shutil.disk_usage(place).free < needed:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        try:
            trial.write_bytes(bytes(TRIAL_BYTES))
        finally:
            with contextlib.suppress(OSError):
                trial.unlink(missing_ok=True)
    except OSError as error:
        raise unwritten(place, error) from error


def keep_json(path: Path, value: Any, allow_nan: bool = True) -> None:
    """Write results as JSON, on standard output where the file cannot be written.

    Raises DataError then.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=allow_nan)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text + "\n")
    except OSError as error:
        print(text)
        raise unwritten(path, error, "; the results are printed instead") from error


def unwritten(path: Path, error: OSError, more: str = "") -> DataError:
    """The sentence about a file or folder that cannot be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    first = "free some space on the disk, or " if full else ""
    why = error.strerror or error
    return DataError(
        "{path} cannot be written ({why}); {first}choose another --out{more}.",
        path=path,
        why=why,
        first=first,
        more=more,
    )


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; the folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        partial.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_first_json(path: Path, value: Any) -> None:
    """As ``write_json``, where several processes begin together and write the same.

    What killed ones left half-written of it is removed; who loses a file to that writes again.
    """
    for attempt in range(BEGINNINGS):
        for left in path.parent.glob(f".{path.name}.*.partial"):
            with contextlib.suppress(OSError):  # Windows: another process has it open
                left.unlink(missing_ok=True)
        try:
            write_json(path, value)
        except FileNotFoundError:
            if attempt == BEGINNINGS - 1:
                raise
        else:
            return


def read_json(path: Path) -> Any:
    """Contents of a JSON file; None when there is none, or none that can be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
