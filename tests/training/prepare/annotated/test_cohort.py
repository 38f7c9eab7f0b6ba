"""Slides and the annotations that belong to them, by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from ssmamba.errors import DataError
from training.prepare.annotated.cohort import read_cohort, short_names
from training.prepare.config import PrepareConfig


def cohort(source: Path, **flags: object):
    return read_cohort(PrepareConfig("slides", source.parent / "out", source, **flags))  # type: ignore[arg-type]


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_annotations_bear_the_slides_name(tmp_path: Path) -> None:
    root = touch(
        tmp_path / "in", "a.svs", "a.geojson", "b.svs", "b.svs.geojson", "c.ndpi", "c.xml",
        "d.tif", "d.geojson.gz", "e.svs", "photo.png", "field.png", "field.json", ".f.svs",
        "deep/g.svs", "deep/g.json", "notes.json", "h.xml",
    )  # fmt: skip
    found = cohort(root)
    assert {s.path.name: s.annotations and s.annotations.name for s in found.slides} == {
        "a.svs": "a.geojson", "b.svs": "b.svs.geojson", "c.ndpi": "c.xml", "d.tif": "d.geojson.gz",
        "e.svs": None, "field.png": "field.json", "g.svs": "g.json",
    }  # fmt: skip
    assert found.notes == (
        "1 annotation files have no slide beside them: h.xml. Their names must be those of the "
        "slides.",
    )


def test_annotations_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    root, drawn = touch(tmp_path / "in", "a.svs", "b.svs", "b.xml"), tmp_path / "drawn"
    touch(drawn, "a.geojson", "z.geojson")
    found = cohort(root, annotations=drawn)
    assert [s.annotations and s.annotations.name for s in found.slides] == ["a.geojson", "b.xml"]
    assert "z.geojson" in found.notes[0]


def test_slides_of_one_name_are_told_apart_by_their_folders() -> None:
    paths = [
        "p1/HE.svs",
        "p2/HE.svs",
        "p2/IHC.svs",
        "x/p1/he.svs",
        "a/q.svs",
        "a/q.tif",
        "a/q?.svs",
    ]
    assert short_names([Path(path) for path in paths]) == [
        "p1-HE", "p2-HE", "IHC", "x-p1-he", "a-q", "a-q-2", "q_",
    ]  # fmt: skip


def test_a_table_is_read_strictly(tmp_path: Path) -> None:
    root = touch(tmp_path, "a.svs", "a.xml")
    table = root / "slides.csv"
    table.write_text("slide,patient,mpp,split\na.svs,P,abc,\n,P,0.5,\na.svs,NA,500,middle\n")
    with pytest.raises(DataError) as told:
        cohort(table)
    for part in (
        "line 2: mpp 'abc' is not between 0.02 and 20", "line 3: there is no slide",
        "line 4: mpp '500'", "line 4: unknown split 'middle'", "a.svs is listed 2 times",
        "some slides have a split and others have none",
    ):  # fmt: skip
        assert part in str(told.value)
    table.write_text("slide,patient\na.svs,NA\nb.svs,P7\n")
    first, second = cohort(table).slides
    assert (first.patient, second.patient) == ("", "P7")
    assert second.why_not == "has no annotations: no b.geojson or .xml"


def test_patients_come_from_a_pattern(tmp_path: Path) -> None:
    root = touch(tmp_path / "in", "TCGA-AA-0001-x.svs", "other.svs")
    found = cohort(root, group_pattern="TCGA-..-....")
    assert [s.patient for s in found.slides] == ["TCGA-AA-0001", ""]
    with pytest.raises(DataError, match="is not a regular expression"):
        cohort(root, group_pattern="(")
