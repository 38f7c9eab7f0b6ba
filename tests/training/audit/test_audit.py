"""The audit finds copies across sides, and cues that have nothing to do with the tissue."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.training.pictures import write_manifest, write_png
from training.audit import copies, cues
from training.audit.__main__ import main
from training.audit.batches import batch_link
from training.audit.config import AuditConfig
from training.audit.findings import Audit, audit_folder

COUNT = 30  # images of each class


@pytest.fixture(autouse=True)
def small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cues, "TREES", 30)


def texture(seed: int, side: int = 48) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(90, 200, (6, 6, 3)).astype(np.float32)
    return cv2.resize(coarse, (side, side)).clip(0, 255).astype(np.uint8)


def write_alike(root: Path) -> Path:
    """Two classes that differ in nothing."""
    for number in range(2 * COUNT):
        write_png(root / "ab"[number % 2] / f"{number:03d}.png", texture(number))
    return root


def audit(root: Path) -> Audit:
    return audit_folder(AuditConfig(root, root / "unused", resamples=100))


def accuracy(found: Audit, cue: str) -> float:
    return next(c.accuracy for c in found.cues if c.name == cue)


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    found = audit(write_alike(tmp_path))
    assert all(not kind.across_sides and not kind.across_labels for kind in found.copies)
    assert not [line for line in found.findings if "alone predicts" in line]
    assert any("No groups are known" in line for line in found.findings)


def test_jpeg_quality_and_image_size_give_the_class_away(tmp_path: Path) -> None:
    for number in range(2 * COUNT):
        label, quality = "ab"[number % 2], (60, 90)[number % 2]
        (tmp_path / label).mkdir(exist_ok=True)
        image = Image.fromarray(texture(number, (48, 50)[number % 2]))
        image.save(tmp_path / label / f"{number:03d}.jpg", quality=quality)
    found = audit(tmp_path)
    assert accuracy(found, "file") == accuracy(found, "image size") == 1.0
    told = " ".join(found.findings)
    assert "The file alone" in told and "The image size alone" in told


def test_a_background_that_follows_the_class_is_found(tmp_path: Path) -> None:
    for number in range(2 * COUNT):
        image = texture(number)
        image[:6] = (236, 228, 240) if number % 2 else (240, 236, 222)
        write_png(tmp_path / "ab"[number % 2] / f"{number:03d}.png", image)
    found = audit(tmp_path)
    assert accuracy(found, "background") == 1.0
    assert found.batches.information > found.batches.chance
    assert "batches" in found.findings[-1]


def test_copies_on_two_sides_and_under_two_labels_are_counted(tmp_path: Path) -> None:
    write_alike(tmp_path)
    write_png(tmp_path / "a" / "copy.png", texture(0))
    write_png(tmp_path / "a" / "turned.png", np.rot90(texture(1)))
    files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.png"))
    test = {"a/copy.png", "a/turned.png", "a/010.png", "b/011.png"}
    write_manifest(
        tmp_path,
        [{"path": f, "label": f[0], "split": "test" if f in test else "train"} for f in files],
    )
    equal, near = audit(tmp_path).copies[:2]
    assert equal.across_sides == (("a/000.png", "a/copy.png"),) and equal.test_images == 1
    assert not equal.across_labels
    assert near.test_images == 2 and len(near.across_labels) == 1


def test_what_was_not_looked_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "NEAR_LIMIT", 2 * COUNT - 1)
    found = audit(write_alike(tmp_path))
    assert len(found.copies) == 1
    assert any("not searched for: 60 images" in line for line in found.findings)


def test_images_that_are_not_rgb_are_named_on_the_page(tmp_path: Path) -> None:
    root = write_alike(tmp_path)
    Image.fromarray(texture(0)).convert("L").save(root / "a" / "000.png")
    assert audit(root).modes == "1 grey (a/000.png)"


def test_groups_cut_apart_flatter(tmp_path: Path) -> None:
    """Every group has its own colour; classes are given to groups by chance."""
    rows = []
    for number in range(160):
        group = number // 8
        rng = np.random.default_rng(group)
        colour = rng.uniform(60, 220, 3)
        image = (colour + np.random.default_rng(number).normal(0, 6, (24, 24, 3))).clip(0, 255)
        write_png(tmp_path / f"{number:03d}.png", image.astype(np.uint8))
        label = "ab"[int(np.random.default_rng(900 + group).integers(2))]
        rows.append({"path": f"{number:03d}.png", "label": label, "group": f"g{group}"})
    write_manifest(tmp_path, rows)
    link = audit(tmp_path).groups
    assert link is not None and link.groups == 20 and link.single_class == 1.0
    assert link.neighbour_random > 0.95 > link.neighbour_split + 0.1


def test_chance_is_not_taken_for_a_batch() -> None:
    rng = np.random.default_rng(0)
    rows = np.arange(200)
    link = batch_link(
        rng.normal(0, 1, (200, 4)), rng.integers(0, 3, 200), rows[:150], rows[150:], 0
    )
    assert link.information < 2 * link.chance and link.accuracy < 0.6


def test_the_command_writes_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_alike(tmp_path / "data")
    write_png(data / "b" / "copy.png", texture(0))
    assert main([str(data), "--out", str(tmp_path / "out"), "--resamples", "50"]) == 0
    assert "different labels" in capsys.readouterr().out
    page = (tmp_path / "out" / "audit.md").read_text()
    assert "audit.png" in page and "`a/000.png` and `b/copy.png`" in page
    assert "python -m training.audit" in page
    found = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert {cue["name"] for cue in found["cues"]} >= {"colour histogram", "file", "frame"}
    assert (tmp_path / "out" / "audit.png").stat().st_size > 5000


def test_unusable_data_is_one_clear_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_alike(tmp_path / "data")
    (tmp_path / "data" / "a" / "000.png").write_bytes(b"x")
    (tmp_path / "data" / "c").mkdir()
    assert main([str(tmp_path / "data"), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "a/000.png: not a readable image" in told and "c: no image" in told
    assert not (tmp_path / "out").exists()
