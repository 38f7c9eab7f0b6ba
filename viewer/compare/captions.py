"""The caption above a map: the model's answer for the selected region."""

from __future__ import annotations

from viewer.state.document import Document
from viewer.state.library import Model
from viewer.state.planning import answer_key
from viewer.state.settings import MapSpec
from viewer.text.tr import tr
from viewer.widgets.bars import percent


def caption(
    document: Document, on_slide: Model | None, spec: MapSpec, model: Model
) -> tuple[str, str, bool]:
    """The class, its share with remarks, and whether the model is unsure of it.

    on_slide: the model whose map is on the slide; a different detail of another one is noted.
    """
    roi = document.selected
    newest = roi and document.results.newest_answer(roi.id, model.path)
    if not model.explains(spec.target):
        return tr("This model does not have the chosen class"), "", False
    if not newest or roi is None:
        return "", "", False
    key, result = newest
    shown = spec.target or result.predicted
    probability = result.probabilities.get(shown)
    parts = [] if probability is None else [percent(probability)]
    detail = model.card.cam_stage
    if spec.stage is None and on_slide is not None and detail != on_slide.card.cam_stage:
        parts.append(tr("detail {stage}").format(stage=detail))
    if key != answer_key(document, roi, model):
        parts.append(tr("outdated"))
    share = "".join(f" · {part}" for part in parts)
    return model.class_info(shown).name, share, not result.trust.sure
