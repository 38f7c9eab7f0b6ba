"""Answers in words and beside regions: doubt first, and a person's class is never replaced."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmamba.checkpoints.card import Card, ClassInfo
from ssmamba.engine.messages import ClassifyResult
from ssmamba.headless.answers import MEMBER, Answer, answer_record, in_words, with_answers
from ssmamba.reading.values import NO_CLASS, Doubt, PackedArray, Stamp, Trust
from ssmamba.rois.geojson import read_rois, write_rois
from ssmamba.rois.roi import Roi

CLASSES = (ClassInfo("aca", "Adenocarcinoma", (200, 60, 80)), ClassInfo("n", "Benign", (1, 2, 3)))
CARD = Card(name="Lung", classes=CLASSES)
RING = ((0.0, 0.0), (90.0, 0.0), (90.0, 90.0))
WITHOUT_CLASS = tuple(sorted(NO_CLASS))


def answered(
    doubt: Doubt = "", label: str = "Lung", likely: float = 0.75, **changes: object
) -> Answer:
    result = ClassifyResult(
        1, "", "lung.safetensors", {"aca": likely, "n": 1 - likely}, "aca" if likely > 0.5 else "n",
        Trust(not doubt, ("Here is why.",) if doubt else (), doubt=doubt),
        PackedArray.of(np.zeros((9, 3))), PackedArray.of(np.zeros((9, 2), np.float32)),
        stamp=Stamp("s.svs", "0", "", "0", "0", "cpu", "torch", None, False, "tiles"), seconds=0.1,
    )  # fmt: skip
    return Answer(label, CARD, replace(result, **changes))


def region(**fields: object) -> Roi:
    return Roi(((RING,),), name="one", **fields)  # type: ignore[arg-type]


def through_a_file(roi: Roi, folder: Path) -> Roi:
    write_rois(folder / "r.geojson", [roi])
    (read,) = read_rois(folder / "r.geojson")
    return read


def test_an_answer_in_words_begins_with_its_doubt() -> None:
    assert in_words(answered()) == "Adenocarcinoma, 75.0 % (9 windows)"
    assert in_words(answered("unsure", read_share=0.9994), "benign") == (
        "Not sure: Adenocarcinoma, 75.0 %. Here is why "
        "(9 windows, 99 % of the region read, unlike the region's own class, benign)"
    )
    assert in_words(answered("glass")) == "No tissue. Here is why (9 windows)"


@pytest.mark.parametrize("doubt", WITHOUT_CLASS)
def test_where_there_was_nothing_to_classify_no_output_names_a_class(
    doubt: Doubt, tmp_path: Path
) -> None:
    answer = answered(doubt, left_out=(("glass", 57), ("pen", 2)))
    old = {"Lung: Adenocarcinoma": 0.9, "Area": 4.0}  # of an earlier run
    written = through_a_file(with_answers(region(measurements=old), [answer]), tmp_path)
    record = answer_record(answer, "")
    assert record["left_out"] == {"glass": 57, "pen": 2}
    assert (record["predicted"], record["predicted_name"], record["confidence"]) == (None,) * 3
    assert (written.class_name, written.color) == ("", None)
    assert written.measurements == {"Area": 4.0, "Lung: sure": 0.0, "Lung: share read": 1.0}
    text = (tmp_path / "r.geojson").read_text() + json.dumps(record) + in_words(answer, "")
    assert not any(word in text for word in ("Adenocarcinoma", "Benign", '"aca"', '"n"'))


@pytest.mark.parametrize("doubt", ["", "unsure", "foreign"])
def test_the_class_and_colour_of_a_person_stay(doubt: Doubt, tmp_path: Path) -> None:
    own = region(class_name="BENIGN", color=(9, 9, 9), extra={"classification": {"names": ["x"]}})
    written = through_a_file(with_answers(own, [answered(doubt)]), tmp_path)
    assert (written.class_name, written.color) == ("BENIGN", (9, 9, 9))
    assert written.user_class == "BENIGN"
    assert written.measurements["Lung: Adenocarcinoma"] == 0.75
    (entry,) = written.extra["properties"][MEMBER]
    assert (entry["model"], entry["user_class"], entry["agrees"]) == ("Lung", "BENIGN", False)


def test_a_region_without_a_class_takes_that_of_the_first_answer_that_is_sure(
    tmp_path: Path,
) -> None:
    answers = [answered("foreign"), answered(label="Colon", likely=0.1)]
    written = through_a_file(with_answers(region(), answers), tmp_path)
    assert (written.class_name, written.color) == ("Benign", (1, 2, 3))
    assert written.user_class == ""  # it is still nobody's
    assert written.metadata["Lung"] == "Foreign tissue: Adenocarcinoma, 75.0 %"
    unsure = through_a_file(with_answers(written, [answered("unsure")]), tmp_path)
    assert (unsure.class_name, unsure.color) == ("", None)
    assert [e["model"] for e in unsure.extra["properties"][MEMBER]] == ["Colon", "Lung"]


def test_a_colour_without_a_class_is_kept_beside_the_colour_of_the_class(tmp_path: Path) -> None:
    written = through_a_file(with_answers(region(color=(9, 9, 9)), [answered()]), tmp_path)
    assert (written.class_name, written.color) == ("Adenocarcinoma", (9, 9, 9))
    assert written.extra["classification"] == {"color": [200, 60, 80]}
    again = through_a_file(with_answers(written, [answered("pen")]), tmp_path)
    assert (again.class_name, again.color) == ("", (9, 9, 9))


def test_a_class_that_a_person_confirms_is_theirs() -> None:
    made = with_answers(region(), [answered()])
    confirmed = made.classified("Adenocarcinoma", (200, 60, 80))
    assert (made.user_class, confirmed.user_class) == ("", "Adenocarcinoma")
    assert replace(made, class_name="Benign").user_class == "Benign"  # changed in QuPath
