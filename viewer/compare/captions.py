"""The caption above a map: the model's answer for the selected region, doubt first."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.state.document import Document
from viewer.state.library import Model
from viewer.state.planning import answer_key
from viewer.state.settings import MapSpec
from viewer.text import formats
from viewer.text.answers import agreement_text, said
from viewer.text.tr import tr


@dataclass(frozen=True)
class Caption:
    """What stands above a map, beside the model's name."""

    doubt: str = ""
    text: str = ""  # the class, or why there is none
    share: str = ""  # of the class, "77.2 %"
    remarks: str = ""  # "detail 4 · outdated"
    agrees: bool | None = None  # with the user's class; None: cannot be said

    @property
    def spoken(self) -> str:
        """All of it on one line."""
        parts = (self.doubt, self.text, agreement_text(self.agrees), self.share, self.remarks)
        return " · ".join(part for part in parts if part)


def caption(document: Document, on_slide: Model | None, spec: MapSpec, model: Model) -> Caption:
    """The caption of a map of the selected region.

    on_slide: the model whose map is on the slide; a different detail of another one is noted.
    """
    roi = document.selected
    newest = roi and document.results.newest_answer(roi.id, model.path)
    if model.card.is_torchscript:
        return Caption(text=tr("A TorchScript model has no maps of evidence"))
    if not model.explains(spec.target):
        return Caption(text=tr("This model does not have the chosen class"))
    if not newest or roi is None:
        return Caption()
    key, result = newest
    told = said(model.card, result, roi.user_class)
    remarks = []
    detail = model.card.cam_stage
    if spec.stage is None and on_slide is not None and detail != on_slide.card.cam_stage:
        remarks.append(tr("detail {stage}").format(stage=detail))
    if key != answer_key(document, roi, model):
        remarks.append(tr("outdated"))
    name, share = told.name, told.share
    if spec.target is not None and name:
        probability = result.probabilities.get(spec.target)
        name = model.class_info(spec.target).name
        share = "" if probability is None else formats.percent(probability)
    return Caption(told.doubt, name, share, " · ".join(remarks), told.agrees)


def original_caption(document: Document) -> Caption:
    """Above the region without a map: the user's class, else the region's name."""
    roi = document.selected
    if roi is None:
        return Caption()
    own = tr("Your class: {name}").format(name=roi.user_class)
    return Caption(text=own if roi.user_class else roi.name)
