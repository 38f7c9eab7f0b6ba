"""Regions of known class cut out of slides with polygons or masks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from ssmamba.errors import DataError, InputError
from ssmamba.slides.slide import Slide
from tests.slides import grainy, write_pyramid
from tests.training.prepare import trees
from training.data.dataset import load_dataset
from training.data.images import read_rgb
from training.prepare.__main__ import main
from training.prepare.config import PrepareConfig
from training.prepare.masks import CELL, read_mask
from training.prepare.regions import Cut, cut_slide, tissue_squares
from training.prepare.slide_layouts import SlideCase
from training.prepare.steps import prepare
from training.prepare.truth import read_lesions
from training.prepare.write import Prepared


def run(name: str, source: Path, out: Path, **flags: object) -> Prepared:
    return prepare(PrepareConfig(name, out, source, **flags))  # type: ignore[arg-type]


def place(name: str) -> tuple[int, int]:
    x, y = name.rsplit("/", 1)[-1].rsplit("_", 3)[-3:-1]
    return int(x), int(y)


def test_camelyon_regions_follow_the_polygons(tmp_path: Path) -> None:
    source = trees.write_camelyon(tmp_path / "CAMELYON16")
    data = run("camelyon16", source, tmp_path / "out", roi_px=64, per_slide=20, lesion=0.5)
    for found in data.images:
        x, y = place(found.name)
        assert x + 64 <= 384  # the right quarter is glass
        if found.group.startswith("tumor"):
            assert found.label == "metastasis" and x < 128 and y >= 128  # group _2 is cut out
        elif found.group.startswith("normal") or found.group == "test_002":
            assert found.label == "no_metastasis"
        else:
            assert found.label == "metastasis"
    assert {i.group[:4] for i in data.images} == {"norm", "tumo", "test"}
    first = data.images[0]
    with Slide.open(next(source.rglob(f"{first.group}.tif"))) as slide:
        x, y = place(first.name)
        pixels = slide.read_window(x, y, 64, 64)
    assert (read_rgb(tmp_path / "out" / "images" / first.name) == pixels).all()


def test_camelyon_published_test_slides(tmp_path: Path) -> None:
    source = trees.write_camelyon(tmp_path / "CAMELYON16")
    flags = {"roi_px": 64, "per_slide": 3, "lesion": 0.5, "split": "published"}
    data = run("camelyon16", source, tmp_path / "out", **flags)
    for found, side in zip(data.images, data.splits, strict=True):
        assert (side == "test") == found.group.startswith("test")


def test_paip_regions_follow_the_masks(tmp_path: Path) -> None:
    data = run("paip2019", trees.write_paip(tmp_path / "d"), tmp_path / "out", roi_px=64,
               per_slide=3)  # fmt: skip
    for found in data.images:
        x, _ = place(found.name)
        assert found.label == ("viable_tumor" if x + 64 <= 128 else "non_tumor")
        assert found.label == "viable_tumor" or x >= 256
    assert Counter(i.group for i in data.images) == {f"01_01_{n:04d}": 6 for n in range(80, 84)}


def test_regions_are_read_at_the_asked_scale(tmp_path: Path) -> None:
    source = trees.write_paip(tmp_path / "d")
    data = run("paip2019", source, tmp_path / "out", roi_px=32, mpp=1.0, per_slide=1)
    first = data.images[0]
    assert read_rgb(tmp_path / "out" / "images" / first.name).shape == (32, 32, 3)
    assert place(first.name)[0] % 64 == 0  # 32 px at 1.0 µm/px are 64 level-0 px at 0.5
    assert load_dataset(tmp_path / "out", 0, quiet=True).info.mpp == 1.0


def test_regions_of_level_0_carry_its_scale_where_all_slides_share_one(tmp_path: Path) -> None:
    """Models that are trained on them then know theirs."""
    source = trees.write_camelyon(tmp_path / "d")
    flags = {"roi_px": 64, "per_slide": 2, "lesion": 0.5}
    data = run("camelyon16", source, tmp_path / "out", **flags)
    assert load_dataset(tmp_path / "out", 0, quiet=True).info.mpp == pytest.approx(0.5, rel=1e-3)
    assert any("slides: regions of 8 here, 399 published" in line for line in data.differences)
    trees.tissue_slide(source / "training/normal/normal_004.tif", 512, 256, 7, mpp=0.25)
    # pixel masks of the same name, as some mirrors ship them
    trees.tissue_slide(source / "background_tissue/normal_004.tif", 512, 256, 8)
    data = run("camelyon16", source, tmp_path / "two", **flags)
    assert load_dataset(tmp_path / "two", 0, quiet=True).info.mpp is None
    assert any("differ in scale (0.250 to 0.500 µm/px)" in note for note in data.notes)


def test_missing_truth_is_listed_for_all_slides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = trees.write_paip(tmp_path / "d")
    next(source.rglob("*80_whole.tif")).unlink()
    packed = next(source.rglob("*81_viable.tif"))
    packed.rename(packed.with_suffix(".zip"))
    assert main(["paip2019", "--source", str(source), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert "01_01_0080.svs: no mask 01_01_0080_whole" in told
    assert "01_01_0081_viable; unpack its zip" in told
    assert [p.name for p in tmp_path.iterdir()] == ["d"]
    camelyon = trees.write_camelyon(tmp_path / "c")
    next(camelyon.rglob("tumor_002.xml")).unlink()
    assert main(["cam16", "--source", str(camelyon), "--out", str(tmp_path / "out")]) == 2
    assert "tumor_002.tif: no tumor_002.xml" in capsys.readouterr().err


def test_a_stopped_preparation_goes_on_where_it_stopped(tmp_path: Path) -> None:
    source = trees.write_paip(tmp_path / "d")
    mask = next(source.rglob("*83_viable.tif"))
    whole = mask.read_bytes()
    mask.write_bytes(whole[:30])
    flags = {"roi_px": 64, "per_slide": 2}
    with pytest.raises(DataError, match="83_viable"):
        run("paip2019", source, tmp_path / "out", **flags)
    assert not (tmp_path / "out").exists()
    cut = {p: p.stat().st_mtime_ns for p in (tmp_path / ".out.partial" / "images").rglob("*.png")}
    assert len(cut) == 12
    mask.write_bytes(whole)
    with pytest.raises(DataError, match="--resume"):
        run("paip2019", source, tmp_path / "out", **flags)
    with pytest.raises(DataError, match="different flags"):
        run("paip2019", source, tmp_path / "out", resume=True, roi_px=32)
    data = run("paip2019", source, tmp_path / "out", resume=True, **flags)
    assert len(data.images) == 16
    for path, stamp in cut.items():
        done = tmp_path / "out" / path.relative_to(tmp_path / ".out.partial")
        assert done.stat().st_mtime_ns == stamp  # not cut again
    assert not (tmp_path / "out" / "settings.json").exists()


def test_lesions_have_their_holes(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text(trees.asap([("Tumor", (0, 0, 10, 10)), ("Exclusion", (0, 0, 10, 4))]))
    assert read_lesions(file).area == pytest.approx(60)
    for text, expected in (
        ("<x", "is not XML"),
        ("<a/>", "not an ASAP"),
        (trees.asap([("_9", (0, 0, 1, 1))]), "_9"),
    ):
        file.write_text(text)
        with pytest.raises(DataError, match=expected):
            read_lesions(file)


def test_a_lesion_whose_outline_runs_over_itself_has_no_hole_there(tmp_path: Path) -> None:
    stroke = [(0, 0), (80, 0), (80, 80), (20, 80), (20, 20), (100, 20), (100, 100), (0, 100)]
    corners = "".join(
        f'<Coordinate Order="{n}" X="{x}" Y="{y}"/>' for n, (x, y) in enumerate(stroke)
    )
    file = tmp_path / "a.xml"
    text = trees.asap([("Tumor", (0, 0, 1, 1))])
    start, end = text.index("<Coordinates>"), text.index("</Coordinates>")
    file.write_text(f"{text[:start]}<Coordinates>{corners}{text[end:]}")
    assert read_lesions(file).area == pytest.approx(100 * 100 - 20 * 20)


@pytest.mark.parametrize("layout", ["strips", "tiles", "lzw"])
def test_masks_are_reduced_to_exact_shares(tmp_path: Path, layout: str) -> None:
    rng = np.random.default_rng(0)
    mask = (rng.random((5 * CELL + 9, 7 * CELL + 5)) < 0.3).astype(np.uint8)
    path = tmp_path / "mask.tif"
    if layout == "lzw":
        Image.fromarray(mask).save(path, compression="tiff_lzw")
    else:
        tile = (64, 48) if layout == "tiles" else None
        tifffile.imwrite(
            path, mask, compression="zlib", tile=tile, rowsperstrip=None if tile else 7
        )
    grid = read_mask(path)
    assert grid.shares.shape == (6, 8)
    assert grid.share(CELL, 2 * CELL, 3 * CELL) == pytest.approx(
        mask[2 * CELL : 5 * CELL, CELL : 4 * CELL].mean()
    )
    assert grid.shares[5, 7] == pytest.approx(mask[5 * CELL :, 7 * CELL :].mean())


def test_only_squares_with_tissue_inside_the_slide() -> None:
    mask = np.zeros((10, 20), bool)
    mask[:, :5] = True
    found = tissue_squares(mask, (2000, 1000), 300, 0.5)
    assert found == [(x, y) for y in (0, 300, 600) for x in (0, 300)]


def test_pixels_that_are_not_square_are_said_and_have_no_scale(tmp_path: Path) -> None:
    file = tmp_path / "wide.tif"
    tifffile.imwrite(
        file, grainy(256, 256), photometric="rgb", tile=(128, 128), metadata=None,
        resolution=(40_000, 20_000), resolutionunit="CENTIMETER",
    )  # fmt: skip
    case = SlideCase(file, "wide", "", lambda size: lambda x, y, side: "tissue")
    with pytest.raises(InputError, match=r"omit --mpp.*not square"):
        cut_slide(case, Cut(64, 0.5, 4, 0.5, 0), tmp_path / "scaled")
    for _ in range(2):  # cut, then remembered
        done = cut_slide(case, Cut(64, 0.0, 4, 0.5, 0), tmp_path / "cut")
        assert done.regions and done.mpp is None
        assert "not square (0.25 µm across, 0.5 µm down)" in done.note


@pytest.mark.parametrize("level", [0, 30, 128])
def test_no_square_is_cut_from_padding(tmp_path: Path, level: int) -> None:
    picture = grainy(640, 512)
    picture[:, :128] = level
    write_pyramid(tmp_path / "padded.tif", picture=picture)
    case = SlideCase(
        tmp_path / "padded.tif", "padded", "", lambda size: lambda x, y, side: "tissue"
    )
    cut = cut_slide(case, Cut(128, 0.0, 100, 0.5, 0), tmp_path / "out")
    assert len(cut.regions) == 16
