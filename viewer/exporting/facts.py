"""What is exported: regions with their answers and maps, as they were when the user asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ssmamba.engine.messages import ClassifyResult
from ssmamba.headless.answers import Answer
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import SlideInfo
from viewer.canvas.types import Overlay
from viewer.state.document import Document
from viewer.state.library import Model
from viewer.state.planning import answer_key


@dataclass(frozen=True)
class RegionAnswer:
    """One model's newest answer for a region."""

    answer: Answer
    outdated: bool = False  # the region or its scale was changed since

    @property
    def label(self) -> str:
        """The model's name, distinct among those shown."""
        return self.answer.label

    @property
    def result(self) -> ClassifyResult:
        return self.answer.result


@dataclass(frozen=True, eq=False)
class ShownMap:
    """The evidence map of a region as it lies on the slide."""

    overlay: Overlay
    low: float  # ends of the colour scale, raw values
    high: float
    colormap: str
    opacity: float  # 0..1
    title: str  # "Evidence for Adenocarcinoma"
    method: str  # "GradCAM, detail 2, Second model"


@dataclass(frozen=True, eq=False)
class RegionFacts:
    """A region with all that is known of it."""

    roi: Roi
    answers: tuple[RegionAnswer, ...] = ()  # in the order of the models
    map: ShownMap | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """A slide with its regions, copied: another slide may be opened while they are written."""

    info: SlideInfo
    mpp: float | None  # µm per level-0 pixel, the user's before the file's
    icc: bool  # the colour profile is applied
    regions: tuple[RegionFacts, ...]
    time: str  # when the user asked, "2026-05-12 14:03"
    rotation: float = 0.0  # of the slide in the view, degrees clockwise

    @property
    def outdated(self) -> int:
        """How many answers are."""
        return sum(answer.outdated for region in self.regions for answer in region.answers)


def answers_of(
    document: Document, models: Sequence[tuple[Model, str]], roi: Roi
) -> tuple[RegionAnswer, ...]:
    """The newest answers of models, each given with its label."""
    if not roi.has_area:
        return ()
    found = []
    for model, label in models:
        newest = document.results.newest_answer(roi.id, model.path)
        if newest is not None:
            outdated = newest[0] != answer_key(document, roi, model)
            found.append(RegionAnswer(Answer(label, model.card, newest[1]), outdated))
    return tuple(found)


def models_of(regions: Sequence[RegionFacts]) -> list[RegionAnswer]:
    """One answer of each model, in order."""
    found: dict[str, RegionAnswer] = {}
    for region in regions:
        for answer in region.answers:
            found.setdefault(answer.label, answer)
    return list(found.values())
