"""Stand-ins for the engine and for checkpoints, with the real interfaces and no torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
from PySide6.QtCore import QTimer

from ssmamba.checkpoints.card import METADATA_KEY, Card, ClassInfo, InputSpec
from ssmamba.engine.messages import (
    Cancel,
    Classify,
    ClassifyResult,
    EngineReady,
    Explain,
    ExplainResult,
    JobCancelled,
    JobDone,
    KeepSlides,
    Reconstruct,
    ReconstructResult,
    Reply,
    Request,
)
from ssmamba.errors import EngineDied
from ssmamba.reading.values import CamMap, PackedArray, Stamp, Trust, Window
from ssmamba.rois.roi import Roi, geometry_hash

CLASSES = (
    ClassInfo("aca", "Adenocarcinoma", (200, 60, 80)),
    ClassInfo("scc", "Squamous cell carcinoma", (140, 90, 190)),
    ClassInfo("n", "Benign tissue", (60, 150, 110)),
)
READY = EngineReady(
    "cpu", "CPU (2 cores)", "no GPU: no NVIDIA driver found", "torch", {"torch": "2"}
)


def square(x: float, y: float, side: float, name: str = "", roi_id: str = "") -> Roi:
    """A square region."""
    ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    made = Roi(((ring,),), kind="rectangle", name=name)
    return Roi(made.polygons, made.kind, roi_id or made.id, name)


def write_model(path: Path, name: str = "", *, masked: bool = False, **changes: object) -> Path:
    """A checkpoint file with a card and no weights: enough for everything but the engine."""
    card = Card(
        kind="mamim" if masked else "classifier",
        name=name or path.stem,
        classes=() if masked else CLASSES,
        mamim={} if masked else None,
        input=InputSpec(tissue="lung"),
    ).with_(**changes)
    header = json.dumps({"__metadata__": {METADATA_KEY: card.to_json()}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    return path


def answer(request: Classify, checkpoint: str, first: float = 0.8) -> ClassifyResult:
    left, top, right, bottom = request.roi.bounds
    side = max(right - left, bottom - top)
    return ClassifyResult(
        request.job, request.roi.id, checkpoint,
        {"aca": first, "scc": (1 - first) * 0.75, "n": (1 - first) * 0.25}, "aca", Trust(True),
        PackedArray.of(np.array([[left, top, side]])),
        PackedArray.of(np.array([[first, 1 - first, 0]], np.float32)),
        stamp=stamp(request.roi, request.slide.path), seconds=0.01,
        notes=("scale unknown: the model has no µm/px",),
    )  # fmt: skip


def explanation(request: Explain, checkpoint: str) -> ExplainResult:
    left, top, right, bottom = request.roi.bounds
    values = np.linspace(-0.1, 0.4, 49, dtype=np.float32).reshape(7, 7)
    window = Window(left, top, max(right - left, bottom - top))
    return ExplainResult(
        request.job, request.roi.id, checkpoint, request.method, request.stage or 4,
        request.target or "aca", (CamMap(window, (7, 7), values.tobytes()),), -0.1, 0.4,
        stamp=stamp(request.roi, request.slide.path), seconds=0.01,
    )  # fmt: skip


def reconstruction(request: Reconstruct) -> ReconstructResult:
    left, top, right, bottom = request.roi.bounds
    pixels = np.full((32, 32, 3), 120, np.uint8).tobytes()
    return ReconstructResult(
        request.job, request.roi.id, request.checkpoint,
        Window(left, top, max(right - left, bottom - top)), (32, 32), pixels, pixels, pixels,
        request.mask_ratio, request.seed, 18.25, 0.512,
        stamp=stamp(request.roi, request.slide.path), seconds=0.01,
    )  # fmt: skip


def stamp(roi: Roi, slide: str) -> Stamp:
    return Stamp(slide, "0" * 64, roi.id, geometry_hash(roi), "f" * 64, "cpu", "torch", None, False,
                 "whole", time="2026-01-02T03:04:05")  # fmt: skip


class FakeEngine:
    """Answers at once unless told to wait; remembers every request."""

    made: ClassVar[list[FakeEngine]] = []  # each start of an engine, in order

    def __init__(self, on_reply: Callable[[Reply], None], on_died: Callable[[str], None]) -> None:
        self.on_reply = on_reply
        self.on_died = on_died
        self.requests: list[Request] = []
        self.deaf = False  # does not hear that a job is cancelled
        self.patient = FakeEngine.made[-1].patient if FakeEngine.made else False
        self.dead = False
        self.closed = False
        FakeEngine.made.append(self)

    def start(self) -> None:
        QTimer.singleShot(0, lambda: self.reply(READY))

    def send(self, request: Request) -> None:
        if self.dead:
            raise EngineDied("The inference engine is not running; start it again.")
        self.requests.append(request)
        if isinstance(request, Cancel):
            if self.deaf:
                return
            QTimer.singleShot(0, lambda: self.reply(JobCancelled(request.job)))
        elif not self.patient and not isinstance(request, KeepSlides):
            QTimer.singleShot(0, lambda: self.fulfil(request))

    def close(self) -> None:
        self.closed = True

    def reply(self, reply: Reply) -> None:
        if not (self.dead or self.closed):
            self.on_reply(reply)

    def fulfil(self, request: Request) -> None:
        """Send every result of a request, and its end."""
        if isinstance(request, Classify):
            for path in request.checkpoints:
                self.reply(answer(request, path))
        elif isinstance(request, Explain):
            for path in request.checkpoints:
                self.reply(explanation(request, path))
        elif isinstance(request, Reconstruct):
            self.reply(reconstruction(request))
        self.reply(JobDone(request.job))  # type: ignore[union-attr]

    def die(self, why: str = "it was killed") -> None:
        self.dead = True
        self.on_died(why)

    def of_kind(self, kind: type) -> list:
        return [r for r in self.requests if isinstance(r, kind)]
