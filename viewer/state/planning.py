"""The results wanted now, in the order in which they are requested; no Qt.

The controller compares this list with the results that exist or are in progress. A changed
setting, an edit or a new model therefore needs no code of its own: missing results are requested,
and those no longer wanted are cancelled.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from ssmamba.engine.messages import Classify, Explain, Priority, Reconstruct, Request, SlideRef
from ssmamba.reading.values import ReadOptions
from ssmamba.rois.roi import Roi
from viewer.state.document import Document
from viewer.state.library import Model, ModelLibrary
from viewer.state.results import AnswerKey, Key, MapKey, PictureKey, Reading
from viewer.state.scale import needs_scale, set_field_px
from viewer.state.settings import MapSpec


@dataclass(frozen=True)
class Task:
    """One request to the engine and the results that it will bring."""

    roi: Roi
    keys: tuple[Key, ...]
    priority: Priority


def answer_key(document: Document, roi: Roi, model: Model) -> AnswerKey:
    return AnswerKey(roi.id, model.path, model.version, _reading(document, roi, model))


def map_key(document: Document, roi: Roi, model: Model, spec: MapSpec) -> MapKey:
    return MapKey(roi.id, model.version, _reading(document, roi, model), spec)


def picture_key(document: Document, roi: Roi, model: Model) -> PictureKey:
    chosen, reading = document.picture_settings, _reading(document, roi, model)
    return PictureKey(roi.id, model.path, model.version, reading, chosen.mask_ratio, chosen.seed)


def _reading(document: Document, roi: Roi, model: Model) -> Reading:
    """Geometry and scale with which a request for this region and model would be made now."""
    return replace(document.reading(roi), field_px=set_field_px(document, model))


def wanted(
    document: Document, library: ModelLibrary, asked: Iterable[str], all_maps: bool = False
) -> list[Task]:
    """Tasks for the regions that the user asked about, the most urgent first.

    The selected region comes first, with its maps and its reconstruction; then the answers of the
    others. all_maps: finally, maps and reconstructions of every requested region. A model whose
    scale must be asked for first wants nothing.
    """
    selected = document.selected
    in_use = _shown_first(library)
    masked = library.reconstructor
    tasks: list[Task] = []
    for roi in (document.roi(i) for i in asked):
        if roi is None or not roi.has_area:
            continue
        chosen = selected is not None and roi.id == selected.id
        first, then = (
            (Priority.ASKED, Priority.VISIBLE) if chosen else (Priority.REST, Priority.AHEAD)
        )
        models = [model for model in in_use if not needs_scale(document, roi, model)]
        tasks += _of_one_scale(roi, [answer_key(document, roi, m) for m in models], first)
        if not (chosen or all_maps):
            continue
        if document.map_painting.visible:
            tasks += _map_tasks(document, roi, models, then)
        if masked is not None and not needs_scale(document, roi, masked):
            tasks.append(Task(roi, (picture_key(document, roi, masked),), then))
    return sorted((task for task in tasks if task.keys), key=lambda task: task.priority)


def missing(tasks: Iterable[Task], document: Document, *settled: Container[Key]) -> list[Task]:
    """The tasks, reduced to results that are neither in the document nor in ``settled``."""
    found = []
    there: tuple[Container[Key], ...] = (document.results, *settled)
    for task in tasks:
        keys = tuple(k for k in task.keys if not any(k in place for place in there))
        if keys:
            found.append(replace(task, keys=keys))
    return found


def request(task: Task, job: int, document: Document) -> Request:
    """The engine's message for a task; its keys differ only in the checkpoint."""
    assert document.slide is not None
    shown = document.slide
    slide = SlideRef(shown.path, document.slide_settings.mpp, file=shown.file)
    paths = tuple(key.checkpoint for key in task.keys)
    roi, key, urgent = task.roi.bare(), task.keys[0], task.priority
    options = ReadOptions(field_px=key.reading.field_px)
    if isinstance(key, AnswerKey):
        return Classify(job, slide, roi, paths, options, priority=urgent)
    if isinstance(key, MapKey):
        chosen = (key.spec.method, key.spec.stage, key.spec.target)
        return Explain(job, slide, roi, paths, *chosen, options, priority=urgent)
    path, ratio, seed = key.checkpoint, key.mask_ratio, key.seed
    return Reconstruct(job, slide, roi, path, ratio, seed, options, priority=urgent)


def may_show_map(document: Document, roi: Roi, spec: MapSpec) -> bool:
    """Whether a map may be shown: not that of a predicted class which must not be named."""
    newest = document.results.newest_answer(roi.id, spec.checkpoint)
    return spec.target is not None or newest is None or newest[1].trust.names_class


def _shown_first(library: ModelLibrary) -> list[Model]:
    shown = library.shown
    return sorted(library.in_use, key=lambda m: shown is None or m.path != shown.path)


def _map_tasks(
    document: Document, roi: Roi, models: Iterable[Model], priority: Priority
) -> list[Task]:
    """The maps in view, those that differ only in the checkpoint in one task."""
    alike: dict[MapSpec, list[MapKey]] = {}
    for model in models:
        for spec in document.maps.wanted:
            if spec.checkpoint == model.path and model.explains(spec.target):
                key = map_key(document, roi, model, spec)
                alike.setdefault(replace(spec, checkpoint=""), []).append(key)
    return [task for keys in alike.values() for task in _of_one_scale(roi, keys, priority)]


def _of_one_scale(roi: Roi, keys: Sequence[Key], priority: Priority) -> list[Task]:
    """A task for the keys of each scale: one request reads at one."""
    fields: dict[float | None, list[Key]] = {}
    for key in keys:
        fields.setdefault(key.reading.field_px, []).append(key)
    return [Task(roi, tuple(some), priority) for some in fields.values()]
