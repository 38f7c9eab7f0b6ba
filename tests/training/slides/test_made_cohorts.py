"""Cohorts made from labelled patches."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.errors import DataError
from ssmamba.features.reading import read_tiles
from ssmamba.slides.slide import Slide
from tests.ssmamba.checkpoints.made import save_classifier
from training.data.catalog import SPLITS
from training.data.dataset import load_dataset
from training.slides.cohort import read_cohort
from training.slides.config import CohortConfig
from training.slides.made_cohorts import make_cohort
from training.slides.montages import arrangement, contact_of, draw_montages


@pytest.fixture
def patches(tmp_path: Path) -> Path:
    """Six patients with 0 to 5 red patches of five."""
    folder = tmp_path / "patches"
    rng = np.random.default_rng(0)
    rows = []
    for patient in range(6):
        for number in range(5):
            label = "red" if number < patient else "blue"
            name = f"{patient}-{number}.png"
            pixels = rng.integers(0, 60, (20, 20, 3), dtype=np.uint8)
            pixels[..., 0 if label == "red" else 2] += 180
            folder.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(folder / name)
            rows.append([name, label, f"P{patient}", 20 * number, 40])
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label", "group", "x", "y"], *rows])
    return folder


def config(patches: Path, kind: str, **more: object) -> CohortConfig:
    flags = {"positive": "red", "mpp": 2.0, "out": patches.parent / "out", **more}
    return CohortConfig(kind=kind, data=patches, **flags)  # type: ignore[arg-type]


def test_a_patients_patches_are_a_bag_at_their_places(patches: Path):
    model = save_classifier(patches.parent / "m.safetensors")
    made = config(patches, "bags", encoder=str(model))
    make_cohort(made)
    cohort = read_cohort(made.out / "cohort.csv", "classes", opens=False)
    labels = {slide.patient: slide.label for slide in cohort.slides}
    assert labels == {f"P{n}": "high" if n > 2 else "low" for n in range(6)}
    tiles = read_tiles(made.out / "features" / "P3.h5")
    np.testing.assert_array_equal(tiles.places, [[20 * n, 40] for n in range(5)])
    assert tiles.side == 20
    assert "the answer is made" in (made.out / "cohort.txt").read_text()
    with pytest.raises(DataError, match="holds a cohort already"):
        make_cohort(made)


def test_a_patients_patches_are_a_slide_with_each_at_its_place(patches: Path):
    made = config(patches, "patients")
    make_cohort(made)
    slides = read_cohort(made.out / "cohort.csv", "classes").slides
    labels = {slide.patient: slide.label for slide in slides}
    assert labels == {f"P{n}": "high" if n > 2 else "low" for n in range(6)}
    with Slide.open(slides[3].path) as slide:
        assert slide.dimensions == (100, 20) and slide.mpp == pytest.approx(2.0)
        picture = slide.read_window(0, 0, 20, 20), slide.read_window(80, 0, 20, 20)
    for number, pixels in ((0, picture[0]), (4, picture[1])):
        with Image.open(patches / f"3-{number}.png") as image:
            assert np.array_equal(pixels, np.asarray(image))
    (patches / "manifest.csv").write_text("path,label,group\n3-0.png,red,P3\n3-4.png,blue,P4\n")
    with pytest.raises(DataError, match="says no place"):
        make_cohort(config(patches, "patients", out=made.out.parent / "other"))


def test_patients_have_the_parts_that_their_patches_have_in_finetune(patches: Path):
    encoder = str(save_classifier(patches.parent / "m.safetensors"))
    for kind, flags in (("patients", {}), ("bags", {"encoder": encoder})):
        for seed in (0, 3):
            made = config(
                patches, kind, split_seed=seed, out=patches.parent / f"{kind}{seed}", **flags
            )
            make_cohort(made)
            dataset = load_dataset(patches, seed, quiet=True)
            parts = {item.group: name for name in SPLITS for item in dataset.items(name)}
            slides = read_cohort(made.out / "cohort.csv", "classes", opens=False).slides
            assert {slide.patient: slide.split for slide in slides} == parts
            assert len(set(parts.values())) > 1


def test_montages_are_slides_of_one_composition(patches: Path):
    made = config(patches, "montages", other="blue", count=6, side=4, patch_px=16)
    make_cohort(made)
    survivors = read_cohort(made.out / "cohort.csv", "survival").slides
    graded = read_cohort(made.out / "cohort.csv", "grades").slides
    assert [slide.label for slide in graded] == ["0", "1", "2"] * 2
    assert all(slide.time is not None and slide.time > 0 for slide in survivors)
    with Slide.open(graded[0].path) as slide:
        assert slide.dimensions == (96, 96) and slide.mpp == pytest.approx(2.0)
        pixels = slide.read_region(16, 16, 0, 64, 64).astype(int)
    red = (pixels[..., 0] > pixels[..., 2] + 60).mean()
    assert red == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"positive": "green"}, "'green' is no class of the data; give one of blue, red"),
        ({"kind": "montages", "other": "Red"}, "same class"),
        ({"kind": "bags"}, "Give --encoder"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_written(patches: Path, more, message):
    flags = {"kind": "montages", "other": "blue", **more}
    made = config(patches, **flags)
    with pytest.raises(DataError, match=message):
        make_cohort(made)
    assert not made.out.exists()


def test_contact_is_counted_by_hand():
    assert contact_of(np.array([[1, 1], [0, 0]], bool)) == 0.5
    assert contact_of(np.array([[1, 0], [0, 1]], bool)) == 1
    assert contact_of(np.ones((3, 3), bool)) == 0


def test_clumps_touch_less_than_what_is_scattered_and_hold_as_much():
    rng = np.random.default_rng(1)
    drawn = [[arrangement(12, clumps, rng) for _ in range(20)] for clumps in (1, 5, None)]
    assert all(first.sum() == 72 for found in drawn for first in found)
    contacts = [np.mean([contact_of(first) for first in found]) for found in drawn]
    assert contacts[0] < contacts[1] < contacts[2]


def test_the_more_contact_the_shorter_the_time():
    montages = draw_montages(600, 8, 0.3, np.random.default_rng(0))
    assert 0.6 < np.mean([m.event for m in montages]) < 0.8
    died = [m for m in montages if m.event]
    contact, time = np.array([[m.contact, np.log(m.time)] for m in died]).T
    assert np.corrcoef(contact, time)[0, 1] < -0.4
