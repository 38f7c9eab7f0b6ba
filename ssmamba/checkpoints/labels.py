"""Display names of models shown together; no two are equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ssmamba.checkpoints.card import Card

OF_A_RUN = ("best", "last")  # what training calls its files: the folder says which run


def labels_of(paths: Sequence[Path], cards: Sequence[Card]) -> list[str]:
    """The cards' names; with the file where a name is not the only one of its kind."""
    names = [card.name or path.stem for card, path in zip(cards, paths, strict=True)]
    counts = Counter(names)
    files = [f"{path.parent.name}/{path.stem}" for path in paths]
    named = [f"{n} ({f})" if counts[n] > 1 else n for n, f in zip(names, files, strict=True)]
    counts = Counter(named)
    return [f"{n} #{i}" if counts[n] > 1 else n for i, n in enumerate(named, start=1)]


def file_label(path: Path) -> str:
    """Short name of a checkpoint for names of other files: "lac", or "run-3" of run-3/best."""
    return path.parent.name if path.stem in OF_A_RUN and path.parent.name else path.stem
