"""From each published layout to a folder that the training commands read."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import DataError
from tests.training.pictures import write_png
from tests.training.prepare import trees
from training.data.dataset import load_dataset
from training.data.file_facts import FileFacts
from training.data.images import read_rgb
from training.prepare.__main__ import main
from training.prepare.compare import differences
from training.prepare.config import PrepareConfig
from training.prepare.gather import Found
from training.prepare.image_layouts import LC25000, NCT, PBC
from training.prepare.registry import facts
from training.prepare.steps import prepare
from training.prepare.write import Prepared


def run(name: str, source: Path, out: Path, **flags: object) -> Prepared:
    return prepare(PrepareConfig(name, out, source, **flags))  # type: ignore[arg-type]


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def sides_of(out: Path, value: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for row in rows(out):
        found.setdefault(row[value], set()).add(row["split"])
    return found


def test_pbc_is_written_whole_and_loads_for_training(tmp_path: Path) -> None:
    pattern = "PBC_dataset_normal_DIB/{c}/X_{i}.jpg"
    source = trees.write_classes(tmp_path / "download", pattern, PBC)
    (source / "PBC_dataset_normal_DIB" / "neutrophil" / ".DS_169665.jpg").write_bytes(b"x")
    data = run("pbc", source, tmp_path / "out")
    out = tmp_path / "out"
    loaded = load_dataset(out, 0, quiet=True, every_class_in=("train", "val", "test"))
    assert len(loaded.catalog.items) == 40 and loaded.classes == PBC
    assert (loaded.info.name, loaded.info.licence) == ("PBC", "CC BY 4.0")
    for line in (out / "sha256sums.txt").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    assert read_rgb(out / "contact_sheet.png").shape[1] > 500
    report = (out / "prepared.md").read_text()
    assert "basophil: 5 images here, 1218 published" in report
    assert "40 here, 38938 in the paper's Table 3" in report
    assert "24 × 24 px (40 images) here, 360 × 363 px published" in report
    assert any("17092 published" in line for line in data.differences)
    assert not list(tmp_path.glob(".*.partial"))


def test_lc25000_groups_come_from_the_images(tmp_path: Path) -> None:
    folder = tmp_path / "download" / "lung_colon_image_set"
    for name in LC25000:
        organ = "colon_image_sets" if name.startswith("colon") else "lung_image_sets"
        for index in range(3):
            seed = 1000 * LC25000.index(name) + index
            path = folder / organ / name / f"{name}{index}.jpeg"
            write_png(path, trees.field(seed, 150))
            write_png(path.with_stem(f"{path.stem}_turned"), np.rot90(trees.field(seed, 150)))
    run("LaC", tmp_path / "download", tmp_path / "out")
    groups: dict[str, set[str]] = {}
    for row in rows(tmp_path / "out"):
        groups.setdefault(row["group"], set()).add(Path(row["path"]).stem.removesuffix("_turned"))
    assert len(groups) == 15 and all(len(names) == 1 for names in groups.values())
    assert all(len(sides) == 1 for sides in sides_of(tmp_path / "out", "group").values())


def test_nct_keeps_its_test_side_for_the_published_split(tmp_path: Path) -> None:
    source = tmp_path / "download"
    trees.write_classes(source / "NCT-CRC-HE-100K", "{c}/{c}-{i}.tif", NCT, 3)
    extra = trees.write_classes(tmp_path / "x", "CRC-VAL-HE-7K/{c}/{c}-T{i}.tif", NCT, 3)
    for seed, file in enumerate(extra.rglob("*.tif"), 77_000):  # other pictures than before
        trees.write_image(file, seed)
    (extra / "CRC-VAL-HE-7K").rename(source / "CRC-VAL-HE-7K")
    data = run("nct", source, tmp_path / "paper")
    assert len(data.images) == 27 and any("left out" in note for note in data.notes)
    run("nct", source, tmp_path / "published", split="published")
    for row in rows(tmp_path / "published"):
        assert (row["split"] == "test") == ("CRC-VAL-HE-7K" in row["path"])
    assert Counter(r["split"] for r in rows(tmp_path / "published"))["test"] == 27


def test_sipakmed_fields_and_cells(tmp_path: Path) -> None:
    source = trees.write_sipakmed(tmp_path / "download")
    assert len(run("sipakmed", source, tmp_path / "fields").images) == 20
    cells = run("sipakmed_cells", source, tmp_path / "cells")
    assert len(cells.images) == 40
    assert {i.group for i in cells.images if i.label == "parabasal"} == {
        f"parabasal_{n:03d}" for n in (1, 2, 3, 4)
    }
    assert all(len(sides) == 1 for sides in sides_of(tmp_path / "cells", "group").values())


def test_mhist_labels_and_partition(tmp_path: Path) -> None:
    source = trees.write_mhist(tmp_path / "download")
    run("mhist", source, tmp_path / "out", split="published")
    for row in rows(tmp_path / "out"):
        number = int(row["path"][-7:-4])
        assert row["label"] == ("HP", "SSA")[number % 2]
        assert (row["split"] == "test") == (number < 4)


@pytest.mark.parametrize("split", ["paper", "published"])
def test_the_published_counts_of_mhist_are_of_both_sides(split: str) -> None:
    """No difference is told of a whole download, whichever split is taken."""
    known = facts("mhist")
    images = [
        Found(Path("x.png"), label, "x", split="test" if at < test and split == "published" else "")
        for label, test in known["published"]["test_counts"].items()
        for at in range(known["published"]["counts"][label])
    ]
    files = [FileFacts(224, 224, "RGB", "PNG", 1, None, "")] * len(images)
    assert differences(known, images, files) == []
    assert differences(known, images[1:], files[1:]) != []


@pytest.mark.parametrize("name", ["lc25000", "pbc"])
def test_the_side_of_the_images_is_the_one_found(name: str, tmp_path: Path) -> None:
    """The publishers' images are larger than those that the bundled models were trained on."""
    classes = {"lc25000": LC25000, "pbc": PBC}[name]
    source = trees.write_classes(tmp_path / "download", "{c}/{i}.png", classes, 4)
    run(name, source, tmp_path / "out")
    assert load_dataset(tmp_path / "out", 0, quiet=True).source_px() == 24


def test_prcc_groups_are_patients_and_the_lists_are_followed(tmp_path: Path) -> None:
    source = trees.write_prcc(tmp_path / "download")
    data = run("prcc", source, tmp_path / "out")
    assert {i.group for i in data.images} == {f"TCGA-2Z-A{k}{p}" for k in (1, 2) for p in range(4)}
    assert all(len(sides) == 1 for sides in sides_of(tmp_path / "out", "group").values())
    run("prcc", source, tmp_path / "published", split="published")
    for row in rows(tmp_path / "published"):
        expected = ("train", "train", "val", "test")[int(row["group"][-1])]
        assert row["split"] == expected


def test_a_patient_whom_the_published_lists_cut_is_grouped_by_slide(tmp_path: Path) -> None:
    """As TCGA-J7-8537 in the authors' lists: one slide tests, another validates."""
    source = trees.write_prcc(tmp_path / "download")
    name = "1/TCGA-2Z-A10-01Z-00-DX2.EF-GH/0_7_2000.png"
    trees.write_image(source / "dataset" / name, 77)
    with (source / "dataset" / "testset.txt").open("a") as file:
        file.write(f"../dataset/{name} 0\n")
    data = run("prcc", source, tmp_path / "out", split="published")
    assert any("(TCGA-2Z-A10); there the slide" in note for note in data.notes)
    loaded = load_dataset(tmp_path / "out", 0, quiet=True)
    assert len(loaded.catalog.items) == 17
    groups = {item.group for item in loaded.catalog.items}
    assert {"TCGA-2Z-A10-01Z-00-DX2.EF-GH", "TCGA-2Z-A11"} <= groups and "TCGA-2Z-A10" not in groups


def test_a_plain_folder_with_a_group_pattern(tmp_path: Path) -> None:
    trees.write_classes(tmp_path / "mine", "{c}/patient{i}/a.png", ("x", "y"), 6)
    data = run("folder", tmp_path / "mine", tmp_path / "out", group_pattern=r"(patient\d+)")
    assert {i.group for i in data.images} == {f"patient{i}" for i in range(6)}
    assert all(len(sides) == 1 for sides in sides_of(tmp_path / "out", "group").values())


def test_a_table_with_its_own_column_names(tmp_path: Path) -> None:
    lines = ["file,diagnosis,case"]
    for index in range(12):
        trees.write_image(tmp_path / "mine" / "deep" / f"{index}.png", index)
        lines.append(f"deep/{index}.png,{'ab'[index % 2]},p{index // 2}")
    (tmp_path / "mine" / "labels.csv").write_text("\n".join(lines))
    columns = {"path_column": "file", "label_column": "diagnosis", "group_column": "case"}
    data = run("csv", tmp_path / "mine", tmp_path / "out", **columns)
    assert len(data.images) == 12 and {i.group for i in data.images} == {f"p{i}" for i in range(6)}


def test_the_groups_of_a_manifest_are_kept(tmp_path: Path) -> None:
    lines = ["path,label,group"]
    for index in range(12):
        trees.write_image(tmp_path / "mine" / f"{index}.png", index)
        lines.append(f"{index}.png,{'ab'[index % 2]},p{index // 2}")
    (tmp_path / "mine" / "manifest.csv").write_text("\n".join(lines))
    data = run("csv", tmp_path / "mine", tmp_path / "out")
    assert {i.group for i in data.images} == {f"p{i}" for i in range(6)}


def test_a_pattern_that_misses_and_a_manifest_that_is_not_read_are_told(tmp_path: Path) -> None:
    trees.write_classes(tmp_path / "mine", "{c}/patient{i}/a.png", ("x", "y"), 6)
    (tmp_path / "mine" / "manifest.csv").write_text("path,label\n")
    data = run("folder", tmp_path / "mine", tmp_path / "out", group_pattern=r"(patient[01])")
    assert "--group-pattern matches 4 of 12 images; each of the others" in data.notes[0]
    assert "was ignored; `prepare csv`" in data.notes[1]
    with pytest.raises(DataError, match="lies in --source"):
        run("folder", tmp_path / "mine", tmp_path / "mine" / "out")
    with pytest.raises(DataError, match="There is no table"):
        run("csv", tmp_path / "mine", tmp_path / "o", labels=tmp_path / "no.csv")


def test_labels_and_paths_of_a_table_stay_inside(tmp_path: Path) -> None:
    lines = ["path,label"]
    for index in range(12):
        trees.write_image(tmp_path / "mine" / f"{index}.png", index)
        lines.append(f"{index}.png,{('../../a', 'b/c')[index % 2]}")
    table = tmp_path / "mine" / "labels.csv"
    table.write_text("\n".join(lines))
    run("csv", tmp_path / "mine", tmp_path / "out")
    assert {row["label"] for row in rows(tmp_path / "out")} == {"../../a", "b/c"}
    assert len(list((tmp_path / "out" / "images").rglob("*.png"))) == 12
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "out"]
    trees.write_image(tmp_path / "0.png", 50)
    table.write_text("\n".join([*lines, "../0.png,../../a"]))
    with pytest.raises(DataError, match=r"0.png and ../0.png would both be"):
        run("csv", tmp_path / "mine", tmp_path / "again")


def test_everything_wrong_is_told_at_once_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = trees.write_classes(tmp_path / "download", "{c}/{i}.jpg", PBC[1:], 4)
    cut = source / "monocyte" / "2.jpg"
    cut.write_bytes(cut.read_bytes()[:200])
    (source / "platelet" / "1.jpg").write_bytes(b"")
    flags = ["--source", str(source), "--out", str(tmp_path / "out")]
    assert main(["pbc", *flags]) == 2
    told = capsys.readouterr().err
    for part in ("class basophil: no folder", "monocyte/2.jpg: not a", "platelet/1.jpg: not a"):
        assert part in told
    assert sorted(p.name for p in tmp_path.iterdir()) == ["download"]


def test_a_table_that_names_missing_images_and_leaves_a_class_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trees.write_mhist(tmp_path / "download")
    for index in (1, 3):
        (tmp_path / "download" / "images" / f"MHIST_{index:03d}.png").unlink()
    flags = ["--source", str(tmp_path / "download"), "--out", str(tmp_path / "out")]
    assert main(["mhist", *flags]) == 2
    told = capsys.readouterr().err
    assert "no file images/MHIST_001.png" in told and "no file images/MHIST_003.png" in told
    assert not (tmp_path / "out").exists()


def test_a_picture_with_two_labels_is_left_out_of_a_published_set(tmp_path: Path) -> None:
    source = trees.write_classes(tmp_path / "download", "{c}/{i}.jpg", PBC, 4)
    twin = (source / "ig" / "0.jpg").read_bytes()
    (source / "monocyte" / "copy.jpg").write_bytes(twin)
    data = run("pbc", source, tmp_path / "out")
    assert len(data.images) == 31
    assert any("2 images are left out" in note for note in data.notes)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["pcb"], "did you mean 'pbc'"),
        *(
            (["--split", "published", name], f"'{name}' has no published split")
            for name in (
                "lc25000",
                "pbc",
                "sipakmed",
                "sipakmed_cells",
                "paip2019",
                "folder",
                "csv",
            )
        ),
        (["folder", "--source", "nowhere"], "no folder nowhere"),
        (["folder", "--group-pattern", "("], "not a regular expression"),
        (["paip2019", "--roi-px", "-1"], "--roi-px -1 must be 0 or more"),
        (["cam16", "--lesion", "30"], "--lesion 30 must be 0 or more and at most 1"),
    ],
)
def test_wrong_flags_are_one_line(
    flags: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = trees.write_classes(tmp_path / "download", "{c}/{i}.png", ("a", "b"), 3)
    arguments = ["--source", str(source), "--out", str(tmp_path / "out"), *flags]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert expected in told and len(told.splitlines()) == 1


def test_a_folder_in_use_is_never_written_over(tmp_path: Path) -> None:
    source = trees.write_classes(tmp_path / "download", "{c}/{i}.png", ("a", "b"), 4)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="already exists"):
        run("folder", source, tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]
