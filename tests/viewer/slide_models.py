"""Slide models and their answers, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.engine.messages import SlideAnswer
from ssmamba.reading.values import PackedArray, Stamp
from tests.viewer.fakes import write_model

SPEC = SlideSpec(window_px=64, source_px=64, mpp=0.5)
SURVIVAL = {
    "question": "survival",
    "edges": [10.0, 20.0],
    "kaplan_meier": {"times": [0.0, 5.0, 15.0, 40.0], "alive": [1.0, 0.9, 0.6, 0.2]},
}
# four regions in a row; the first and the last are one group
WINDOWS = np.array([[0.0, 64, 64], [64, 64, 64], [128, 64, 64], [192, 128, 64]])
GROUPS = np.array([0, 1, 2, 0], np.int32)


def write_slide_model(path: Path, name: str = "Grades", **changes: object) -> Path:
    """Three classes as grades, unless the changes say otherwise."""
    values = {"kind": "slide", "input": SPEC, "answer": {"question": "grades"}, **changes}
    return write_model(path, name, **values)


def slide_answer(
    job: int = 1,
    path: str = "m",
    values: tuple[float, ...] = (0.2, 0.7, 0.1),
    doubts: tuple[tuple[str, str], ...] = (),
    sha256: str = "f" * 64,
) -> SlideAnswer:
    """An answer of three outputs; each region adds its number to the second."""
    parts = np.zeros((4, 3))
    parts[:, 1] = np.arange(4)
    tokens = np.tile(np.array([[1, 2], [1, 1]], np.uint8), (4, 1, 1))
    stamp = Stamp("s.tif", "0" * 64, "", "", sha256, "cpu", "cpu", 0.5, False, "slide")
    return SlideAnswer(
        job, path, PackedArray.of(np.array(values)), PackedArray.of(WINDOWS),
        PackedArray.of(GROUPS), PackedArray.of(parts), PackedArray.of(np.zeros(3)),
        PackedArray.of(tokens), 0, doubts, stamp, 1.5,
    )  # fmt: skip
