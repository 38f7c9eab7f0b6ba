"""The caption above a map: the model's answer for the selected region, doubt first."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.controllers.map_counter import MapNumbers
from viewer.state.document import Document
from viewer.state.library import Model
from viewer.state.matrix import CLASS, REGION, stage_of
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


def caption(document: Document, spec: MapSpec, model: Model, *, own_detail: bool) -> Caption:
    """The caption of a map of the selected region.

    own_detail: each model has the detail of its own, which is then named.
    """
    roi = document.selected
    newest = roi and document.results.newest_answer(roi.id, model.path)
    if model.card.is_torchscript:
        return Caption(text=tr("A TorchScript model has no maps of evidence"))
    if not model.explains(spec.target):
        return Caption(text=tr("This model does not have the chosen class"))
    remarks = []
    if own_detail:
        remarks.append(tr("detail {stage}").format(stage=stage_of(model, spec)))
    if not newest or roi is None:
        return Caption(remarks=" · ".join(remarks))
    key, result = newest
    told = said(model.card, result, roi.user_class)
    if key != answer_key(document, roi, model):
        remarks.append(tr("outdated"))
    name, share = told.name, told.share
    if spec.target is not None and name:
        probability = result.probabilities.get(spec.target)
        name = model.class_info(spec.target).name
        share = "" if probability is None else formats.percent(probability)
    return Caption(told.doubt, name, share, " · ".join(remarks), told.agrees)


def numbers_text(numbers: MapNumbers, is_a: bool) -> str:
    """Below a picture: "63 % inside · ρ 0.83"."""
    parts = []
    if numbers.share is not None:
        parts.append(tr("{share} inside").format(share=formats.percent(numbers.share.energy)))
    if is_a:
        parts.append(tr("map A"))
    elif numbers.rho is not None:
        parts.append(tr("ρ {value}").format(value=formats.correlation(numbers.rho)))
    return " · ".join(parts)


def numbers_spoken(numbers: MapNumbers, is_a: bool, inside: str, place: str) -> str:
    """The same in sentences. inside: the choice; place: the name of the region."""
    parts = []
    if numbers.share is not None:
        where = {CLASS: tr("the regions of its class"), REGION: tr("the selected region")}
        text = tr(
            "{share} of the evidence lies in {place}, which is {area} of what the model read."
        )
        parts.append(
            text.format(
                share=formats.percent(numbers.share.energy),
                place=where.get(inside, place),
                area=formats.percent(numbers.share.area),
            )
        )
    if numbers.rho is not None and not is_a:
        text = tr("Rank correlation with map A (Spearman): {value}.")
        parts.append(text.format(value=formats.correlation(numbers.rho)))
    return " ".join(parts)


def original_caption(document: Document) -> Caption:
    """Above the region without a map: the user's class, else the region's name."""
    roi = document.selected
    if roi is None:
        return Caption()
    own = tr("Your class: {name}").format(name=roi.user_class)
    return Caption(text=own if roi.user_class else roi.name)
