"""One region as one model reads it: its windows, pixels and stamp."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from ssmamba.checkpoints.card import InputSpec
from ssmamba.engine.messages import Classify, Explain, Reconstruct
from ssmamba.engine.store import SlideStore
from ssmamba.ops import adopt_kernels, choose_backend
from ssmamba.reading.plan import (
    RegionPlan,
    plan_region,
    read_batches,
    read_window,
    uses_icc,
)
from ssmamba.reading.values import Check, Stamp, Window
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.raster import covered
from ssmamba.rois.roi import Roi, geometry_hash
from ssmamba.runtime.device import Device
from ssmamba.slides.slide import Slide
from ssmamba.wording import without_stop

SMALL_SHARE = 0.5  # of a window


@dataclass(frozen=True)
class Region:
    """A region, its slide, and how it is read."""

    slide: Slide
    roi: Roi
    plan: RegionPlan
    icc: bool
    scan_backend: str  # at the first window

    @property
    def count(self) -> int:
        """Windows in all."""
        return len(self.plan.windows)

    def pixels(self, window: Window) -> np.ndarray:
        """One window, (S, S, 3) uint8 RGB."""
        return read_window(self.slide, window, self.plan.out_px, self.icc)

    def batches(self, size: int) -> Iterator[tuple[int, np.ndarray]]:
        """(first window's number, pixels (n, S, S, 3) uint8 RGB) of up to ``size`` windows."""
        plan = self.plan
        return read_batches(self.slide, plan.windows, plan.out_px, size, self.icc)

    def insides(self, first: int, count: int, px: int) -> list[np.ndarray | None]:
        """Where the region lies in each of some windows, (px, px) bool; None where it fills it.

        In a window of which it takes less than ``SMALL_SHARE``, so that its own pixels are judged.
        """
        plan, some = self.plan, slice(first, first + count)
        sides = plan.windows[some, 2]
        small = plan.areas[some] < SMALL_SHARE * sides**2
        if not small.any():
            return [None] * len(small)
        shape = roi_shape(self.roi)
        return [
            covered(shape, side / px, (px, px), x, y) if is_small else None
            for (x, y, side), is_small in zip(plan.windows[some].tolist(), small, strict=True)
        ]

    def middle_window(self) -> Window:
        """The window nearest to the centre of all, to represent a region of many."""
        windows = self.plan.windows
        centres = windows[:, :2] + windows[:, 2:] / 2
        nearest = ((centres - centres.mean(axis=0)) ** 2).sum(axis=1).argmin()
        return Window(*windows[nearest].tolist())

    def key(self, sha256: str) -> tuple:
        """Key of an answer by the checkpoint with this sha256: everything that it depends on."""
        read = self.plan.windows.tobytes() + self.plan.areas.tobytes()
        windows = hashlib.sha256(read).digest()
        return sha256, self.slide.quick_hash, windows, self.plan.out_px, self.icc

    def stamp(
        self,
        sha256: str,
        device: Device,
        method: str = "",
        seed: int | None = None,
        precision: str = "float32",
    ) -> Stamp:
        """Where a result comes from, at this moment."""
        backends = dict.fromkeys((self.scan_backend, choose_backend(device.name).name))
        return Stamp(
            slide_path=str(self.slide.path),
            slide_hash=self.slide.quick_hash,
            roi_id=self.roi.id,
            roi_geometry=geometry_hash(self.roi),
            checkpoint_sha256=sha256,
            device=device.name,
            scan_backend=", ".join(backends),
            mpp=self.plan.mpp,
            icc=self.icc,
            mode=self.plan.mode,
            method=method,
            seed=seed,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            precision=precision,
        )


@contextmanager
def read_as(
    request: Classify | Explain | Reconstruct,
    slides: SlideStore,
    spec: InputSpec,
    device: Device,
    check: Check,
) -> Iterator[Region]:
    """The region of a request for a model on a device; its slide stays open meanwhile.

    check: called while its windows are chosen. Raises SlideError or RoiError.
    """
    ref = request.slide
    with slides.held(ref.path, ref.file) as slide:
        plan = plan_region(request.roi, slide, spec, request.options, ref.mpp, check)
        of_file = tuple(without_stop(note) for note in slide.info.notes)
        plan = replace(plan, notes=plan.notes + of_file)
        adopt_kernels()
        backend = choose_backend(device.name).name
        yield Region(slide, request.roi, plan, uses_icc(slide, spec, ref.icc), backend)
