"""From annotated slides of several scales to a model that finds the same classes on new ones."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ssmamba import predict, scan
from ssmamba.checkpoints.card import read_card
from ssmamba.generated.optics import Optics
from ssmamba.generated.scenes import COLORS, CROWDED, FIBROUS, NAMES, REGULAR, ROUND, Painter, field
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.geometry import roi_shape
from ssmamba.rois.roi import Roi
from tests.slides import write_pyramid
from training import evaluate, finetune
from training.prepare.__main__ import main as prepare

KINDS = (REGULAR, CROWDED, ROUND, FIBROUS)
BLOCK_UM, GLASS_UM = 384.0, 60.0
SCALES = (0.35, 0.5, 0.7)
WINDOW_UM = 96


def blocks(mpp: float) -> Iterator[tuple[str, int, int, int]]:
    """Kind, left, top and side, level-0 pixels, of the four tissues of a slide."""
    side, rim = round(BLOCK_UM / mpp), round(GLASS_UM / mpp)
    for number, kind in enumerate(KINDS):
        yield kind, rim + number % 2 * side, rim + number // 2 * side, side


def write_montage(path: Path, seed: int, mpp: float) -> None:
    """A slide of four kinds of tissue on glass, drawn at its own scale, by its own scanner."""
    rng = np.random.default_rng(seed)
    optics, painter = Optics.drawn(rng), Painter.made(rng, 1024, 0.5 / mpp)
    whole = 2 * (round(BLOCK_UM / mpp) + round(GLASS_UM / mpp))
    picture = np.full((whole, whole, 3), 246, np.uint8)
    for kind, left, top, side in blocks(mpp):
        sheet = field(painter, kind, side, side)
        image = optics.image(sheet.haematoxylin, sheet.eosin, rng)
        picture[top : top + side, left : left + side] = image
    write_pyramid(path, whole, whole, tile=256, mpp=mpp, picture=picture)


def square(left: float, top: float, side: float, name: str = "", kind: str = "") -> Roi:
    ring = ((left, top), (left + side, top), (left + side, top + side), (left, top + side))
    color = COLORS[kind] if kind else None
    return Roi(((ring,),), name=name, class_name=NAMES.get(kind, ""), color=color)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_model_of_annotated_slides_finds_its_classes_on_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SSMAMBA_SCAN")  # the plain scan is slow at this size
    slides = tmp_path / "slides"
    slides.mkdir()
    for number in range(9):
        mpp = SCALES[number % 3]
        write_montage(slides / f"s{number}.tif", 100 + number, mpp)
        drawn = [square(x, y, side, kind=kind) for kind, x, y, side in blocks(mpp)]
        write_rois(slides / f"s{number}.geojson", drawn)
    data, runs = tmp_path / "data", tmp_path / "run"
    flags = f"--mpp 1 --roi-px {WINDOW_UM} --overlap 0.5 --inside 0.95".split()
    assert prepare(["slides", "--source", str(slides), "--out", str(data), *flags]) == 0
    recipe = ["--config", "resources/configs/demo.yaml", "--epochs", "6"]
    assert finetune.main(["--data", str(data), "--out", str(runs), *recipe]) == 0
    model = runs / "best.safetensors"
    assert evaluate.main([str(model), "--data", str(data), "--out", str(tmp_path / "ev")]) == 0
    card = read_card(model)
    assert {c.name: c.color for c in card.classes} == {NAMES[k]: COLORS[k] for k in KINDS}
    assert card.input.mpp == pytest.approx(WINDOW_UM / card.input.window_px)

    right, area = np.zeros(2), np.zeros(2)  # by predict, by scan; squared µm
    for seed, mpp in ((900, 0.45), (901, 0.6)):
        slide, out = tmp_path / f"new{seed}.tif", tmp_path / f"out{seed}"
        write_montage(slide, seed, mpp)
        truth = {}
        for kind, x, y, side in blocks(mpp):
            third = side / 3
            for n in range(9):
                name = f"{kind} {n}"
                truth[name] = square(x + n % 3 * third, y + n // 3 * third, third, name), kind
        write_rois(tmp_path / "rois.geojson", [roi for roi, _ in truth.values()])
        # neither --mpp nor --field-px: the slide and the card know their scales
        given = ["--model", str(model), "--out", str(out)]
        rois = ["--rois", str(tmp_path / "rois.geojson")]
        assert predict.main([str(slide), *given, *rois]) == 0, capsys.readouterr().err
        for answer in json.loads((out / "results.json").read_text()):
            roi, kind = truth[answer["roi_name"]]
            answered = roi_shape(roi).area * mpp**2
            area[0] += answered
            right[0] += answered * (answer["predicted_name"] == NAMES[kind])
        maps = ["--model", str(model), "--out", str(tmp_path / f"maps{seed}")]
        assert scan.main([str(slide), *maps]) == 0, capsys.readouterr().err
        for kind, tile in tiles_inside(tmp_path / f"maps{seed}" / slide.stem, mpp):
            size = (float(tile["width"]) * mpp) ** 2
            area[1] += size
            best = max(card.classes, key=lambda info: float(tile[f"prob_{info.key}"] or 0))
            right[1] += size * (best.name == NAMES[kind])
    assert (right / area >= 0.95).all(), right / area


def tiles_inside(folder: Path, mpp: float) -> Iterator[tuple[str, dict[str, str]]]:
    """Tiles of a scan that lie wholly on one kind of tissue, and the kind."""
    with (folder / "tiles.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = 0
    for tile in rows:
        x, y, side = float(tile["minx"]), float(tile["miny"]), float(tile["width"])
        for kind, left, top, size in blocks(mpp):
            if left <= x and top <= y and x + side <= left + size and y + side <= top + size:
                found += 1
                yield kind, tile
    assert found >= 4 * 4
