"""Which results are wanted now, and in which order they are asked for; no Qt.

The controller compares this list with what is there or under way. So a change of any setting, an
edit, or a new model needs no code of its own: what is missing is asked for, what is no longer
wanted is cancelled.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from ssmamba.engine.messages import Classify, Explain, Reconstruct, Request, SlideRef
from ssmamba.reading.values import ReadOptions
from ssmamba.rois.roi import Roi
from viewer.state.document import Document
from viewer.state.library import Model, ModelLibrary
from viewer.state.results import AnswerKey, Key, MapKey, PictureKey
from viewer.state.settings import MapSpec


@dataclass(frozen=True)
class Task:
    """One request to the engine and the results that it will bring."""

    roi: Roi
    keys: tuple[Key, ...]


def answer_key(document: Document, roi: Roi, model: Model) -> AnswerKey:
    return AnswerKey(roi.id, model.path, model.version, document.reading(roi))


def map_key(document: Document, roi: Roi, model: Model, spec: MapSpec) -> MapKey:
    return MapKey(roi.id, model.version, document.reading(roi), spec)


def picture_key(document: Document, roi: Roi, model: Model) -> PictureKey:
    chosen, reading = document.picture_settings, document.reading(roi)
    return PictureKey(roi.id, model.path, model.version, reading, chosen.mask_ratio, chosen.seed)


def wanted(
    document: Document, library: ModelLibrary, asked: Iterable[str], all_maps: bool = False
) -> list[Task]:
    """Tasks for the regions that the user asked about, the most urgent first.

    The selected region comes first, with its maps and its reconstruction; then the answers of the
    others. all_maps: maps and reconstructions of every asked region (for a screenshot).
    """
    selected = document.selected
    asked_ids = list(asked)
    rois = [r for i in asked_ids if (r := document.roi(i)) is not None and has_area(r)]
    if selected is not None and selected.id in asked_ids:
        rois.sort(key=lambda r: r.id != selected.id)
    models = _shown_first(library)
    masked = library.reconstructor
    first: list[Task] = []
    later: list[Task] = []
    for roi in rois:
        answers = Task(roi, tuple(answer_key(document, roi, m) for m in models))
        if not all_maps and (selected is None or roi.id != selected.id):
            later.append(answers)
            continue
        first.append(answers)
        if document.map_painting.visible:
            first += _map_tasks(document, roi, models)
        if masked is not None:
            first.append(Task(roi, (picture_key(document, roi, masked),)))
    return [task for task in first + later if task.keys]


def missing(tasks: Iterable[Task], document: Document, *settled: Container[Key]) -> list[Task]:
    """Tasks without the results that are there, and without those under way or failed."""
    found = []
    there: tuple[Container[Key], ...] = (document.results, *settled)
    for task in tasks:
        keys = tuple(k for k in task.keys if not any(k in place for place in there))
        if keys:
            found.append(Task(task.roi, keys))
    return found


def request(task: Task, job: int, document: Document) -> Request:
    """The engine's message for a task; its keys differ in nothing but the checkpoint."""
    assert document.slide is not None
    slide = SlideRef(document.slide.path, document.calibration.mpp)
    options = ReadOptions(field_px=document.calibration.field_px)
    paths = tuple(key.checkpoint for key in task.keys)
    key = task.keys[0]
    if isinstance(key, AnswerKey):
        return Classify(job, slide, task.roi, paths, options)
    if isinstance(key, MapKey):
        spec = key.spec
        return Explain(job, slide, task.roi, paths, spec.method, spec.stage, spec.target, options)
    return Reconstruct(job, slide, task.roi, key.checkpoint, key.mask_ratio, key.seed, options)


def has_area(roi: Roi) -> bool:
    return roi.kind not in ("point", "line")


def _shown_first(library: ModelLibrary) -> list[Model]:
    shown = library.shown
    return sorted(library.in_use, key=lambda m: shown is None or m.path != shown.path)


def _map_tasks(document: Document, roi: Roi, models: Iterable[Model]) -> list[Task]:
    """The maps in view, those that differ only in the checkpoint in one task."""
    alike: dict[MapSpec, list[MapKey]] = {}
    for model in models:
        for spec in document.maps.specs:
            if spec.checkpoint == model.path and model.explains(spec.target):
                key = map_key(document, roi, model, spec)
                alike.setdefault(replace(spec, checkpoint=""), []).append(key)
    return [Task(roi, tuple(keys)) for keys in alike.values()]
