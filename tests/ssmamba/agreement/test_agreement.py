"""The command that compares and merges readers' region files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.agreement import main
from ssmamba.rois.geojson import read_rois, write_rois
from ssmamba.rois.geometry import area_of
from tests.slides import write_pyramid
from tests.ssmamba.rois.test_readers import box
from tests.ssmamba.scan.conftest import on_glass

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command into tmp_path/out; returns (status, stdout, stderr)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([*map(str, arguments), "--out", str(tmp_path / "out")])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    drawn = {
        "ann": [box(100, 100, 100, 100), box(300, 100, 50, 50, "Fat")],
        "bob": [box(150, 100, 100, 100, "tumour")],
        "cem": [box(150, 100, 100, 100), box(0, 0, 9, 9, "")],
    }
    for name, rois in drawn.items():
        write_rois(tmp_path / f"{name}.geojson", rois)
    return [tmp_path / f"{name}.geojson" for name in drawn]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tables_and_merged_regions(agreement: Run, files: list[Path], tmp_path: Path) -> None:
    status, printed, said = agreement(*files)
    assert status == 0, said
    out = tmp_path / "out"
    classes = {row["class"]: row for row in rows_of(out / "classes.csv")}
    assert list(classes) == ["Fat", "Tumour", "Unclassified"]
    assert classes["Tumour"]["marked_by"] == "3" and classes["Fat"]["marked_by"] == "1"
    assert float(classes["Tumour"]["area_majority_px2"]) == 10_000
    assert float(classes["Tumour"]["dice"]) == pytest.approx((0.5 + 0.5 + 1) / 3, abs=1e-4)
    assert float(classes["Fat"]["dice"]) == 0
    pairs = rows_of(out / "pairs.csv")
    assert [(p["first"], p["second"]) for p in pairs[3:6]] == [
        ("ann", "bob"), ("ann", "cem"), ("bob", "cem"),
    ]  # fmt: skip
    assert pairs[2]["dice"] == ""  # neither has fat
    assert float(pairs[5]["kappa"]) == 1
    (region,) = read_rois(out / "merged.geojson")
    assert (region.class_name, area_of(region)) == ("Tumour", 10_000)
    assert region.measurements["Readers"] == 2.5
    assert "Tumour" in printed and "Fleiss' kappa" in printed
    assert "1 regions have no class of the reader's" in said


def test_merging_by_union_tells_classes_that_overlap(
    agreement: Run, files: list[Path], tmp_path: Path
) -> None:
    write_rois(files[1], [box(110, 110, 20, 20, "Fat")])
    status, _, said = agreement(*files, "--merge", "union")
    assert status == 0 and "'Fat' and 'Tumour' overlap on 400 px²" in said
    areas = sorted(area_of(roi) for roi in read_rois(tmp_path / "out" / "merged.geojson"))
    assert areas == [81, 400, 2500, 15_000]


def test_on_a_slide_areas_are_mm2_within_its_tissue(
    agreement: Run, files: list[Path], tmp_path: Path
) -> None:
    write_pyramid(tmp_path / "slide.tif", mpp=0.5, picture=on_glass(500, 400))
    slide = ("--slide", tmp_path / "slide.tif")
    kappas = []
    for within in ("annotated", "tissue", "slide"):
        assert agreement(*files[:2], *slide, "--within", within)[0] == 0
        _, tumour = rows_of(tmp_path / "out" / "classes.csv")
        assert float(tumour["area_intersection_mm2"]) == pytest.approx(5000 * 0.25e-6)
        kappas.append(float(tumour["kappa"]))
    assert kappas == sorted(kappas) and kappas[0] < 0 < kappas[2]
    assert agreement(*files[:2], *slide)[0] == 0
    tissue = rows_of(tmp_path / "out" / "classes.csv")[1]
    assert float(tissue["kappa"]) == pytest.approx(kappas[1])


def test_qupaths_origin_is_kept(
    agreement: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a slide has bounds, files count from there, in and out."""
    from ssmamba.headless import agreement as module

    plain = module._place
    monkeypatch.setattr(module, "_place", lambda r: replace(plain(r), offset=(1000.0, 500.0)))
    for name in "ab":
        write_rois(tmp_path / f"{name}.geojson", [box(10, 20, 30, 30)])
    assert agreement(tmp_path / "a.geojson", tmp_path / "b.geojson")[0] == 0
    (region,) = read_rois(tmp_path / "out" / "merged.geojson")
    assert region.bounds == (10, 20, 40, 50)


def test_bad_input_is_one_sentence(agreement: Run, files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "broken.geojson").write_text("{", encoding="utf-8")
    write_rois(tmp_path / "x.geojson", [])
    write_rois(tmp_path / "y.geojson", [])
    for given, named in (
        ((files[0],), "One reader agrees with nobody"),
        ((files[0], files[0]), "is given twice"),
        ((files[0], tmp_path / "broken.geojson"), "is not valid GeoJSON"),
        ((files[0], tmp_path / "none.geojson"), "There is no region file"),
        ((*files, "--within", "slide"), "needs the slide"),
        ((tmp_path / "x.geojson", tmp_path / "y.geojson"), "No file has a region with an area"),
    ):
        status, _, said = agreement(*given)
        assert status == 2 and named in said and "Traceback" not in said
        assert not (tmp_path / "out").exists()
