"""Results of the models by region and checkpoint; a second model never overwrites the first.

Each result is stored under a key of everything it depends on. It is outdated when it is the newest
for its region and model, but a request made now would have another key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from ssmamba.engine.messages import ClassifyResult, ExplainResult, ReconstructResult
from viewer.state.settings import MapSpec


@dataclass(frozen=True)
class Reading:
    """Geometry and scale of a region when it was read."""

    geometry: str  # sha256 of the coordinates
    mpp: float | None  # as corrected by the user
    field_px: float | None


@dataclass(frozen=True)
class AnswerKey:
    roi_id: str
    checkpoint: str  # path
    version: str  # of the file there
    reading: Reading


@dataclass(frozen=True)
class MapKey:
    roi_id: str
    version: str
    reading: Reading
    spec: MapSpec  # as asked: without a class it is that of the predicted one

    @property
    def checkpoint(self) -> str:
        return self.spec.checkpoint


@dataclass(frozen=True)
class PictureKey:
    roi_id: str
    checkpoint: str
    version: str
    reading: Reading
    mask_ratio: float
    seed: int


Key = AnswerKey | MapKey | PictureKey
Result = ClassifyResult | ExplainResult | ReconstructResult
K = TypeVar("K", MapKey, PictureKey)
R = TypeVar("R", ExplainResult, ReconstructResult)

MAP_BYTES = 384 * 2**20  # of evidence maps; the least recently used regions are dropped first
PICTURE_BYTES = 128 * 2**20  # of reconstructions


class ResultStore:
    """All results of the open slide."""

    def __init__(self) -> None:
        self._answers: dict[AnswerKey, ClassifyResult] = {}
        self._newest: dict[tuple[str, str], AnswerKey] = {}
        self._maps: dict[MapKey, ExplainResult] = {}
        self._pictures: dict[PictureKey, ReconstructResult] = {}

    def put(self, key: Key, result: Result, in_view: str = "") -> None:
        """Store a result; what belongs to the region ``in_view`` is not dropped for it."""
        if isinstance(key, AnswerKey) and isinstance(result, ClassifyResult):
            self._answers[key] = result
            self._newest[key.roi_id, key.checkpoint] = key
        elif isinstance(key, MapKey) and isinstance(result, ExplainResult):
            _put_limited(self._maps, key, result, MAP_BYTES, in_view)
        elif isinstance(key, PictureKey) and isinstance(result, ReconstructResult):
            _put_limited(self._pictures, key, result, PICTURE_BYTES, in_view)
        else:
            raise TypeError(f"{type(result).__name__} does not answer {type(key).__name__}")

    def __contains__(self, key: object) -> bool:
        return key in self._answers or key in self._maps or key in self._pictures

    def newest_answer(
        self, roi_id: str, checkpoint: str
    ) -> tuple[AnswerKey, ClassifyResult] | None:
        key = self._newest.get((roi_id, checkpoint))
        return None if key is None else (key, self._answers[key])

    def map(self, key: MapKey) -> ExplainResult | None:
        return self._maps.get(key)

    def mapped_regions(self) -> list[str]:
        """Ids of regions that have any map, in the order of their first."""
        return list(dict.fromkeys(key.roi_id for key in self._maps))

    def picture(self, key: PictureKey) -> ReconstructResult | None:
        return self._pictures.get(key)

    def newest_picture(self, roi_id: str) -> tuple[PictureKey, ReconstructResult] | None:
        """The latest reconstruction of a region, with any settings."""
        found = [(k, v) for k, v in self._pictures.items() if k.roi_id == roi_id]
        return found[-1] if found else None

    def drop_replaced(self, versions: Mapping[str, str]) -> None:
        """Drop results of replaced files; versions: current version of each file, by path."""

        def kept(key: Key) -> bool:
            return versions.get(key.checkpoint, key.version) == key.version

        self._answers = {k: v for k, v in self._answers.items() if kept(k)}
        self._newest = {i: k for i, k in self._newest.items() if kept(k)}
        self._maps = {k: v for k, v in self._maps.items() if kept(k)}
        self._pictures = {k: v for k, v in self._pictures.items() if kept(k)}

    def clear(self) -> None:
        for kept in (self._answers, self._newest, self._maps, self._pictures):
            kept.clear()


def result_bytes(result: ExplainResult | ReconstructResult) -> int:
    """Memory of a result's pixels."""
    if isinstance(result, ExplainResult):
        return sum(len(m.values) for m in result.maps)
    return len(result.masked) + len(result.reconstruction) + len(result.original)


def _put_limited(kept: dict[K, R], key: K, result: R, limit_bytes: int, in_view: str) -> None:
    """Store a result and drop the oldest ones, but none of its region or of the one in view."""
    kept.pop(key, None)
    kept[key] = result
    used = sum(result_bytes(r) for r in kept.values())
    for old in [k for k in kept if k.roi_id not in (key.roi_id, in_view)]:
        if used <= limit_bytes:
            return
        used -= result_bytes(kept.pop(old))
