"""What is kept of a slide, as values by key, and the JSON of each value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from ssmamba.rois.geojson import rois_from_geojson, rois_to_geojson
from ssmamba.rois.roi import Roi
from viewer.saving.records import json_of
from viewer.state.settings import SlideSettings, fields_of

REGION, SETTING = "region/", "setting/"
Contents = Mapping[str, Any]  # values by key; regions are Rois, everything else is JSON
DEFAULTS = SlideSettings()


def contents_of(rois: Iterable[Roi], settings: SlideSettings, **others: Any) -> dict[str, Any]:
    """The contents of a slide; a setting that is the default, or None, has no entry."""
    found: dict[str, Any] = {REGION + roi.id: roi for roi in rois}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != getattr(DEFAULTS, field.name):
            found[SETTING + field.name] = _as_json(value)
    found.update((key, value) for key, value in others.items() if value is not None)
    return found


def changes(before: Contents, after: Contents) -> dict[str, Any]:
    """What leads from one to the other; None = gone."""
    found = {
        key: value
        for key, value in after.items()
        if key not in before or (before[key] is not value and before[key] != value)
    }
    found.update(dict.fromkeys(key for key in before if key not in after))
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
    mpp, field_px = (_positive(contents.get(SETTING + name)) for name in ("mpp", "field_px"))
    is_shown = contents.get(SETTING + "icc") is not False
    return SlideSettings(mpp, field_px, is_shown, fields_of(contents.get(SETTING + "fields")))


def encoded(value: Any) -> bytes:
    """The JSON of a value."""
    return json_of(_feature(value) if isinstance(value, Roi) else value)


def decoded(key: str, data: bytes) -> Any:
    """The value of a record. Raises ValueError for one that is of no use."""
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    if not key.startswith(REGION):
        return value
    found = rois_from_geojson(value)
    if len(found) != 1:
        raise ValueError(f"{key} is no region")
    return replace(found[0], id=key.removeprefix(REGION))


def read_all(live: Mapping[str, bytes]) -> tuple[dict[str, Any], list[str]]:
    """The contents of records, and the keys of those that are of no use."""
    found: dict[str, Any] = {}
    odd: list[str] = []
    for key, data in live.items():
        try:
            found[key] = decoded(key, data)
        except ValueError:
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


def _feature(roi: Roi) -> dict[str, Any]:
    collection = rois_to_geojson([roi])
    (feature,) = collection["features"]
    return {**feature, "crs": collection["crs"]} if "crs" in collection else feature


def _as_json(value: Any) -> Any:
    """As it comes back: tuples are lists there, and a difference would be saved."""
    return [_as_json(each) for each in value] if isinstance(value, tuple) else value


def _positive(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value > 0 else None  # type: ignore[operator, arg-type]
