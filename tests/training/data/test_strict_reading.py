"""What a data folder says that could be lost in silence: rows, patients, spellings, files."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from ssmamba.checkpoints.card import Card, ClassInfo
from ssmamba.errors import DataError
from tests.training.data.catalogs import read_catalog
from tests.training.pictures import picture, write_png
from training.data.catalog import survey_folder
from training.data.dataset import load_dataset
from training.data.split import split_items
from training.data.tables import read_table
from training.evaluation.matching import class_order

COMPOSED = "Ad\u00e9nome"
APART = unicodedata.normalize("NFD", COMPOSED)


def write(root: Path, rows: list[str], header: str = "path,label,group") -> Path:
    """A manifest of pictures 0.png, 1.png, …; each row is what follows the path."""
    for number in range(len(rows)):
        write_png(root / f"{number}.png", picture("round", number, 16))
    lines = [f"{number}.png,{row}" for number, row in enumerate(rows)]
    path = root / "manifest.csv"
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        ({2: 'a,"p2', 5: 'a,p5"'}, 4),
        ({2: 'a,"p2'}, 4),
        ({7: 'a,p7"'}, 9),
        ({3: '"a"x,p3'}, 5),
        ({4: 'a,p"4'}, 6),
    ],
    ids=["two that swallow rows", "never closed", "at the end", "after a value", "in a value"],
)
def test_a_stray_quotation_mark_is_named_by_its_line(
    tmp_path: Path, bad: dict[int, str], line: int
) -> None:
    write(tmp_path, [bad.get(number, f"a,p{number}") for number in range(8)])
    with pytest.raises(DataError, match=rf"line {line} has a quotation mark without its partner"):
        read_catalog(tmp_path)


def test_quotation_marks_that_belong_there_stay(tmp_path: Path) -> None:
    path = write(tmp_path, ['"a, b","p ""1"""', "a,"])
    rows = read_table(path, ("path", "label"))
    assert [(r["label"], r["group"]) for r in rows] == [("a, b", 'p "1"'), ("a", "")]


def test_a_line_with_more_values_than_columns_is_named(tmp_path: Path) -> None:
    write(tmp_path, ["a,g", "a, b,g", "a,g,,"])  # empty cells at the end are a spreadsheet's
    with pytest.raises(DataError, match="line 3 has 4 values for 3 columns"):
        read_catalog(tmp_path)


@pytest.mark.parametrize(
    "nothing", ["NA", "nan", "NaN", "<NA>", "None", "NULL", "n/a", "#N/A", "-", "?", "unknown"]
)
def test_a_missing_group_as_r_and_pandas_write_it_is_none(tmp_path: Path, nothing: str) -> None:
    write(tmp_path, [f"a,{nothing}"] * 12 + ["b,p1"] * 4 + ["b,p2"] * 4 + ["b,p3"] * 4)
    catalog = read_catalog(tmp_path)
    assert {item.group for item in catalog.items if item.label == "a"} == {""}
    sides = split_items(catalog.items, 0)
    assert all(any(catalog.items[i].label == "a" for i in side) for side in sides.values())


@pytest.mark.parametrize(
    "column", ["patient_id", "Patient", "PatientID", "patient id", "case_id", "subject", "Slide-ID"]
)
def test_patients_are_kept_whole_under_the_names_of_their_column(
    tmp_path: Path, column: str
) -> None:
    write(tmp_path, [f"{'ab'[n % 2]},P{n // 10}" for n in range(60)], f"path,label,{column}")
    survey = survey_folder(tmp_path)
    assert survey.notes == (f"Groups come from the column {column}.",)
    items = survey.catalog.items
    sides = [{items[i].group for i in side} for side in split_items(items, 0).values()]
    assert sum(len(side) for side in sides) == 6


def test_a_column_called_group_wins_over_a_patients(tmp_path: Path) -> None:
    write(tmp_path, ["a,P0,g1", "b,P0,g2"], "path,label,patient_id,group")
    survey = survey_folder(tmp_path)
    assert [item.group for item in survey.catalog.items] == ["g1", "g2"]
    (note,) = survey.notes
    assert note.startswith("The column patient_id is not used")


def test_a_column_that_might_be_the_patients_is_said_to_be_left_out(tmp_path: Path) -> None:
    write(tmp_path, ["a,P0,5", "b,P0,6"], "path,label,mrn,x")
    (note,) = survey_folder(tmp_path).notes
    assert note.startswith("The column mrn is not used; call the one that names the patient")


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ["a,b", "b,a"], "path,label,label")
    with pytest.raises(DataError, match="has two columns label"):
        read_catalog(tmp_path)


def test_one_group_in_several_spellings_is_one_group(tmp_path: Path) -> None:
    write(tmp_path, [f"a,{COMPOSED}", f"a,{APART}", f"b,{COMPOSED.upper()}", "b,other"])
    groups = [item.group for item in read_catalog(tmp_path).items]
    assert groups == [COMPOSED, COMPOSED, COMPOSED, "other"]


def test_a_class_whose_accent_is_written_in_two_ways_is_one_class(tmp_path: Path) -> None:
    write(tmp_path, [f"{(COMPOSED, APART)[n % 2]}," for n in range(4)] + ["normal,"])
    assert read_catalog(tmp_path).classes == (COMPOSED, "normal")
    folders = tmp_path / "folders"
    for name in (COMPOSED, APART, "normal"):
        write_png(folders / name / f"{len(name)}.png", picture("round", len(name), 16))
    assert read_catalog(folders).classes == (COMPOSED, "normal")


@pytest.mark.parametrize("nothing", ["NA", "nan", "NaN", "<NA>", "NULL", "n/a", "#N/A", "-", "?"])
def test_a_missing_label_is_no_class(tmp_path: Path, nothing: str) -> None:
    write(tmp_path, ["tumor,", "normal,", f"{nothing},"])
    with pytest.raises(DataError, match=r"line 4: .* has no label \('.*'; rename the class"):
        read_catalog(tmp_path)


def test_what_may_be_the_name_of_a_class_is_one(tmp_path: Path) -> None:
    write(tmp_path, ["tumor,", "none,", "unknown,"])
    assert read_catalog(tmp_path).classes == ("none", "tumor", "unknown")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Tumor", "tumor"),
        ("in situ", "in\u00a0situ"),
        ("in situ", "in  situ"),
        ("HSIL", "\uff28\uff33\uff29\uff2c"),
        ("Tumor", "Tu\u200bmor"),
        ("Tumor", "\ufeffTumor"),
        ("non-tumor", "non\u2013tumor"),
        ("in situ", "in_situ"),
        ("Tumor", "\u0422umor"),
        ("HSIL", "\u041dSIL"),
    ],
)
def test_classes_that_look_alike_are_named_with_their_places(
    tmp_path: Path, first: str, second: str
) -> None:
    write(tmp_path, [f"{first},", f"{second},", "normal,"])
    with pytest.raises(DataError) as caught:
        read_catalog(tmp_path)
    assert f"'{first}' (first in line 2) and '{second}' (first in line 3)" in str(caught.value)
    folders = tmp_path / "folders"
    for number, name in enumerate((first, second, "normal")):
        write_png(folders / name / "1.png", picture("round", number, 16))
    with pytest.raises(DataError, match="one class is written in 2 ways"):
        read_catalog(folders)


def test_splits_may_be_written_with_capitals_and_wide_spaces(tmp_path: Path) -> None:
    write(tmp_path, ["a,g,TRAIN", "a,h,Val", "a,i,\u00a0test"], "path,label,group,split")
    assert [item.split for item in read_catalog(tmp_path).items] == ["train", "val", "test"]


@pytest.mark.parametrize("other", ["./x/1.png", "x//1.png", "x/../x/1.png", "x\\1.png", "link.png"])
def test_two_spellings_of_one_path_are_one_file(tmp_path: Path, other: str) -> None:
    write_png(tmp_path / "x" / "1.png", picture("round", 0, 16))
    (tmp_path / "link.png").symlink_to(tmp_path / "x" / "1.png")
    (tmp_path / "manifest.csv").write_text(f"path,label\nx/1.png,a\n{other},b\n")
    with pytest.raises(DataError, match="listed more than once"):
        read_catalog(tmp_path)


def test_a_path_whose_accent_is_written_in_another_way_is_found(tmp_path: Path) -> None:
    write_png(tmp_path / APART / "1.png", picture("round", 0, 16))
    (tmp_path / "manifest.csv").write_text(f"path,label\n{COMPOSED}/1.png,a\n", encoding="utf-8")
    (item,) = read_catalog(tmp_path).items
    assert (tmp_path / item.path).is_file()


def test_files_that_are_not_read_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "data"
    for folder in ("a", "b"):
        for number in range(12):
            write_png(
                root / folder / f"{number}.png", picture("round", number + 40 * len(folder), 16)
            )
            picture_of = picture("round", 1000 * ord(folder) + number, 16)
            write_png(root / folder / f"{number}.png", picture_of)
        for name in ("1.gif", "2.gif", "3.jfif", "4.JP2", ".hidden.png", "README"):
            (root / folder / name).write_bytes(b"x")
    (root / "a" / "more").symlink_to(root / "b", target_is_directory=True)
    write_png(root / "loose.png", picture("round", 5, 16))
    (note,) = survey_folder(root).notes
    assert note.startswith("24 of 38 files are read; left out: ")
    for part in ("4 .gif", "2 .jfif", "2 .jp2", "2 hidden", "1 linked folder",
                 "2 without an ending", "1 beside the class folders"):  # fmt: skip
        assert part in note
    load_dataset(root, 0)
    assert "24 of 38 files are read" in " ".join(capsys.readouterr().out.split())


def test_a_folder_of_which_all_is_read_needs_no_note(tmp_path: Path) -> None:
    write_png(tmp_path / "a" / "1.png", picture("round", 1, 16))
    (tmp_path / "dataset.yaml").write_text("classes: {a: A}")
    assert survey_folder(tmp_path).notes == ()


def test_a_checkpoint_with_the_other_spelling_of_an_accent_fits(tmp_path: Path) -> None:
    for number, name in enumerate((COMPOSED, "normal")):
        for more in range(6):
            write_png(tmp_path / name / f"{more}.png", picture("round", 10 * number + more, 16))
    colour = (1, 2, 3)
    card = Card(classes=(ClassInfo("normal", "N", colour), ClassInfo(APART, "A", colour)))
    assert class_order(card, load_dataset(tmp_path, 0, quiet=True)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("path", "told"),
    [("round/\0.png", "line 2 has a character that no text has"), ("é" * 300, "there is no file")],
)
def test_a_name_that_no_file_can_have_is_named(tmp_path: Path, path: str, told: str) -> None:
    (tmp_path / "manifest.csv").write_text(f"path,label\n{path},round\n", encoding="utf-8")
    with pytest.raises(DataError, match=told):
        survey_folder(tmp_path)
        load_dataset(tmp_path, 0, quiet=True)


@pytest.mark.parametrize(
    ("label", "named"), [("x" * 300, "has 300 letters, more than 255"), ("a\u202eb", r"U\+202E")]
)
def test_a_class_whose_card_could_not_be_read_is_named_before_training(
    tmp_path: Path, label: str, named: str
) -> None:
    write(tmp_path, [f"{label},p0", "b,p1"])
    with pytest.raises(DataError, match=named):
        read_catalog(tmp_path)
