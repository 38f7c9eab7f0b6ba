"""Which annotations have which class, and which windows are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ssmamba.errors import DataError
from ssmamba.names import composed, folded
from ssmamba.rois.roi import Roi
from training.prepare.config import PrepareConfig

PX = 224  # side of a patch where none is asked for


@dataclass(frozen=True)
class Rules:
    """The flags, checked."""

    px: int  # side of a patch
    mpp: float  # µm/px of a patch
    inside: float  # least share of a window inside its class
    overlap: float  # of neighbouring windows, share of a side
    tissue: float  # least share of tissue in a window
    inner: bool  # the smaller annotation owns what it shares with a larger one
    background: str  # class of tissue outside of all annotations; "" = not taken
    wanted: dict[str, str]  # class as annotated, folded -> class to learn; {} = all
    asked: tuple[str, ...]  # the keys of wanted, as the user writes them
    excluded: frozenset[str]  # folded classes that are cut out of the others
    slide_mpp: float  # µm/px of slides that do not say theirs; 0 = unknown

    def target(self, annotated: str) -> str:
        """The class to learn of an annotation's; "" where it is not used."""
        key = folded(annotated)
        if self.wanted:
            return self.wanted.get(key, "")
        return "" if not key or key.endswith("*") else composed(annotated.strip())

    def is_excluded(self, annotated: str) -> bool:
        return folded(annotated) in self.excluded


@dataclass(frozen=True)
class Sorted:
    """The annotations of a slide by what is done with them."""

    used: list[tuple[str, Roi]]  # class, region
    others: list[Roi]  # areas of no class that is used
    cut: list[Roi]  # areas to leave out
    left: Counter[str]  # classes that are not used; "" = no class
    lines: int  # lines and points, which have no area


def rules_of(config: PrepareConfig) -> Rules:
    """Raises DataError for flags that contradict each other."""
    if not config.mpp:
        raise DataError(
            "slides needs --mpp, the µm/px of the patches: 0.5 is about 20×, 0.25 about 40×."
        )
    wanted: dict[str, str] = {}
    asked: list[str] = []
    for entry in _listed(config.classes):
        source, _, target = entry.partition("=")
        if not source.strip() or ("=" in entry and not target.strip()):
            raise DataError(f"--classes: '{entry}' must be CLASS or CLASS=NAME.")
        asked.append(source.strip())
        wanted[folded(source)] = composed((target or source).strip())
    excluded = frozenset(folded(name) for name in _listed(config.exclude)) - set(wanted)
    if config.group_by == "region" and config.overlap:
        raise DataError("--group-by region needs windows that share no pixels; omit --overlap.")
    return Rules(
        config.roi_px or PX, config.mpp, config.inside, config.overlap, config.tissue,
        config.several == "inner", composed(config.background.strip()), wanted, tuple(asked),
        excluded, config.slide_mpp,
    )  # fmt: skip


def sort_annotations(rois: Sequence[Roi], rules: Rules) -> Sorted:
    """Classes that differ in capitals alone are one, as first written."""
    found = Sorted([], [], [], Counter(), 0)
    spelled = {folded(rules.background): rules.background}
    lines = 0
    for roi in rois:
        if not roi.has_area:
            lines += 1
        elif rules.is_excluded(roi.class_name):
            found.cut.append(roi)
        elif target := rules.target(roi.class_name):
            found.used.append((spelled.setdefault(folded(target), target), roi))
        else:
            found.others.append(roi)
            found.left[composed(roi.class_name.strip())] += 1
    return Sorted(found.used, found.others, found.cut, found.left, lines)


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]
