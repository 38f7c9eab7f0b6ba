"""Slides with annotations become a data folder; what cannot be used is named."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.errors import DataError
from ssmamba.lock import locked_folder
from ssmamba.rois.geojson import write_rois
from ssmamba.rois.roi import Roi
from ssmamba.slides.slide import Slide
from tests.training.prepare import trees
from tests.training.prepare.annotated.cohorts import (
    GREEN,
    HALVES,
    RED,
    annotate,
    region,
    write_cohort,
)
from training.data.dataset import load_dataset
from training.data.images import read_rgb
from training.prepare import regions as cutting
from training.prepare.__main__ import main
from training.prepare.annotated import survey
from training.prepare.config import PrepareConfig
from training.prepare.steps import prepare
from training.prepare.write import Prepared


def run(source: Path, out: Path, **flags: object) -> Prepared:
    return prepare(PrepareConfig("slides", out, source, **{"mpp": 1.0, "roi_px": 32, **flags}))  # type: ignore[arg-type]


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "slides.csv").open(encoding="utf-8", newline="") as file:
        return {row["slide"]: row for row in csv.DictReader(file)}


def place(name: str) -> tuple[int, int]:
    x, y = name.rsplit("_", 3)[-3:-1]
    return int(x), int(y)


def notes(data: Prepared) -> str:
    return "\n".join(data.notes)


def test_patches_are_what_the_annotations_say(tmp_path: Path) -> None:
    """64 level-0 px are 32 px of 1 µm; three columns of the grid are tumour, three are stroma."""
    source = write_cohort(tmp_path / "in")
    data = run(source, tmp_path / "out")
    counts = Counter((image.group, image.label) for image in data.images)
    assert counts == {(f"s{n}", name): 12 for n in range(4) for name in ("Tumor", "Stroma")}
    for image in data.images:
        x, _ = place(image.name)
        assert image.label == ("Tumor" if x + 64 <= 192 else "Stroma") and x + 64 <= 384
    first = data.images[5]
    with Slide.open(source / f"{first.group}.tif") as slide:
        pixels = slide.read_window(*place(first.name), 64, 32)
    assert (read_rgb(tmp_path / "out" / "images" / first.name) == pixels).all()
    loaded = load_dataset(tmp_path / "out", 0, quiet=True)
    assert loaded.info.mpp == 1.0 and {c.color for c in loaded.info.classes} == {RED, GREEN}
    assert all(set(loaded.labels(split)) == {0, 1} for split in ("train", "val", "test"))
    table = rows(tmp_path / "out")
    assert {row["patches of Tumor"] for row in table.values()} == {"12"}
    assert table["s0.tif"]["windows"] == "32" and table["s0.tif"]["with_tissue"] == "24"
    assert "4 of 4 slides gave patches" in notes(data)


def test_the_map_shows_what_was_taken(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 3)
    run(source, tmp_path / "out")
    picture = np.asarray(Image.open(tmp_path / "out" / "maps" / "s0.jpg")).astype(int)
    with Slide.open(source / "s0.tif") as slide:
        plain = slide.read_window(0, 0, 512, 512)[:256].astype(int)
    assert picture.shape[1] == 512 and picture.shape[0] > 256
    tint = picture[:256] - plain
    tumour, stroma, glass = tint[20:50, 20:50], tint[20:50, 210:240], tint[20:50, 440:480]
    assert tumour[..., 1].mean() < -20 and stroma[..., 1].mean() > tumour[..., 1].mean() + 20
    assert abs(glass).mean() < 3


def test_slides_of_different_scale_give_patches_of_one(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 3)
    trees.tissue_slide(source / "s0.tif", 1024, 512, 9, mpp=0.25)
    annotate(source / "s0.geojson", [("Tumor", (0, 0, 384, 512)), ("Stroma", (384, 0, 1024, 512))])
    trees.tissue_slide(source / "s1.tif", 700, 350, 9, mpp=0.33)
    data = run(source, tmp_path / "out")
    table = rows(tmp_path / "out")
    assert [table[f"s{n}.tif"]["window_px"] for n in range(3)] == ["128", "97", "64"]
    assert table["s0.tif"]["patches of Tumor"] == "12"
    assert {read_rgb(tmp_path / "out" / "images" / i.name).shape for i in data.images} == {
        (32, 32, 3)
    }
    assert "enlarged" in notes(run(source, tmp_path / "fine", mpp=0.4, roi_px=64))


def test_holes_and_exclusions_are_left_out(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 3)
    ring = ((0, 0), (320, 0), (320, 256), (0, 256))
    hole = ((64, 64), (128, 64), (128, 128), (64, 128))
    rois = [Roi(((ring, hole),), class_name="Tumor"), region("Ignore*", (192, 0, 256, 64))]
    for number in range(3):
        write_rois(source / f"s{number}.geojson", [*rois, region("Stroma", (256, 64, 384, 256))])
    data = run(source, tmp_path / "out", several="inner")
    taken = {place(i.name): i.label for i in data.images if i.group == "s0"}
    assert (64, 64) not in taken and (192, 0) not in taken
    assert taken[0, 0] == "Tumor" and taken[256, 64] == "Stroma" and len(taken) == 21
    told = run(source, tmp_path / "none", classes="Tumor,Stroma")
    assert "has Stroma and Tumor at one place: 3 windows are left out" in notes(told)
    assert (256, 64) not in {place(i.name) for i in told.images}
    assert rows(tmp_path / "none")["s0.tif"]["several_classes"] == "3"


def test_background_is_tissue_that_no_annotation_reaches(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 4, [("Tumor", (0, 0, 100, 256))])
    annotate(source / "s2.geojson", [])  # looked at: nothing there
    data = run(source, tmp_path / "out", background="Other", group_by="region")
    xs: dict[str, set[int]] = {}
    for image in data.images:
        xs.setdefault(image.label, set()).add(place(image.name)[0])
    assert xs["Tumor"] == {0} and min(xs["Other"]) == 0  # of s2
    of_s0 = [i for i in data.images if "s0_" in i.name and i.label == "Other"]
    assert {place(i.name)[0] for i in of_s0} == {128, 192, 256, 320}
    assert rows(tmp_path / "out")["s2.tif"]["patches of Other"] == "24"


def test_classes_are_chosen_renamed_and_merged(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 3)
    annotate(source / "s1.geojson", [("tumor", (0, 0, 192, 256)), ("Stroma", (192, 0, 512, 256)),
                                     ("Necrosis", (0, 0, 9, 9)), ("", (0, 0, 9, 9))])  # fmt: skip
    data = run(source, tmp_path / "out")
    assert {i.label for i in data.images} == {"Tumor", "Stroma"}
    assert "Read as one class: Tumor, tumor." in notes(data)
    assert "s1.tif has 1 annotations without a class, which are not used." in notes(data)
    data = run(source, tmp_path / "two", classes="tumor=Cancer, Stroma=Other")
    assert {i.label for i in data.images} == {"Cancer", "Other"}
    assert "Annotations of classes that are not used: Necrosis (1)." in notes(data)
    with pytest.raises(DataError, match=r"no annotation has the class 'Tumr' \(did you mean 'Tum"):
        run(source, tmp_path / "three", classes="Tumr,Stroma")


def test_a_table_names_patients_scale_split_and_annotations(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 4)
    for name in ("s0", "s1"):
        trees.tissue_slide(source / f"{name}.tif", 512, 256, 5, mpp=None)  # type: ignore[arg-type]
    (source / "s1.geojson").rename(source / "drawn by hand.geojson")
    table = tmp_path / "slides.csv"
    table.write_text(
        "slide;Patient;mpp;annotations\nin/s0.tif;A;0,5;\n"
        "in/s1.tif;A;0.5;in/drawn by hand.geojson\nin/s2.tif;B;;\nin/s3.tif;C;0.25;\n"
    )
    data = run(table, tmp_path / "out")
    assert {i.group for i in data.images} == {"A", "B", "C"}
    assert rows(tmp_path / "out")["s1.tif"]["patches"] == "24"
    assert "s3.tif is 0.5 µm/px by its file and 0.25 by the table, which is used." in notes(data)
    table.write_text("slide,split\nin/s2.tif,train\nin/s3.tif,test\n")
    with pytest.raises(DataError, match="no images of Stroma, Tumor in val"):
        run(table, tmp_path / "two")
    assert main(["slides", "--source", str(source), "--out", str(tmp_path / "by"), "--mpp", "1",
                 "--roi-px", "32", "--slide-mpp", "0.5", "--annotations", str(source),
                 "--group-pattern", r"s\d"]) == 0  # fmt: skip


BAD = {
    "only_slide": "has no annotations",
    "no_scale": "has no µm/px; give it in a column mpp of the CSV, or with --slide-mpp",
    "glass": "has no window with 50 % of tissue",
    "elsewhere": "has all 2 annotations of elsewhere.geojson outside of it",
    "torn": "is not valid GeoJSON",
    "broken": "cannot be used",
    "twice": "has several annotation files (twice.geojson and twice.xml)",
    "empty": "has no annotation",
    "specks": "has no window of 32 µm with 75 % inside one class",
}


def test_what_cannot_be_used_costs_itself_alone_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_cohort(tmp_path / "in", 3)
    for number, name in enumerate(BAD):
        trees.tissue_slide(source / f"{name}.tif", 512, 256, 20 + number)
        annotate(source / f"{name}.geojson", HALVES)
    (source / "only_slide.geojson").unlink()
    trees.tissue_slide(source / "no_scale.tif", 512, 256, 5, mpp=None)  # type: ignore[arg-type]
    trees.write_glass(source / "glass.tif", 512, 256)
    annotate(source / "elsewhere.geojson", [("Tumor", (9000, 0, 9500, 99)), ("Stroma",
                                            (-90, -90, -5, -5))])  # fmt: skip
    (source / "torn.geojson").write_text('{"type": "FeatureCollection", "features": [{"ty')
    (source / "broken.tif").write_bytes(b"II*\0" + bytes(100))
    (source / "twice.xml").write_text("<Annotations/>")
    annotate(source / "empty.geojson", [])
    annotate(source / "specks.geojson", [("Tumor", (10, 10, 20, 20))])
    annotate(source / "lost.geojson", HALVES)
    annotate(source / "s0.geojson", [*HALVES, ("Tumor", (9000, 0, 9500, 99)),
                                     ("Tumor", (-50, 0, 60, 60))])  # fmt: skip
    status = main(["slides", "--source", str(source), "--out", str(tmp_path / "out"), "--mpp", "1",
                   "--roi-px", "32"])  # fmt: skip
    assert status == 0
    table, told = rows(tmp_path / "out"), (tmp_path / "out" / "prepared.md").read_text("utf-8")
    assert set(table) == {f"{name}.tif" for name in (*BAD, "s0", "s1", "s2")}
    for name, why in BAD.items():
        assert why in table[f"{name}.tif"]["why_not"], name
        assert table[f"{name}.tif"]["patches"] == "0" and f"Missing: {name}.tif" in told
    assert "3 of 12 slides gave patches" in told
    assert "1 annotation files have no slide beside them: lost.geojson" in told
    assert "s0.tif has 1 of 4 annotations outside of it." in told
    assert "s0.tif has 1 annotations over its edge, which were cut to it." in told
    assert "Traceback" not in capsys.readouterr().err


def test_no_slide_at_all_is_told_with_the_reasons(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 2)
    for path in source.glob("*.geojson"):
        path.unlink()
    with pytest.raises(DataError, match=r"gives a patch:\n  s0.tif has no annotations: no s0.geo"):
        run(source, tmp_path / "out")
    with pytest.raises(DataError, match="There are no slides in"):
        run(tmp_path / "in" / "empty", tmp_path / "out") if (source / "empty").mkdir() else run(
            source / "empty", tmp_path / "out"
        )
    with pytest.raises(DataError, match="slides needs --mpp"):
        run(source, tmp_path / "out2", mpp=0.0)
    with pytest.raises(DataError, match="no folder or table"):
        run(tmp_path / "none", tmp_path / "out3")


def test_a_class_of_two_slides_cannot_be_split(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 3)
    annotate(source / "s0.geojson", HALVES[:1])
    with pytest.raises(DataError, match="'Stroma' comes from 2 patients, and a split needs 3"):
        run(source, tmp_path / "out")
    trees.tissue_slide(source / "no_scale.tif", 512, 256, 5, mpp=None)  # type: ignore[arg-type]
    annotate(source / "no_scale.geojson", HALVES)
    with pytest.raises(DataError, match=r"Missing: no_scale.tif cannot be used: .* no µm/px"):
        run(source, tmp_path / "again")


def test_a_slide_that_disappears_while_patches_are_cut_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_cohort(tmp_path / "in", 4)
    look = survey._labelled

    def then_gone(*args: object) -> object:
        (source / "s3.tif").unlink(missing_ok=True)
        return look(*args)  # type: ignore[arg-type]

    shutil.copy(source / "s3.tif", tmp_path / "s3.tif")
    monkeypatch.setattr(survey, "_labelled", then_gone)
    data = run(source, tmp_path / "out")
    assert {i.group for i in data.images} == {"s0", "s1", "s2"}
    assert "Missing: s3.tif cannot be used: There is no file" in notes(data)


def test_a_full_disk_is_one_sentence_and_the_work_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, written = write_cohort(tmp_path / "in", 3), []
    arguments = ["slides", "--source", str(source), "--out", str(tmp_path / "out"), "--mpp", "1",
                 "--roi-px", "32"]  # fmt: skip
    save = Image.Image.save

    def full(image: Image.Image, path: Path, *args: object, **options: object) -> None:
        written.append(path)
        if len(written) > 30:
            raise OSError(28, "No space left on device")
        save(image, path, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Image.Image, "save", full)
    assert main(arguments) == 2
    assert "No space left on device; free some space" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(Image.Image, "save", save)
    read = []
    window = Slide.read_window
    monkeypatch.setattr(
        cutting.Slide, "read_window", lambda *a: (read.append(a[1:]), window(*a))[1]
    )
    assert main([*arguments, "--resume"]) == 0
    cut = [r for r in read if r[2] == 64 and r[3] == 32]
    assert 0 < len(cut) < 72  # not those that were written before
    with_copies = sorted(p.name for p in (tmp_path / "out" / "images").rglob("*.png"))
    run(source, tmp_path / "again")
    assert with_copies == sorted(p.name for p in (tmp_path / "again" / "images").rglob("*.png"))


def test_two_runs_on_one_folder(tmp_path: Path) -> None:
    source = write_cohort(tmp_path / "in", 3)
    with (
        locked_folder(tmp_path / ".out.partial"),
        pytest.raises(DataError, match="Another command is at work in"),
    ):
        run(source, tmp_path / "out", resume=True)


def test_corrected_annotations_count_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_cohort(tmp_path / "in", 3)
    annotate(source / "s0.geojson", HALVES[:1])
    with pytest.raises(DataError, match="annotate it on more"):
        run(source, tmp_path / "out")
    annotate(source / "s0.geojson", [("Stroma", (0, 0, 512, 256))])
    annotate(source / "s1.geojson", [*HALVES, ("Other", (0, 0, 9, 9))])
    trees.tissue_slide(source / "s3.tif", 512, 256, 3)
    annotate(source / "s3.geojson", HALVES)
    data = run(source, tmp_path / "out", resume=True)
    assert {i.label for i in data.images if i.group == "s0"} == {"Stroma"}
    files = {p.relative_to(tmp_path / "out" / "images").as_posix()
             for p in (tmp_path / "out" / "images").rglob("*.png")}  # fmt: skip
    assert files == {i.name for i in data.images}
