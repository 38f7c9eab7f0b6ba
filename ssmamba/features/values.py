"""The tiles of a slide as a file has them, and the features beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ssmamba.errors import DataError, did_you_mean
from ssmamba.wording import words

TWICE = words("{twice} of {count} tiles are in {name} twice, and are read once.")


@dataclass(frozen=True, eq=False)
class TileFile:
    """Places of tiles, (x, y) of their upper left corners in level-0 pixels, and their features.

    Tiles that a program stores twice are here once.
    """

    path: Path
    layout: str  # the program: "TRIDENT", "CLAM", "hs2p", …
    places: np.ndarray  # (N, 2) float64
    # of a tile, level-0 pixels, as the file has it; None = the file does not say, see likely_side
    side: float | None
    load: Callable[[str], np.ndarray] = field(repr=False)  # (N, D) of one of ``names``
    names: tuple[str, ...] = ()  # of the features; () = places alone
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)  # (N,) float64 by name
    mpp: float | None = None  # µm/px at which the tiles were read, where the file says so
    slide: str = ""  # its name, where the file says so
    notes: tuple[str, ...] = ()  # sentences

    def features(self, name: str = "") -> np.ndarray:
        """(N, D) float32 or float16 in the order of ``places``; by name where there are several.

        Raises DataError for a name that the file does not have, and for values that are no numbers.
        """
        if not self.names:
            raise DataError(
                "{path} has no features, only places of tiles; choose another.", path=self.path
            )
        if not name and len(self.names) > 1:
            raise DataError(
                "{path} has features of several encoders ({names}); name one.",
                path=self.path,
                names=", ".join(self.names),
            )
        if name and name not in self.names:
            raise DataError(
                "{path} has no '{name}'{hint}.",
                path=self.path,
                name=name,
                hint=did_you_mean(name, self.names),
            )
        values = self.load(name or self.names[0])
        if not np.isfinite(values).all():
            raise DataError(
                "{path} has features that are no numbers; extract them again.", path=self.path
            )
        return values

    @property
    def likely_side(self) -> float | None:
        """The side by the file, else the distance of neighbours, by which tiles seem to lie."""
        if self.side is not None or not len(self.places):
            return self.side
        steps = [np.diff(np.unique(self.places[:, axis])) for axis in (0, 1)]
        found = np.concatenate(steps)
        return float(found.min()) if len(found) else None

    @property
    def windows(self) -> np.ndarray:
        """(N, 3) float64 of x, y, side. Raises DataError where the side is not known."""
        if self.side is None:
            likely = self.likely_side
            hint = (
                "" if likely is None else words(" ({likely:g} level-0 px is likely)", likely=likely)
            )
            raise DataError(
                "{path} does not say how large its tiles are; give it{hint}.",
                path=self.path,
                hint=hint,
            )
        return np.column_stack([self.places, np.full(len(self.places), self.side)])


def tile_file(
    path: Path,
    layout: str,
    places: np.ndarray,
    side: float | None,
    load: Callable[[str], np.ndarray] | None = None,
    names: tuple[str, ...] = (),
    columns: Mapping[str, np.ndarray] | None = None,
    mpp: float | None = None,
    slide: str = "",
) -> TileFile:
    """Check the places of a file, and leave out tiles that are in it twice.

    load: features in the order of ``places`` as given. Raises DataError.
    """
    places = np.asarray(places)
    if places.ndim != 2 or places.shape[1] != 2 or places.dtype.kind not in "iuf":
        raise damaged(path, f"its places have the shape {places.shape}")
    places = places.astype(np.float64)
    if not np.isfinite(places).all():
        raise damaged(path, "a place is no number")
    if side is not None and not 0 < side < 1e7:
        raise damaged(path, f"its tiles have the side {side:g}")
    count = len(places)
    first = np.sort(np.unique(places, axis=0, return_index=True)[1]) if count else np.arange(0)
    twice = count - len(first)

    def of_kept(name: str) -> np.ndarray:
        values = load(name) if load is not None else np.zeros((count, 0), np.float32)
        if values.ndim != 2 or len(values) != count:
            raise damaged(path, f"it has {count} places and features of shape {values.shape}")
        return values[first] if twice else values

    kept = {name: np.asarray(column, np.float64)[first] for name, column in (columns or {}).items()}
    notes: tuple[str, ...] = ()
    if twice:
        notes = (words(TWICE, twice=twice, count=count, name=path.name),)
    return TileFile(
        path, layout, places[first], side, of_kept, names, kept, mpp, slide, notes
    )  # fmt: skip


def damaged(path: Path, why: str) -> DataError:
    """The sentence about a file that cannot be read."""
    return DataError(
        "{path} is not a feature file that can be read ({why}); extract it again.",
        path=path,
        why=why,
    )
