"""Tables and region files hold every answer, and are read again."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import DataError
from ssmamba.rois.geojson import read_rois
from viewer.exporting.facts import Facts, RegionAnswer
from viewer.exporting.regions import write_regions
from viewer.exporting.saving import save_bytes
from viewer.exporting.table import write_table


@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_a_row_for_each_region_and_model(
    tmp_path: Path, facts: Facts, ending: str, delimiter: str
) -> None:
    path = tmp_path / f"table{ending}"
    write_table(path, facts)
    text = path.read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    assert [(r["roi_name"], r["model"], r["doubt"], r["predicted_name"]) for r in rows] == [
        ("First", "Model 1", "", "Adenocarcinoma"),
        ("First", "Model 2", "foreign", "Adenocarcinoma"),
        ("Second µ", "Model 1", "glass", ""),
        ("Third", "", "", ""),
    ]
    sure, foreign, glass, bare = rows
    assert (sure["user_class"], sure["agrees"], sure["sure"]) == ("Adenocarcinoma", "True", "True")
    assert (float(sure["area_um2"]), float(sure["slide_mpp"])) == (300 * 300 / 4, 0.5)
    assert (float(sure["p_aca"]), float(sure["read_share"])) == (0.9, 0.83)
    assert foreign["reasons"] == "the model has not seen such tissue"
    assert (glass["confidence"], glass["p_aca"], glass["agrees"]) == ("", "", "")
    assert glass["checkpoint_sha256"] == "f" * 64 and bare["checkpoint_sha256"] == ""


def test_json_holds_the_same_and_the_whole_stamp(tmp_path: Path, facts: Facts) -> None:
    write_table(tmp_path / "table.json", facts)
    records = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert [r["roi_name"] for r in records] == ["First", "First", "Second µ", "Third"]
    assert records[1]["doubt"] == "foreign" and records[1]["read_share"] == 0.83
    assert records[2]["predicted"] is None and records[2]["probabilities"] == {}
    assert records[0]["stamp"]["roi_geometry"] and "model" not in records[3]


def test_another_ending_is_refused(tmp_path: Path, facts: Facts) -> None:
    with pytest.raises(DataError, match=r"\.csv, \.tsv, \.json"):
        write_table(tmp_path / "table.xlsx", facts)


def test_regions_come_back_with_the_answers_beside_the_users_class(
    tmp_path: Path, facts: Facts
) -> None:
    info = replace(facts.info, bounds=(100, 40, 500, 500))  # QuPath counts from there
    path = tmp_path / "out.geojson"
    write_regions(path, replace(facts, info=info))
    first, second, third = read_rois(path, info.bounds_offset)
    assert first.bounds == facts.regions[0].roi.bounds
    assert first.class_name == first.user_class == "Adenocarcinoma"
    assert first.measurements["Model 1: Adenocarcinoma"] == 0.9
    assert first.measurements["Model 2: sure"] == 0.0
    assert second.class_name == "" and "Model 1: Adenocarcinoma" not in second.measurements
    assert third == facts.regions[2].roi


def test_outdated_answers_and_those_not_wanted_stay_out(tmp_path: Path, facts: Facts) -> None:
    first = facts.regions[0]
    old = RegionAnswer(first.answers[1].answer, outdated=True)
    made = replace(facts, regions=(replace(first, answers=(first.answers[0], old)),))
    write_regions(tmp_path / "a.geojson", made)
    write_regions(tmp_path / "b.geojson", made, answers=False)
    (with_one,), (without,) = (read_rois(tmp_path / f"{n}.geojson") for n in "ab")
    assert {name.partition(":")[0] for name in with_one.measurements} == {"Model 1"}
    assert without == first.roi


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old.pdf"
    old.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match="No space left on device"):
        save_bytes(old, b"new")
    monkeypatch.undo()
    with pytest.raises(
        DataError, match=f"{os.strerror(errno.ENOTDIR)}|{os.strerror(errno.ENOENT)}"
    ):
        save_bytes(old / "inside.pdf", b"new")
    assert old.read_bytes() == b"old" and list(tmp_path.iterdir()) == [old]
