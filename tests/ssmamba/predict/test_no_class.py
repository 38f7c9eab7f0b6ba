"""Where there is no tissue to be seen, no class is in anything that the command writes."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from ssmamba.rois.geojson import read_rois, write_rois
from tests.slides import grainy, write_pyramid
from tests.ssmamba.checkpoints.made import CLASSES
from tests.ssmamba.predict.results import read_results, square

SIDE = 480
Predict = Callable[..., tuple[int, str, Path]]


def blurred() -> np.ndarray:
    return cv2.GaussianBlur(grainy(SIDE, SIDE), (0, 0), 14)


def padded() -> np.ndarray:
    """Nothing was scanned but a strip, which is a ninth of each window on the rest."""
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[:10] = grainy(SIDE, 10)
    return picture


def penned() -> np.ndarray:
    """Glass under a broad stroke of green."""
    glass = np.random.default_rng(0).normal(242, 2, (SIDE, SIDE, 3))
    glass[:, 60:420] = np.array((30, 160, 140)) + glass[:, 60:420] - 242
    return glass.clip(0, 255).astype(np.uint8)


def fluorescent() -> np.ndarray:
    rng = np.random.default_rng(0)
    light = rng.normal(12, 3, (SIDE, SIDE))
    for x, y in rng.integers(20, SIDE - 20, (90, 2)).tolist():
        cv2.circle(light, (x, y), 12, 190.0, -1)
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[..., 2] = (light + rng.normal(0, 6, light.shape)).clip(0, 255)
    return picture


PICTURES = {
    "blurred": (blurred, {"blurred", "blank"}), "padded": (padded, {"glass", "blank"}),
    "penned": (penned, {"pen"}), "fluorescent": (fluorescent, {"fluorescence"}),
}  # fmt: skip


def assert_no_class(status: int, told: str, out: Path, doubts: set[str]) -> int:
    """Count of the answers, none of which has a class or a probability anywhere."""
    assert status == 0, told
    records = read_results(out)
    for record in records:
        assert record["doubt"] in doubts and not record["sure"], record
        assert not record["predicted"] and not record["predicted_name"]
        assert not record["probabilities"] and record["confidence"] is None
    with (out / "results.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert not row["predicted"] and not any(row.get(f"p_{c.key}") for c in CLASSES)
    for roi in read_rois(out / "rois.geojson"):
        assert not roi.class_name
        assert not any(c.name in name for name in roi.measurements or () for c in CLASSES)
    assert not any(c.name in told for c in CLASSES)
    return len(records)


@pytest.mark.parametrize("field_px", [40, 64, 150])
@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_regions_of_any_size_have_no_class(
    predict: Predict, tmp_path: Path, kind: str, field_px: int
) -> None:
    make, doubts = PICTURES[kind]
    write_pyramid(tmp_path / "slide.tif", picture=make(), mpp=None)
    boxes = [square(100, 150, side, f"{side} px") for side in (12, 40, 90, 250)]
    write_rois(tmp_path / "boxes.geojson", boxes)
    found = predict(
        tmp_path / "slide.tif", "--model", "a.safetensors", "--cam", "GradCAM",
        "--rois", tmp_path / "boxes.geojson", "--field-px", field_px,
    )  # fmt: skip
    assert assert_no_class(*found, doubts) == 4
    assert not list(found[2].glob("*.png"))


@pytest.mark.parametrize("kind", sorted(PICTURES))
def test_whole_pictures_have_no_class(predict: Predict, tmp_path: Path, kind: str) -> None:
    make, doubts = PICTURES[kind]
    Image.fromarray(make()[100:200, 100:200]).save(tmp_path / "picture.png")
    found = predict(tmp_path / "picture.png", "--model", "a.safetensors", "--mode", "whole")
    assert assert_no_class(*found, doubts) == 1


def test_the_tissue_of_a_blurred_slide_has_no_class(predict: Predict, tmp_path: Path) -> None:
    picture = np.full((SIDE, SIDE, 3), 243, np.uint8)
    picture[100:380, 80:400] = blurred()[100:380, 80:400]
    write_pyramid(tmp_path / "slide.tif", picture=picture, mpp=None)
    found = predict(
        tmp_path / "slide.tif", "--model", "a.safetensors", "--tissue", "--field-px", 64
    )
    assert assert_no_class(*found, {"blurred", "blank"}) == 1


def test_a_small_region_on_a_thin_stroke_has_no_class_and_one_beside_it_has(
    predict: Predict, tmp_path: Path
) -> None:
    picture = grainy(SIDE, SIDE)
    picture[:, 200:206] = (205, 18, 18)
    write_pyramid(tmp_path / "slide.tif", picture=picture, mpp=None)
    write_rois(tmp_path / "boxes.geojson", [square(197, 200, 12, "on"), square(225, 200, 12, "by")])
    status, _, out = predict(
        tmp_path / "slide.tif", "--model", "a.safetensors",
        "--rois", tmp_path / "boxes.geojson", "--field-px", 120,
    )  # fmt: skip
    on, by = read_results(out)
    assert status == 0
    assert on["doubt"] == "pen" and not on["predicted"]
    assert by["predicted"]
