"""Unreadable images, duplicates and label conflicts are found before anything is trained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from ssmamba.errors import DataError
from tests.training.data.catalogs import read_catalog, scan_images
from tests.training.pictures import picture, write_manifest, write_png
from training.data import scan
from training.data.catalog import Catalog, Item
from training.data.scan import duplicate_links, near_duplicates


def test_all_unreadable_images_are_listed(tmp_path: Path) -> None:
    write_png(tmp_path / "a" / "good.png", picture("round", 0))
    (tmp_path / "a" / "bad.png").write_bytes(b"nothing")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "empty.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"(?s)2 problems.*a/bad.png.*b/empty.jpg"):
        scan_images(read_catalog(tmp_path))


def test_hashes_are_of_the_files_bytes(tmp_path: Path) -> None:
    write_png(tmp_path / "a" / "1.png", picture("round", 0))
    scan = scan_images(read_catalog(tmp_path))
    data = (tmp_path / "a" / "1.png").read_bytes()
    assert scan.file_hashes == (hashlib.sha256(data).hexdigest()[:16],)


def test_equal_pixels_in_other_files_are_linked(tmp_path: Path) -> None:
    image = picture("round", 0)
    write_png(tmp_path / "a" / "1.png", image)
    cv2.imwrite(str(tmp_path / "a" / "2.bmp"), image[..., ::-1])
    write_png(tmp_path / "a" / "3.png", picture("round", 1))
    catalog = read_catalog(tmp_path)
    assert (0, 1) in duplicate_links(catalog, scan_images(catalog))


def test_equal_pixels_under_two_labels_are_refused(tmp_path: Path) -> None:
    for label in "ab":
        write_png(tmp_path / label / "1.png", picture("round", 0))
    with pytest.raises(DataError, match=r"b/1.png \(b\) is the same image as a/1.png \(a\)"):
        scan_images(read_catalog(tmp_path))


def test_equal_pixels_in_two_given_splits_are_refused(tmp_path: Path) -> None:
    rows = []
    for number, split in enumerate(("train", "test")):
        write_png(tmp_path / f"{number}.png", picture("round", 0))
        rows.append({"path": f"{number}.png", "label": "a", "split": split})
    write_manifest(tmp_path, rows)
    with pytest.raises(DataError, match="same image"):
        scan_images(read_catalog(tmp_path))


def thumbs(*images: np.ndarray) -> np.ndarray:
    return np.stack([cv2.resize(i, (16, 16), interpolation=cv2.INTER_AREA) for i in images])


def test_turned_mirrored_and_recompressed_copies_are_near_duplicates() -> None:
    rng = np.random.default_rng(0)
    field = cv2.resize(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8), (64, 64))
    jpeg = cv2.imdecode(cv2.imencode(".jpg", field, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 1)
    copies = [field, np.rot90(field), np.rot90(field[:, ::-1], 3), jpeg, field // 2 + 60]
    other = cv2.resize(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8), (64, 64))
    pairs = near_duplicates(thumbs(*copies, other))
    assert {(0, 1), (0, 2), (0, 3), (0, 4)} <= set(pairs)
    assert all(5 not in pair for pair in pairs)


@pytest.mark.parametrize(
    ("groups", "linked"),
    [
        (["", "", "", ""], {(0, 1), (0, 2), (1, 2)}),
        (["", "", "g", ""], {(0, 1), (0, 2), (1, 2)}),  # one without a group, the other with
        (["g", "", "h", ""], {(0, 1), (1, 2)}),  # two groups are left to the manifest
        (["g", "h", "i", ""], set()),
        (["g", "h", "i", "k"], set()),
    ],
)
def test_near_duplicates_of_images_without_a_group_are_linked(
    tmp_path: Path, groups: list[str], linked: set[tuple[int, int]]
) -> None:
    rng = np.random.default_rng(0)
    fields = [cv2.resize(rng.integers(0, 255, (9, 9, 3), np.uint8), (64, 64)) for _ in range(2)]
    images = [fields[0], np.rot90(fields[0]), fields[0] // 2 + 60, fields[1]]
    rows = []
    for number, (image, group) in enumerate(zip(images, groups, strict=True)):
        write_png(tmp_path / f"{number}.png", image)
        rows.append({"path": f"{number}.png", "label": "a", "group": group})
    write_manifest(tmp_path, rows)
    catalog = read_catalog(tmp_path)
    assert set(duplicate_links(catalog, scan_images(catalog))) == linked


def test_many_grouped_images_do_not_stop_the_search_for_a_few_without_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scan, "NEAR_LIMIT", 10)
    grouped = [Item(f"{number}.png", "a", "g") for number in range(40)]
    for alone, compared in ((2, True), (3, False)):
        items = [*grouped, *(Item(f"x{number}.png", "a") for number in range(alone))]
        assert scan.compares_all(Catalog(Path(), tuple(items), ("a",))) is compared


def test_blank_images_are_not_taken_for_copies() -> None:
    grey = [np.full((64, 64, 3), value, np.uint8) for value in (200, 201, 250)]
    assert near_duplicates(thumbs(*grey)) == []
