"""Answers come back when everything that they depend on is as it was, and only then."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from ssmamba.engine.messages import Classify, SlideRef
from ssmamba.reading.values import PackedArray
from tests.viewer.fakes import answer, square
from tests.viewer.slide_models import slide_answer
from tests.viewer.state.test_planning import INFO
from viewer.saving import session as session_module
from viewer.saving.answers import SLIDE_ANSWER, KeptAnswer, KeptSlideAnswer, too_many
from viewer.saving.contents import decoded, encoded
from viewer.saving.packing import from_json, to_json
from viewer.saving.session import SessionStore
from viewer.saving.workbench import Bench, WorkbenchStore, bench_of
from viewer.state.results import Reading
from viewer.state.settings import MapPainting, MapSpec, SlideSettings

RANDOM = np.random.default_rng(0)


def kept(roi_id: str = "a", windows: int = 1) -> KeptAnswer:
    request = Classify(1, SlideRef("/a.svs"), square(0, 0, 9, "A", roi_id), ("m",))
    result = replace(answer(request, "m"), windows=PackedArray.of(RANDOM.random((windows, 3))))
    return KeptAnswer(result, Reading("geometry", None, None), 0.5)


def test_an_answer_is_the_same_after_a_round_trip() -> None:
    one = kept(windows=50)
    assert decoded(one.key, encoded(one)) == one


@pytest.mark.parametrize("name", [field.name for field in fields(KeptAnswer)])
def test_an_answer_that_lacks_something_or_has_another_type_is_none(name: str) -> None:
    one = kept()
    whole = to_json(one)
    for odd in ({k: v for k, v in whole.items() if k != name}, {**whole, name: [{}]}):
        if name == "meaning" and name not in odd:
            continue  # it has a default
        with pytest.raises(ValueError, match=r"."):
            from_json(KeptAnswer, odd)


def test_an_array_that_its_bytes_do_not_fill_is_none() -> None:
    one = kept()
    cut = replace(one.result.windows, shape=(7, 3))
    odd = encoded(replace(one, result=replace(one.result, windows=cut)))
    with pytest.raises(ValueError, match="size"):
        decoded(one.key, odd)


def test_an_array_of_an_unknown_kind_is_none() -> None:
    one = kept()
    odd = replace(one.result, windows=replace(one.result.windows, dtype="feet"))
    with pytest.raises(ValueError, match="feet"):
        decoded(one.key, encoded(replace(one, result=odd)))


def test_a_slides_answer_is_the_same_after_a_round_trip(tmp_path: Path) -> None:
    doubts = (("few", "A single region of tissue; the training slides had 4 to 30."),)
    one = KeptSlideAnswer(slide_answer(doubts=doubts), 0.25, 0.5)
    assert decoded(SLIDE_ANSWER, encoded(one)) == one
    store = SessionStore(tmp_path)
    region = kept()
    store.write(INFO, {SLIDE_ANSWER: one, region.key: region})
    session = SessionStore(tmp_path).load(INFO)
    assert session.slide_answer == one and session.answers == (region,)
    store.write(INFO, {SLIDE_ANSWER: None})
    session = SessionStore(tmp_path).load(INFO)
    assert session.slide_answer is None and session.answers == (region,)


ODD = {
    "windows": (np.zeros((4, 2)), np.zeros((4, 3)), np.full((4, 3), np.nan), np.ones((3, 3)),
                np.array([[0.0, 0, 1], [1e9, 0, 1], [0, 1e9, 1], [1, 1, 1]])),
    "groups": (np.zeros(4), np.array([0, 1, 3, 0], np.int32), np.array([0, -1, 1, 0], np.int32)),
    "parts": (np.zeros((4, 2)), np.full((4, 3), np.inf), np.zeros((4, 3), np.float32)),
    "values": (np.zeros((1, 3)), np.full(3, np.nan), np.zeros(0)),
    "base": (np.zeros(4),),
    "tokens": (np.zeros((4, 2, 2), np.uint8), np.ones((4, 0, 2), np.uint8), np.ones((4, 2, 2))),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "array"), [(name, array) for name, arrays in ODD.items() for array in arrays]
)
def test_a_slides_answer_that_cannot_be_laid_on_a_slide_is_none(
    name: str, array: np.ndarray
) -> None:
    odd = replace(slide_answer(), **{name: PackedArray.of(array)})
    with pytest.raises(ValueError, match=r"."):
        decoded(SLIDE_ANSWER, encoded(KeptSlideAnswer(odd, None, None)))


def test_a_damaged_answer_of_a_slide_costs_no_region(tmp_path: Path) -> None:
    store, region = SessionStore(tmp_path), square(0, 0, 9, "A", "a")
    one = KeptSlideAnswer(slide_answer(), None, None)
    store.write(INFO, {"region/a": region, SLIDE_ANSWER: one})
    (journal,) = tmp_path.glob("*.journal")
    data = journal.read_bytes()
    at = data.index(b'"tokens"') + 30
    journal.write_bytes(data[:at] + b"#" + data[at + 1 :])
    session = SessionStore(tmp_path).load(INFO)
    assert session.slide_answer is None and [roi.id for roi in session.rois] == ["a"]
    assert "damaged" in session.warning
    later = SessionStore(tmp_path / "later")
    later.write(INFO, {"region/a": region, SLIDE_ANSWER: replace(one, meaning=2)})
    session = SessionStore(tmp_path / "later").load(INFO)
    assert session.slide_answer is None and len(session.rois) == 1 and not session.warning


def test_an_answer_of_another_version_is_left_out_without_a_word(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    one, other = kept("a"), kept("b")
    store.write(INFO, {one.key: replace(one, meaning=0), other.key: other})
    session = SessionStore(tmp_path).load(INFO)
    assert session.answers == (other,) and session.warning == ""


def test_the_oldest_answers_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [kept(f"r{number}", windows=200) for number in range(10)]
    size = max(len(encoded(one)) for one in answers)
    monkeypatch.setattr(session_module, "too_many", lambda live: too_many(live, 4 * size))
    store = SessionStore(tmp_path)
    for one in answers:
        store.write(INFO, {one.key: one})
    assert [a.result.roi_id for a in SessionStore(tmp_path).load(INFO).answers] == [
        "r6", "r7", "r8", "r9"
    ]  # fmt: skip


# --- what belongs to no slide
def test_the_workbench_comes_back(tmp_path: Path) -> None:
    bench = Bench(
        MapPainting(False, 0.25, "viridis", "shared", False), MapSpec("", "EigenCAM", 2, "aca"),
        added=("/m/a.safetensors",), in_use=("/m/a.safetensors",), shown="/m/a.safetensors",
        model_folder="/m", slides=("/s/a.svs", "/s/b.svs"), current="/s/b.svs",
    )  # fmt: skip
    WorkbenchStore(tmp_path).save(bench)
    store = WorkbenchStore(tmp_path)
    assert store.load() == bench
    store.save(replace(bench, current="", in_use=()))
    assert WorkbenchStore(tmp_path).load() == replace(bench, current="", in_use=())


def test_an_odd_workbench_is_a_new_one(tmp_path: Path) -> None:
    assert WorkbenchStore(tmp_path / "none").load() == Bench()
    (tmp_path / "workbench.journal").write_bytes(b"\x00garbage\n" * 50)
    assert WorkbenchStore(tmp_path).load() == Bench()
    odd = {"painting": {"opacity": "x"}, "slides": 5, "in_use": [1], "shown": "m"}
    assert bench_of(odd) == Bench(shown="m")


def test_settings_that_cannot_be_are_the_default(tmp_path: Path) -> None:
    store = SessionStore(tmp_path)
    odd = {"setting/mpp": -1, "setting/field_px": float("inf"), "setting/icc": "no"}
    for rotation in (360, -1, float("nan"), "left"):
        store.write(INFO, {**odd, "setting/rotation": rotation})
        assert SessionStore(tmp_path).load(INFO).settings == SlideSettings()
    store.write(INFO, {"setting/rotation": 37.5})
    assert SessionStore(tmp_path).load(INFO).settings == SlideSettings(rotation=37.5)
