"""Augmented copies of a field are found by content, other fields are not taken for copies."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.data.catalogs import read_catalog
from tests.training.pictures import write_png
from tests.training.prepare.trees import field
from training.data.catalog import Item
from training.prepare import copies
from training.prepare.copies import find_copies, group_by_field
from training.prepare.keypoints import MOST, WIDTH, Keypoints, common_keypoints, find_keypoints

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "lc25000"


def augmented(image: np.ndarray, angle: float, zoom: float, mirror: bool) -> np.ndarray:
    centre = (image.shape[1] / 2, image.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(centre, angle, zoom)
    out = cv2.warpAffine(image, turn, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    out = out[:, ::-1] if mirror else out
    return cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, 85])[1], 1)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize(("angle", "zoom"), [(0, 1.0), (180, 1.0), (17, 1.25), (-24, 1.4)])
def test_a_turned_zoomed_mirrored_copy_shares_keypoints(
    tmp_path: Path, angle: float, zoom: float, mirror: bool
) -> None:
    original = field(0)
    write_png(tmp_path / "a.png", original)
    write_png(tmp_path / "b.png", augmented(original, angle, zoom, mirror))
    write_png(tmp_path / "c.png", field(1))
    a, b, c = (find_keypoints(tmp_path / f"{name}.png") for name in "abc")
    assert common_keypoints(a, b) >= 12
    assert common_keypoints(a, c) < 8


def test_fields_become_groups_within_their_class(tmp_path: Path) -> None:
    items, files, truth = [], [], []
    for number in range(4):
        for copy in range(3):
            path = tmp_path / f"{number}_{copy}.png"
            write_png(path, augmented(field(number), 11.0 * copy, 1 + 0.1 * copy, copy == 1))
            items.append(Item(path.name, "ab"[number % 2]))
            files.append(path)
            truth.append(str(number))
    done: list[int] = []
    names = group_by_field(items, files, done.append)
    assert pair_scores(names, truth) == {"precision": 1.0, "recall": 1.0}
    assert len(set(names)) == 4 and done == sorted(done) and done[-1] <= 2 * len(items)


def test_few_candidates_are_the_right_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(copies, "CANDIDATES", 2)
    monkeypatch.setattr(copies, "WORDS", 40)
    for number in range(8):
        write_png(tmp_path / f"{number}.png", field(number // 2)[:, :: (-1) ** number])
    keypoints = [find_keypoints(tmp_path / f"{number}.png") for number in range(8)]
    pairs = list(map(tuple, copies.candidate_pairs(keypoints).tolist()))
    assert pairs == sorted(pairs)
    assert {(0, 1), (2, 3), (4, 5), (6, 7)} <= set(pairs) and len(pairs) <= 16


def peak_bytes(count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Peak memory of find_copies over ``count`` images full of keypoints that match nothing."""

    def invented(path: Path) -> Keypoints:
        rng = np.random.default_rng(int(path.name))
        found = rng.integers(0, 90, (MOST, WIDTH), np.uint8)  # about SCALE long
        return Keypoints(rng.random((MOST, 2), np.float32), found)

    monkeypatch.setattr(copies, "find_keypoints", invented)
    monkeypatch.setattr(copies, "common_keypoints", lambda first, second: 0)
    paths = [Path(str(number)) for number in range(count)]
    tracemalloc.start()
    try:
        find_copies(paths)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_image_takes_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its keypoints (41 kB) and words (4 kB); uncompressed they were 310 kB."""
    few, many = (peak_bytes(count, monkeypatch) for count in (60, 160))
    assert (many - few) / 100 < 55_000


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("count", "most_gb"), [(5_000, 0.35), (25_000, 1.6)])
def test_lc25000_takes_little_memory(
    count: int, most_gb: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    peak = peak_bytes(count, monkeypatch) / 1e9
    print(f"{count} images: peak {peak:.2f} GB")
    assert peak < most_gb


def test_many_blank_images_have_no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, WIDTH), np.uint8))
    monkeypatch.setattr(copies, "find_keypoints", lambda path: blank)
    assert find_copies([Path(str(number)) for number in range(60)]) == []


def test_blank_and_single_images_have_no_copies(tmp_path: Path) -> None:
    for name in "ab":
        write_png(tmp_path / f"{name}.png", np.full((64, 64, 3), 240, np.uint8))
    assert find_copies([tmp_path / "a.png", tmp_path / "b.png"]) == []
    assert find_copies([tmp_path / "a.png"]) == [] and find_copies([]) == []


@pytest.mark.slow
@pytest.mark.shared_data
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the images in ../shared/data")
def test_the_published_groups_of_lc25000_are_found() -> None:
    """Measured: precision .941, recall .970 over all pairs. Each of the 173 found pairs that lie
    in two published groups and match directly correlates by at least .92 once laid over each
    other, as pairs of one group do: the published groups miss them."""
    catalog = read_catalog(SHARED)
    found = group_by_field(catalog.items, [catalog.file(item) for item in catalog.items])
    scores = pair_scores(found, [item.group for item in catalog.items])
    print(scores)
    assert scores["precision"] > 0.93 and scores["recall"] > 0.96


def pair_scores(found: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """Pairwise precision and recall of groups against true ones."""
    same = _same_group(found), _same_group(truth)
    both = int((same[0] & same[1]).sum())
    return {
        "precision": both / max(int(same[0].sum()), 1),
        "recall": both / max(int(same[1].sum()), 1),
    }


def _same_group(names: Sequence[str]) -> np.ndarray:
    numbers = np.unique(np.asarray(names), return_inverse=True)[1]
    return np.triu(numbers[:, None] == numbers[None], 1)
