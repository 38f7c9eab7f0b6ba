"""Paints evidence maps as images to overlay on the slide; runs on a worker."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from PySide6.QtGui import QImage

from ssmamba.engine.messages import ExplainResult
from ssmamba.explain.stitch import AlphaMode, StitchedMap, colorize, shared_range, stitch
from ssmamba.rois.roi import Roi
from ssmamba.slides.byte_lru import ByteLru
from viewer.canvas import Overlay
from viewer.state.settings import MapPainting, MapSpec

Result = weakref.ref[ExplainResult]  # the store decides how long a result lives

STITCHED_BYTES = 256 * 2**20  # cache of stitched maps, up to 17 MB each
PAINTED_BYTES = 512 * 2**20  # values and images on the slide at the same time


@dataclass(frozen=True)
class MapJob:
    """One map to paint, and the maps that share its colour scale."""

    roi: Roi
    spec: MapSpec
    result: ExplainResult
    scale_with: tuple[ExplainResult, ...]  # itself among them


@dataclass(frozen=True, eq=False)
class PaintedMap:
    """A map ready for the canvas, with the range of its colour scale."""

    roi_id: str
    spec: MapSpec
    overlay: Overlay
    values: np.ndarray  # (H, W) float32, NaN outside the windows
    low: float
    high: float


class MapPainter:
    """Stitches and colours maps; caches stitched ones, as colours change more often than values."""

    def __init__(self) -> None:
        self._stitched: ByteLru[int, tuple[Result, StitchedMap]] = ByteLru(STITCHED_BYTES)

    def clear(self) -> None:
        """Drop the maps of the previous slide."""
        self._stitched.clear()

    def paint(self, jobs: list[MapJob], look: MapPainting) -> list[PaintedMap]:
        """One entry for each job, in order, without the first ones above PAINTED_BYTES.

        Not thread-safe.
        """
        painted: list[PaintedMap] = []
        used = 0
        for job in reversed(jobs):  # the last one is in view
            painted.append(self._paint_one(job, look))
            used += painted[-1].values.nbytes + painted[-1].overlay.image.sizeInBytes()
            if used > PAINTED_BYTES:
                break
        return painted[::-1]

    def _paint_one(self, job: MapJob, look: MapPainting) -> PaintedMap:
        stitched = self._stitch(job.result)
        maps = [m for result in job.scale_with for m in result.maps]
        low, high = shared_range(maps, look.signed)
        mode: AlphaMode = "value" if look.fade and not look.signed else "flat"
        rgba = colorize(stitched.values, low, high, look.colormap, mode)
        overlay = Overlay(
            image_of(rgba), stitched.x, stitched.y, stitched.width, stitched.height, clip=job.roi
        )
        return PaintedMap(job.roi.id, job.spec, overlay, stitched.values, low, high)

    def _stitch(self, result: ExplainResult) -> StitchedMap:
        kept = self._stitched.get(id(result))
        if kept is None or kept[0]() is not result:
            kept = (weakref.ref(result), stitch(result.maps))
            self._stitched.put(id(result), kept, kept[1].values.nbytes)
        return kept[1]


def image_of(rgba: np.ndarray) -> QImage:
    """(H, W, 4) uint8 RGBA, not premultiplied, as a premultiplied QImage of its own memory."""
    rows, columns = rgba.shape[:2]
    data = np.ascontiguousarray(rgba)
    view = QImage(data.data, columns, rows, columns * 4, QImage.Format.Format_RGBA8888)
    return view.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
