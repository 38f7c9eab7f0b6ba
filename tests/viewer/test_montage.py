"""A montage of a data folder: held-out images, their very pixels, each a region of its class."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.errors import DataError
from ssmamba.rois.geojson import read_rois
from ssmamba.slides.slide import Slide
from tests.viewer.fakes import write_model
from viewer.demo.held_out import held_out_images
from viewer.demo.montage import ensure_montage


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes of nine pictures, all different."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    for label, side in (("tumour", 40), ("normal", 32)):
        (folder / label).mkdir(parents=True)
        for number in range(9):
            pixels = rng.integers(0, 255, (side, side, 3), np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{label}{number}.png")
    return folder


def manifest(data: Path, test: set[str]) -> None:
    with (data / "manifest.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "split"])
        for image in sorted(data.rglob("*.png")):
            split = "test" if image.stem in test else "train"
            rows.writerow([image.relative_to(data).as_posix(), image.parent.name, split])


def test_regions_lie_on_their_images_and_carry_their_class(data: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    files = ensure_montage(tmp_path / "cache", data, [], lambda *step: steps.append(step))
    rois = read_rois(files.regions)
    assert [roi.class_name for roi in rois] == ["normal"] * 6 + ["tumour"] * 6
    assert steps[-1][0] == steps[-1][1] and "may be from its training" in files.note
    with Slide.open(files.slide) as slide:
        assert slide.mpp is None
        for roi in rois:
            x, y, right, bottom = (round(v) for v in roi.bounds)
            shown = slide.read_region(x, y, 0, right - x, bottom - y)
            image = np.asarray(Image.open(data / roi.class_name / f"{roi.name}.png"))
            assert np.array_equal(shown, image)


def test_the_test_split_is_shown_where_there_is_one(data: Path) -> None:
    manifest(data, {"tumour3", "normal1", "normal5"})
    held = held_out_images(data, [], 6)
    names = {key: sorted(file.stem for file in files) for key, files in held.by_class.items()}
    assert names == {"normal": ["normal1", "normal5"], "tumour": ["tumour3"]} and not held.note


def test_else_images_of_which_no_model_knows(data: Path, tmp_path: Path) -> None:
    import hashlib

    trained = [f for f in sorted(data.rglob("*.png")) if f.stem[-1] in "0123456"]
    hashes = tuple(hashlib.sha256(f.read_bytes()).hexdigest()[:16] for f in trained)
    model = write_model(tmp_path / "own.safetensors", training_hashes=hashes)
    held = held_out_images(data, [str(model)], 6)
    assert {f.stem[-1] for files in held.by_class.values() for f in files} == {"7", "8"}
    assert all(len(files) == 2 for files in held.by_class.values()) and not held.note


def test_a_description_gives_names_colours_and_the_scale(data: Path, tmp_path: Path) -> None:
    (data / "dataset.yaml").write_text(
        "mpp: 0.5\nclasses:\n  tumour: {name: Tumour, color: [200, 0, 0]}\n"
        "  normal: {name: Normal mucosa, color: [0, 200, 0]}\n"
    )
    files = ensure_montage(tmp_path / "cache", data, [])
    classes = {(roi.class_name, roi.color) for roi in read_rois(files.regions)}
    assert classes == {("Tumour", (200, 0, 0)), ("Normal mucosa", (0, 200, 0))}
    with Slide.open(files.slide) as slide:
        assert slide.mpp == pytest.approx(0.5)
    (data / "dataset.yaml").write_text("classes: [tumour]")
    with pytest.raises(DataError, match="does not describe"):
        held_out_images(data, [], 6)


def test_it_is_made_anew_only_when_the_images_change(data: Path, tmp_path: Path) -> None:
    first = ensure_montage(tmp_path / "cache", data, [])
    made = first.slide.stat().st_mtime_ns
    assert ensure_montage(tmp_path / "cache", data, []) == first
    assert first.slide.stat().st_mtime_ns == made
    for image in data.rglob("*.png"):
        Image.fromarray(np.zeros((50, 50, 3), np.uint8)).save(image)
    assert ensure_montage(tmp_path / "cache", data, []).slide != first.slide


def test_what_cannot_be_shown_is_said(data: Path, tmp_path: Path) -> None:
    for folder in (tmp_path / "absent", tmp_path):
        with pytest.raises(DataError):
            held_out_images(folder / "nothing", [], 6)
    next(data.rglob("*.png")).write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot be read"):
        ensure_montage(tmp_path / "cache", data, [])
    (data / "manifest.csv").write_text("file,class\na,b\n")
    with pytest.raises(DataError, match="lists no image"):
        held_out_images(data, [], 6)
