"""What a user's own table or folders say is read as strictly as by the training commands."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest

from ssmamba.errors import DataError
from tests.training.prepare import trees
from training.data.dataset import load_dataset
from training.prepare.config import PrepareConfig
from training.prepare.steps import prepare
from training.prepare.write import Prepared

COMPOSED = "Ad\u00e9nome"
APART = unicodedata.normalize("NFD", COMPOSED)


def from_table(
    tmp_path: Path, values: Sequence[str], header: str = "path,label,group", **flags: object
) -> tuple[Prepared, list[dict[str, str]]]:
    """Prepare pictures 0.png, 1.png, …; each value is what follows the path in its row."""
    mine = tmp_path / "mine"
    for number in range(len(values)):
        trees.write_image(mine / f"{number}.png", number)
    lines = [f"{number}.png,{value}" for number, value in enumerate(values)]
    (mine / "manifest.csv").write_text("\n".join([header, *lines]), encoding="utf-8")
    data = prepare(PrepareConfig("csv", tmp_path / "out", mine, **flags))  # type: ignore[arg-type]
    with (tmp_path / "out" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return data, list(csv.DictReader(file))


def test_a_missing_group_is_none(tmp_path: Path) -> None:
    values = [f"{'ab'[n % 2]},{('NA', 'n/a', f'P{n}', f'p{n - 1}')[n % 4]}" for n in range(16)]
    values[3] = "b,p2 "
    _, rows = from_table(tmp_path, values)
    groups = [row["group"] for row in sorted(rows, key=lambda row: int(row["path"][9:-4]))]
    assert groups[:4] == ["", "", "P2", "P2"]
    assert len({row["split"] for row in rows if row["group"] == "P2"}) == 1


@pytest.mark.parametrize("column", ["patient_id", "Patient ID", "case"])
def test_patients_are_kept_whole_under_the_names_of_their_column(
    tmp_path: Path, column: str
) -> None:
    values = [f"{'ab'[n % 2]},{n // 2}" for n in range(16)]
    data, rows = from_table(tmp_path, values, f"path,label,{column}")
    assert f"Groups come from the column {column}." in data.notes
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["group"], set()).add(row["split"])
    assert len(sides) == 8 and all(len(names) == 1 for names in sides.values())


def test_a_column_that_may_be_the_patients_is_said_to_be_left_out(tmp_path: Path) -> None:
    values = [f"{'ab'[n % 2]},{n // 2}" for n in range(12)]
    data, _ = from_table(tmp_path, values, "path,label,mrn")
    assert any("The column mrn is not used; call the one" in note for note in data.notes)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["Tumor,", "tumor,"], "one class is written in 2 ways, 'Tumor' (first in line 2)"),
        (["a,", "NA,"], "1.png has no label ('NA'"),
        (["a,", "b,\n./0.png,a,"], "line 4: 0.png is listed more than once"),
        (["a,", "b,\nx\\..\\0.png,b,"], "0.png is listed more than once"),
    ],
)
def test_what_would_be_read_wrongly_is_told(tmp_path: Path, values: list[str], told: str) -> None:
    (tmp_path / "mine" / "x").mkdir(parents=True)
    with pytest.raises(DataError) as caught:
        from_table(tmp_path, values)
    assert told in str(caught.value)


def test_an_accent_in_two_ways_is_one_class_and_other_files_are_counted(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    for number in range(6):
        for name in (COMPOSED, APART, "normal"):
            trees.write_image(mine / name / f"{number}.png", number * 17 + len(name))
    (mine / "normal" / "7.gif").write_bytes(b"GIF89a")
    labels = [COMPOSED, APART, "normal"] * 6
    _, rows = from_table(tmp_path, [f"{label}," for label in labels])
    assert {row["label"] for row in rows} == {COMPOSED, "normal"}
    for file in mine.glob("*.*"):
        file.unlink()
    data = prepare(PrepareConfig("folder", tmp_path / "folders", mine))
    assert data.notes[0].startswith("18 of 19 files are read; left out: 1 .gif")
    catalog = load_dataset(tmp_path / "folders", 0, quiet=True).catalog
    assert catalog.classes == (COMPOSED, "normal") and len(catalog.items) == 18
    trees.write_image(mine / "Normal" / "1.png", 99)
    with pytest.raises(DataError, match="one class is written in 2 ways"):
        prepare(PrepareConfig("folder", tmp_path / "four", mine))
