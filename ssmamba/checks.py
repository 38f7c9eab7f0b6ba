"""Lines of the report that ``--doctor`` prints; shared by the viewer and ``ssmamba.doctor``."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    text: str
    next_step: str = ""  # empty when all is well

    def __str__(self) -> str:
        return f"! {self.text}; {self.next_step}" if self.next_step else f"✓ {self.text}"


def report(checks: Iterable[Check]) -> int:
    """Print each check as it is made; returns 0 when all is well, 1 when one needs attention."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # a console without ✓ shows another sign
    status = 0
    for check in checks:
        print(check, flush=True)
        status |= bool(check.next_step)
    return status


def writable(what: str, folder: Path) -> Check:
    """Whether files can be made in a folder, or in a new folder of this name."""
    there = next((p for p in (folder, *folder.parents) if p.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=there):
            return Check(f"{what}: {folder}")
    except OSError as error:
        why = error.strerror or str(error)
        return Check(f"{what}: {folder} cannot be written ({why})", f"make {there} writable")
