"""The slides of a run: files, folders, and CSV tables ``slide[,patient][,mpp]``."""

from __future__ import annotations

import csv
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmamba.errors import InputError
from ssmamba.files import short_name

# Names of slides in a folder; of a DICOM slide or a plain image the file itself is given.
SUFFIXES = frozenset(
    (".svs", ".tif", ".tiff", ".ndpi", ".vms", ".vmu", ".scn", ".mrxs", ".svslide", ".bif", ".czi",
     ".btf")
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One slide of a run."""

    path: Path
    name: str  # of its folder among the results; unique
    patient: str = ""
    mpp: float | None = None  # µm per level-0 pixel by the table; None = the file's own


def slides_of(inputs: Sequence[str]) -> list[Entry]:
    """All slides of a run, each once, in the order given; a folder's by name.

    Raises InputError for a table that cannot be read, a folder without slides, or no slide at all.
    """
    found: dict[str, tuple[Path, str, float | None]] = {}
    for text in inputs:
        path = Path(text)
        if path.suffix.lower() == ".csv":
            rows = _table(path)
        elif path.is_dir():
            rows = [(p, "", None) for p in _folder(path)]
        else:
            rows = [(path, "", None)]
        for slide, patient, mpp in rows:
            found.setdefault(str(slide.absolute()), (slide, patient, mpp))
    stems = Counter(Path(key).stem.casefold() for key in found)
    return [
        Entry(slide, _name(key, stems[Path(key).stem.casefold()] > 1), patient, mpp)
        for key, (slide, patient, mpp) in found.items()
    ]


def _name(path: str, is_shared: bool) -> str:
    """The stem; with a hash of the path where several slides have it."""
    stem = short_name(Path(path).stem)
    return f"{stem}-{hashlib.sha256(path.encode()).hexdigest()[:8]}" if is_shared else stem


def _folder(folder: Path) -> list[Path]:
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be read ({error.strerror}); check its permissions."
        ) from error
    if not files:
        raise InputError(f"There is no slide in {folder}; give the folder that holds the files.")
    return files


def _table(path: Path) -> list[tuple[Path, str, float | None]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            if "slide" not in columns:
                raise InputError(
                    f"{path} has no column 'slide'; its first line must be slide[,patient][,mpp]."
                )
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}; check the path.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV ({error}); save it as UTF-8.") from error
    found = [
        (path.parent / row["slide"].strip(), (row.get("patient") or "").strip(), _mpp(path, n, row))
        for n, row in rows
        if (row["slide"] or "").strip()
    ]
    if not found:
        raise InputError(f"{path} names no slide; give one a line below the line of columns.")
    return found


def _mpp(path: Path, line: int, row: dict[str, str]) -> float | None:
    text = (row.get("mpp") or "").strip()
    if text.lower() in ("", "na", "nan"):
        return None
    try:
        value = float(text)
        if not 0 < value < math.inf:
            raise ValueError
    except ValueError as error:
        raise InputError(
            f"{path}, line {line}: mpp is '{text}', which is no length in µm; correct it."
        ) from error
    return value
