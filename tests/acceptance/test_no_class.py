"""Real fluorescence, felt pen, blur and padding: no class by any bundled model at any scale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ssmamba.headless.request import Request
from ssmamba.headless.run import predict
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Roi
from tests.acceptance.conftest import MODELS
from tests.slides import SHARED_SLIDES, write_pyramid

PENS = SHARED_SLIDES.parent / "pens"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared_data,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not PENS.is_dir(), reason="../shared/data is absent"),
]


def box(x: float, y: float, side: float) -> Roi:
    ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    return Roi(((ring,),), "rectangle", name=f"{x:.0f},{y:.0f} {side:.0f} px")


def doubts(
    picture: Path, rois: Sequence[Roi], model: str, field_px: float | None, tmp_path: Path
) -> list[str]:
    """Of each region, after a look that no class was written."""
    write_rois(tmp_path / "rois.geojson", list(rois))
    out = tmp_path / "out"
    file = str(MODELS / f"{model}.safetensors")
    regions = tmp_path / "rois.geojson"
    request = Request((str(picture),), (file,), out, rois=regions, field_px=field_px)
    assert predict(request) == []
    records = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert len(records) == len(rois)
    assert not any(r["predicted"] or r["probabilities"] for r in records), records
    return [r["doubt"] for r in records]


@pytest.mark.parametrize("model", ["lac", "pbc"])
@pytest.mark.parametrize("name", ["dapi-387.ndpi", "tritc-560.ndpi"])
def test_fluorescence_is_called_so(name: str, model: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    boxes = [box(*rng.uniform(600, 2600, 2), side) for side in (40, 150, 224, 500)]
    for field_px in (224.0, 900.0):
        found = doubts(SHARED_SLIDES / name, boxes, model, field_px, tmp_path)
        assert "fluorescence" in found
        assert set(found) <= {"fluorescence", "glass"}  # where it is black


@pytest.mark.parametrize("field_px", [64, 112, 224, 400])
@pytest.mark.parametrize(
    "name", ["no-tissue-green-pen", "no-tissue-red-pen", "tcga-green-pen", "tcga-red-pen",
             "wsi-blue-pen"],
)  # fmt: skip
def test_strokes_of_a_pen_have_no_class(name: str, field_px: int, tmp_path: Path) -> None:
    from ssmamba.slides.ink import ink_mask

    picture = PENS / f"{name}.png"
    rgb = np.asarray(Image.open(picture).convert("RGB"))
    ink = cv2.morphologyEx(ink_mask(rgb).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3)))
    rows, columns = np.nonzero(ink[12:-12, 12:-12])
    chosen = np.random.default_rng(0).integers(len(rows), size=6)
    corners = [(int(columns[at]), int(rows[at])) for at in chosen]
    boxes = [box(x, y, 24) for x, y in corners if ink[y : y + 24, x : x + 24].mean() > 0.3]
    assert set(doubts(picture, boxes, "lac", field_px, tmp_path)) == {"pen"}


@pytest.mark.parametrize("field_px", [100, 224])
def test_blurred_and_padded_tissue_has_no_class(
    field_px: int, tmp_path: Path, lc25000: Path
) -> None:
    tissue = np.asarray(Image.open(sorted((lc25000 / "colon_aca").iterdir())[0]).convert("RGB"))
    field = np.tile(tissue, (3, 3, 1))
    blur = cv2.GaussianBlur(field, (0, 0), 8)
    padded = field.copy()
    padded[:, 300:] = 0
    for picture, at, expected in ((blur, 100, {"blurred"}), (padded, 330, {"glass", "blank"})):
        write_pyramid(tmp_path / "slide.tif", picture=picture, mpp=None)
        boxes = [box(at, 200, side) for side in (20, 80, 200, 300)]
        found = doubts(tmp_path / "slide.tif", boxes, "lac", field_px, tmp_path)
        assert set(found) <= expected
