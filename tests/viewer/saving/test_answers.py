"""Answers come back when everything that they depend on is as it was, and only then."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from ssmamba.engine.messages import Classify, SlideRef
from ssmamba.reading.values import PackedArray
from tests.viewer.fakes import answer, square
from tests.viewer.state.test_planning import INFO
from viewer.saving import session as session_module
from viewer.saving.answers import KeptAnswer, too_many
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
