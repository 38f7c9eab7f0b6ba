"""Regions exported for training, as training.prepare reads them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.errors import DataError
from ssmamba.rois.geojson import read_rois
from training.prepare.annotated.cohort import Listed, read_cohort
from training.prepare.config import PrepareConfig
from viewer.exporting.facts import Facts
from viewer.exporting.training import write_for_training


def read(folder: Path) -> tuple[Listed, ...]:
    return read_cohort(PrepareConfig("slides", folder / "out", folder / "slides.csv")).slides


def test_slides_are_collected_in_one_table(tmp_path: Path, facts: Facts) -> None:
    write_for_training(tmp_path, replace(facts, mpp=0.25))
    other = replace(facts, info=replace(facts.info, path=str(tmp_path / "elsewhere" / "b.svs")))
    write_for_training(tmp_path, replace(other, mpp=None))
    first, second = read(tmp_path)
    assert (first.path, first.mpp) == (Path(facts.info.path), 0.25)
    assert second.path == tmp_path / "elsewhere" / "b.svs" and second.mpp is None
    assert first.annotations != second.annotations
    assert len(read_rois(first.annotations or "")) == len(facts.regions)


def test_exporting_again_replaces_the_slide_and_keeps_what_the_user_added(
    tmp_path: Path, facts: Facts
) -> None:
    write_for_training(tmp_path, facts)
    table = tmp_path / "slides.csv"
    lines = table.read_text().splitlines()
    table.write_text(f"{lines[0]},note\n{lines[1].replace(',,', ',P7,')},good\n")
    write_for_training(tmp_path, replace(facts, regions=facts.regions[:1]))
    (slide,) = read(tmp_path)
    assert slide.patient == "P7" and len(read_rois(slide.annotations or "")) == 1
    with table.open(newline="") as file:
        assert [row["note"] for row in csv.DictReader(file)] == ["good"]
    table.write_text(table.read_text().replace(",", ";"))
    write_for_training(tmp_path, facts)
    assert read(tmp_path)[0].patient == "P7" and len(table.read_text().splitlines()) == 2


def test_a_region_file_of_another_origin_stays(tmp_path: Path, facts: Facts) -> None:
    own = tmp_path / f"{Path(facts.info.path).stem}.geojson"
    own.write_text("QuPath's")
    write_for_training(tmp_path, facts)
    assert own.read_text() == "QuPath's"
    assert read(tmp_path)[0].annotations == own.with_stem(f"{own.stem}-2")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "slide\na,b\n", 'slide\n"a\n'])
def test_another_table_is_refused_and_stays(tmp_path: Path, facts: Facts, text: str) -> None:
    (tmp_path / "slides.csv").write_text(text)
    with pytest.raises(DataError, match=r"slides.csv is not a table of slides for training"):
        write_for_training(tmp_path, facts)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".geojson"] == []
    assert (tmp_path / "slides.csv").read_text() == text
