"""What is kept of a slide, as values by key, and the JSON of each value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from math import inf
from typing import Any, get_type_hints

from ssmamba.rois.roi import Roi
from viewer.saving.answers import (
    ANSWER,
    SLIDE_ANSWER,
    KeptAnswer,
    KeptSlideAnswer,
    answer_from_json,
    answer_to_json,
    slide_answer_from_json,
)
from viewer.saving.history import STEP, PackedStep, key_of_step, step_from_json, step_to_json
from viewer.saving.packing import from_json, to_json
from viewer.saving.records import json_of
from viewer.saving.values import (
    FARTHEST_PX,
    region_from_json,
    region_to_json,
    require,
    seen_from_json,
    seen_to_json,
)
from viewer.state.seen import Seen
from viewer.state.settings import (
    LARGEST_FIELD_PX,
    LARGEST_MPP,
    ClassList,
    SlideSettings,
    ViewColors,
    fields_of,
)
from viewer.state.undo import Side, UndoStack

REGION, SETTING = "region/", "setting/"
OWN = VIEW, SELECTED, FILE_MPP, SEEN = "view", "selected", "file_mpp", "seen"
Contents = Mapping[str, Any]  # values by key: Rois, answers, Seen, steps, and JSON
DEFAULTS = SlideSettings()
LARGEST = {"mpp": LARGEST_MPP, "field_px": LARGEST_FIELD_PX}
NOTHING = object()  # is kept under a key


def with_scale_of_file(contents: dict[str, Any], mpp: float | None) -> dict[str, Any]:
    """Contents that remember beside the user's scale what the file said then (µm/px)."""
    return {**contents, FILE_MPP: [mpp]} if SETTING + "mpp" in contents else contents


def without_old_scale(contents: Contents, mpp: float | None) -> Contents:
    """Contents without a scale that the user set when the file said another (µm/px)."""
    if FILE_MPP not in contents or SETTING + "mpp" not in contents:
        return contents
    if not isinstance(contents[FILE_MPP], list) or contents[FILE_MPP] == [mpp]:
        return contents
    return {k: v for k, v in contents.items() if k not in (FILE_MPP, SETTING + "mpp")}


def contents_of(rois: Iterable[Roi], settings: SlideSettings, **others: Any) -> dict[str, Any]:
    """The contents of a slide; a setting that is the default, or None, has no entry."""
    return {**by_key({roi.id: roi for roi in rois}), **without_regions(settings, **others)}


def by_key(rois: Mapping[str, Roi]) -> dict[str, Any]:
    """The part of the contents that are regions, from regions by id."""
    return {REGION + roi_id: roi for roi_id, roi in rois.items()}


def without_regions(settings: SlideSettings, **others: Any) -> dict[str, Any]:
    """The rest of the contents."""
    found: dict[str, Any] = {}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != getattr(DEFAULTS, field.name):
            found[SETTING + field.name] = to_json(value)
    found.update((key, value) for key, value in others.items() if value is not None)
    return found


def steps_by_key(stack: UndoStack) -> dict[str, Any]:
    """The part that are steps to undo and redo."""
    return {key_of_step(number): step for number, step in stack.kept().items()}


def without_steps(contents: Contents) -> Contents:
    return {key: value for key, value in contents.items() if not key.startswith(STEP)}


def changes(before: Contents, after: Contents) -> dict[str, Any]:
    """What leads from one to the other; None = gone."""
    if not before:
        return dict(after)
    here = before.get
    found = {
        key: value
        for key, value in after.items()
        if (old := here(key, NOTHING)) is not value and (old is NOTHING or old != value)
    }
    found.update(dict.fromkeys(before.keys() - after.keys()))
    return found


def applied(contents: Contents, news: Contents) -> dict[str, Any]:
    """Contents after changes."""
    found = dict(contents)
    for key, value in news.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = value
    return found


def regions_of(contents: Contents) -> tuple[Roi, ...]:
    """The regions, in the order in which they were added."""
    return tuple(value for key, value in contents.items() if key.startswith(REGION))


def settings_of(contents: Contents) -> SlideSettings:
    """The settings; what cannot be is the default."""
    found: dict[str, Any] = {}
    for field in fields(SlideSettings):
        raw = contents.get(SETTING + field.name)
        with suppress(ValueError):
            if raw is not None:
                found[field.name] = _setting(field.name, raw)
    return SlideSettings(**found)


def view_of(contents: Contents) -> tuple[float, float, float] | None:
    """Centre (x, y), level-0 pixels, and level-0 pixels per device pixel; None = all of it."""
    try:
        return _view(contents.get(VIEW))
    except ValueError:
        return None


def seen_of(contents: Contents) -> Seen | None:
    """Which parts of the slide were seen; None = nothing was kept."""
    found = contents.get(SEEN)
    return found if isinstance(found, Seen) else None


def answers_of(contents: Contents) -> tuple[KeptAnswer, ...]:
    """The answers, the oldest first."""
    return tuple(value for value in contents.values() if isinstance(value, KeptAnswer))


def slide_answer_of(contents: Contents) -> KeptSlideAnswer | None:
    """What a slide model said of the whole slide."""
    found = contents.get(SLIDE_ANSWER)
    return found if isinstance(found, KeptSlideAnswer) else None


def encoded(value: Any) -> bytes:
    """The JSON of a value."""
    if isinstance(value, Roi):
        return json_of(region_to_json(value))
    if isinstance(value, Seen):
        return json_of(seen_to_json(value))
    if isinstance(value, Side | PackedStep):
        return json_of(step_to_json(value))
    if isinstance(value, KeptAnswer | KeptSlideAnswer):
        return json_of(answer_to_json(value))
    return json_of(value)


def decoded(key: str, data: bytes) -> Any:
    """The value of a record. Raises ValueError for one that is of no use."""
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    if key == SLIDE_ANSWER:
        return slide_answer_from_json(value)
    if key.startswith(ANSWER):
        return answer_from_json(value)
    if key == SEEN:
        return seen_from_json(value)
    if key.startswith(STEP):
        return step_from_json(value)
    if not key.startswith(REGION):
        return _checked(key, value)
    return region_from_json(value, key.removeprefix(REGION))


def read_all(live: Mapping[str, bytes]) -> tuple[dict[str, Any], list[str]]:
    """The contents of records, and the keys of those that are of no use."""
    found: dict[str, Any] = {}
    odd: list[str] = []
    for key, data in live.items():
        try:
            found[key] = decoded(key, data)
        except ValueError:
            if not key.startswith((ANSWER, STEP)):  # such an answer is of another version
                odd.append(key)
    return found, odd


MANY_VERTICES = 2000  # of a region whose area takes long


def measured(rois: Sequence[Roi]) -> None:
    """Compute and cache each region's bounds, and large areas, to spare the GUI thread."""
    from ssmamba.rois.geometry import area_of  # shapely loads slowly

    for roi in rois:
        _ = roi.bounds
        if sum(len(ring) for rings in roi.polygons for ring in rings) > MANY_VERTICES:
            area_of(roi)


def _checked(key: str, value: Any) -> Any:
    """A value that is no region and no answer. Raises ValueError for one that cannot be."""
    if key == VIEW:
        _view(value)
    if key == FILE_MPP and value != [None]:
        (mpp,) = from_json(tuple[float], value)
        require(0 < mpp < inf, value)
    name = key.removeprefix(SETTING)
    if name != key and value is not None and name in get_type_hints(SlideSettings):
        _setting(name, value)
    return value


def _setting(name: str, raw: Any) -> Any:
    """The value of a setting from JSON. Raises ValueError for one that cannot be."""
    if name == "fields":
        return fields_of(raw)  # one that cannot be costs none of the others
    value = from_json(get_type_hints(SlideSettings)[name], raw)
    if isinstance(value, ClassList | ViewColors):
        return value.checked()
    if name == "rotation":
        require(0 <= value < 360, raw)
    if name in LARGEST and value is not None:
        require(0 < value <= LARGEST[name], raw)
    return value


def _view(raw: Any) -> tuple[float, float, float]:
    x, y, downsample = place = from_json(tuple[float, float, float], raw)
    require(max(abs(x), abs(y)) < FARTHEST_PX and 0 < downsample < FARTHEST_PX, raw)
    return place
