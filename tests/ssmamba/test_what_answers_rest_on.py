"""Real tissue with known answers: what part of a region is read, and that glass has no vote."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.headless.request import Request
from ssmamba.headless.run import predict
from ssmamba.rois.geojson import rois_to_geojson
from ssmamba.rois.roi import Roi
from tests.slides import SHARED_SLIDES, write_pyramid

LAC = SHARED_SLIDES.parent / "lc25000"
MODEL = Path(__file__).parents[2] / "resources" / "models" / "lac.safetensors"
SIDE = 224

pytestmark = [
    pytest.mark.slow,
    pytest.mark.shared_data,
    pytest.mark.skipif(not LAC.exists(), reason="../shared/data is absent"),
]


def fields(kind: str, count: int) -> list[np.ndarray]:
    paths = sorted((LAC / kind).glob("*"))
    return [np.asarray(Image.open(paths[n % len(paths)]).convert("RGB")) for n in range(count)]


def ask(slide: Path, tmp_path: Path, *rois: Roi) -> list[dict]:
    """Records of the answers to some regions, or to the pieces of tissue."""
    file = None
    if rois:
        file = tmp_path / "regions.geojson"
        file.write_text(json.dumps(rois_to_geojson(list(rois))))
    out = tmp_path / "out"
    request = Request((str(slide),), (str(MODEL),), out, rois=file, mode="tiles", field_px=SIDE)
    assert predict(request) == []
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return found if isinstance(found, list) else found["results"]


def rectangle(x: float, y: float, w: float, h: float) -> tuple:
    return (((x, y), (x + w, y), (x + w, y + h), (x, y + h)),)


@pytest.mark.parametrize("part", [60, 150])
def test_many_small_parts_outweigh_a_large_one(tmp_path: Path, part: int) -> None:
    picture = np.full((5 * SIDE, 5 * SIDE, 3), 243, np.uint8)
    draw, parts = np.random.default_rng(part), [rectangle(0, 0, SIDE, SIDE)]
    picture[:SIDE, :SIDE] = fields("colon_n", 1)[0]
    for n, field in enumerate(fields("colon_aca", 25)[1:], start=1):
        row, column = divmod(n, 5)
        picture[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = field
        x, y = draw.integers(0, SIDE - part, 2).tolist()
        parts.append(rectangle(column * SIDE + x, row * SIDE + y, part, part))
    Image.fromarray(picture).save(tmp_path / "parts.png")
    (record,) = ask(tmp_path / "parts.png", tmp_path, Roi(tuple(parts), name="all"))
    assert record["read_share"] > 0.98
    assert 15 <= record["windows"] <= 25  # near parts share one
    assert record["probabilities"]["colon_aca"] > 0.6
    if part == 150:  # nine tenths of the area
        assert record["predicted"] == "colon_aca" and record["sure"]


def on_glass(masks: np.ndarray, kind: str) -> np.ndarray:
    """Tissue of a class where a (H, W) bool mask is set, on glass."""
    height, width = masks.shape
    across = -(-width // SIDE)
    tiles = fields(kind, across * -(-height // SIDE))
    rows = [np.concatenate(tiles[at : at + across], axis=1) for at in range(0, len(tiles), across)]
    tissue = np.concatenate(rows)[:height, :width]
    glass = np.random.default_rng(0).normal(243, 1.2, (height, width, 1)).clip(0, 255)
    return np.where(masks[..., None], tissue, glass.astype(np.uint8))


@pytest.mark.parametrize("kind", ["colon_aca", "lung_n"])
def test_cores_on_a_long_slide_are_found_as_they_are_and_surely_answered(
    kind: str, tmp_path: Path
) -> None:
    """Each is a window and a third high, so windows of a plain grid would be a third of glass."""
    cores = np.zeros((600, 30_000), bool)
    cores[150:450, 4000:14_000] = cores[150:450, 20_000:23_000] = True
    write_pyramid(tmp_path / "thin.tif", picture=on_glass(cores, kind), levels=3, step=4)
    found = ask(tmp_path / "thin.tif", tmp_path)
    assert len(found) == 2
    for record in found:
        assert record["predicted"] == kind and record["sure"], record["reasons"]
        assert record["read_share"] > 0.98


@pytest.mark.parametrize("width", [160, 260])
def test_narrow_strips_that_slant_are_surely_answered(width: int, tmp_path: Path) -> None:
    down, across = np.mgrid[:2000, :2000] - 1000.0
    for turn in (0.0, 0.3, math.pi / 4):
        away = across * math.sin(turn) - down * math.cos(turn)
        along = across * math.cos(turn) + down * math.sin(turn)
        strip = (abs(away) < width / 2) & (abs(along) < 900)
        write_pyramid(tmp_path / "strip.tif", picture=on_glass(strip, "colon_aca"))
        (record,) = ask(tmp_path / "strip.tif", tmp_path)
        assert record["predicted"] == "colon_aca" and record["sure"], (turn, record["reasons"])


def test_glass_in_a_ring_has_no_vote_by_hand_by_tissue_or_under_a_lasso(tmp_path: Path) -> None:
    size = 10 * SIDE
    tiles = fields("colon_aca", 100)
    rows = [np.concatenate(tiles[10 * row : 10 * row + 10], axis=1) for row in range(10)]
    glass = np.random.default_rng(0).normal(243, 1.2, (size, size, 1)).clip(0, 255)
    down, across = np.mgrid[:size, :size] - size / 2
    far = np.hypot(down, across)
    ring = ((far < 1000) & (far > 600))[..., None]
    picture = np.where(ring, np.concatenate(rows), glass.astype(np.uint8))
    write_pyramid(tmp_path / "ring.tif", picture=picture)

    def circle(radius: float) -> tuple:
        turns = [math.tau * t / 180 for t in range(180)]
        return tuple((size / 2 + radius * math.cos(t), size / 2 + radius * math.sin(t))
                     for t in turns)  # fmt: skip

    by_hand = Roi(((circle(1000), circle(600)),), name="by hand")
    lasso = Roi(((circle(1000),),), name="lasso")
    hand, loose = ask(tmp_path / "ring.tif", tmp_path, by_hand, lasso)
    (tissue,) = ask(tmp_path / "ring.tif", tmp_path)
    for record in (hand, loose, tissue):
        assert record["predicted"] == "colon_aca" and record["sure"], record["reasons"]
        assert record["confidence"] == pytest.approx(hand["confidence"], abs=0.02)
    assert loose["left_out"]["glass"] > 5
    assert tissue["windows"] == pytest.approx(hand["windows"], rel=0.15)
    assert hand["read_share"] > 0.95
