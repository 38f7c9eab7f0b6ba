"""How much of the slide a window of each model covers, and what the user must be asked; no Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ssmamba.reading.scale import Field, field_on
from ssmamba.reading.values import ReadOptions
from ssmamba.rois.roi import Roi
from viewer.state.document import Document
from viewer.state.library import Model


@dataclass(frozen=True)
class Question:
    """How much of this slide did one training image of these models show?"""

    key: str  # of the training images, see ``field_key``
    models: tuple[Model, ...]  # that need to know it
    field: Field  # the likely answer
    roi: Roi  # for which it is asked
    of_slide: bool = False  # for the whole slide; ``roi`` is what is in view


def field_key(model: Model) -> str:
    """Name of the images that a model was trained on: models that share them share the answer."""
    card = model.card
    name = str(card.dataset.get("name") or card.name or model.path)
    return f"{name}, {card.input.source_px} px"


def set_field_px(document: Document, model: Model) -> float | None:
    """The field that the user set for a model on the open slide, level-0 px."""
    return document.slide_settings.field_of(field_key(model))


def field_of(document: Document, model: Model) -> Field:
    """The field of a model on the open slide."""
    slide = document.slide
    assert slide is not None
    options = ReadOptions(field_px=set_field_px(document, model))
    is_plain, size = slide.vendor == "image", (slide.width, slide.height)
    return field_on(model.card.input, size, is_plain, document.mpp, options)


def needs_scale(document: Document, roi: Roi, model: Model) -> bool:
    """Whether a region may have no class before the user has answered (``reading.scale``)."""
    slide = document.slide
    if slide is None:
        return False
    left, top, right, bottom = roi.bounds
    width = min(right, slide.width) - max(left, 0.0)
    height = min(bottom, slide.height) - max(top, 0.0)
    return field_of(document, model).is_asked_for(max(width, height))


def question_about(document: Document, roi: Roi | None, models: Iterable[Model]) -> Question | None:
    """What to ask for a region; None when every model can read it."""
    if roi is None:
        return None
    needy = [model for model in models if needs_scale(document, roi, model)]
    if not needy:
        return None
    key = field_key(needy[0])
    alike = tuple(model for model in needy if field_key(model) == key)
    return Question(key, alike, field_of(document, alike[0]), roi)


def question_about_slide(document: Document, model: Model, view: Roi) -> Question | None:
    """What to ask before a model reads the whole slide; None when it can. view: what is in view."""
    if document.slide is None:
        return None
    field = field_of(document, model)
    return None if field.sure else Question(field_key(model), (model,), field, view, of_slide=True)
