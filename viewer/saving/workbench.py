"""What is kept over all slides: models, how maps are painted, and which slides are open."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from viewer.saving.contents import applied, changes, encoded, read_all
from viewer.saving.journal import Journal
from viewer.saving.packing import from_json, to_json
from viewer.state.matrix import MatrixChoice
from viewer.state.settings import MapPainting, MapSpec, PictureSettings
from viewer.state.slide_scan import ScanLook

NAME = "workbench"  # of the journal


@dataclass(frozen=True)
class Bench:
    """The state of the window that belongs to no slide."""

    painting: MapPainting = field(default_factory=MapPainting)
    map_choice: MapSpec = field(
        default_factory=lambda: MapSpec("")
    )  # the last class, method and stage
    picture: PictureSettings = field(default_factory=PictureSettings)
    added: tuple[str, ...] = ()  # paths of models that the user has added
    in_use: tuple[str, ...] | None = None  # paths of models; None = never chosen
    shown: str = ""  # path of the model on the slide
    model_folder: str = ""  # whose models are listed; "" = none
    slides: tuple[str, ...] = ()  # paths that the user switches between
    current: str = ""  # of the slide that was open
    beside: str = ""  # of the one beside it
    reader: str = ""  # who reads; "" = the first one
    readers: tuple[str, ...] = ()  # names that were used
    scan_look: ScanLook = field(default_factory=ScanLook)  # but for class and threshold
    matrix: MatrixChoice = field(default_factory=MatrixChoice)  # of the comparison


def bench_of(kept: Mapping[str, Any]) -> Bench:
    """A bench from its values by name; what does not fit is the default."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(Bench).items():
        with contextlib.suppress(ValueError):
            if name in kept:
                found[name] = from_json(kind, kept[name])
    return Bench(**found)


class WorkbenchStore:
    """One journal in the user's folder; the window that changes a value last counts."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder, NAME)
        self._kept: dict[str, Any] = {}

    def load(self) -> Bench:
        """The saved state; what cannot be read has its default."""
        with contextlib.suppress(OSError):
            self._journal.sync()
        self._kept, _ = read_all(self._journal.live)
        return bench_of(self._kept)

    def save(self, bench: Bench) -> None:
        """Put what has changed on disk. Raises OSError."""
        now = {name: to_json(getattr(bench, name)) for name in get_type_hints(Bench)}
        news = changes(self._kept, {k: v for k, v in now.items() if v is not None})
        news = {key: value for key, value in news.items() if key in now}
        if not news:
            return
        with self._journal.locked():
            self._journal.sync()
            self._journal.append({k: None if v is None else encoded(v) for k, v in news.items()})
        self._kept = applied(self._kept, news)
