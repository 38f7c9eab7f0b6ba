"""Results by region and checkpoint: what stays, what goes, and what is outdated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ssmamba.engine.messages import Classify, Explain, Reconstruct, SlideRef
from tests.viewer.fakes import answer, explanation, reconstruction, square
from viewer.state.results import (
    AnswerKey,
    MapKey,
    PictureKey,
    Reading,
    Result,
    ResultStore,
    result_bytes,
)
from viewer.state.settings import MapSpec

SLIDE = SlideRef("a.svs")
READING = Reading("shape", None, None)


def answered(roi_id: str = "r", model: str = "m", version: str = "1") -> AnswerKey:
    return AnswerKey(roi_id, model, version, READING)


def mapped(roi_id: str = "r", model: str = "m", version: str = "1", **spec: object) -> MapKey:
    return MapKey(roi_id, version, READING, MapSpec(model, **spec))  # type: ignore[arg-type]


def pictured(roi_id: str = "r", seed: int = 0, version: str = "1") -> PictureKey:
    return PictureKey(roi_id, "m", version, READING, 0.75, seed)


def made(key: AnswerKey | MapKey | PictureKey) -> Result:
    """A result as the engine would give it for a key."""
    roi = square(0, 0, 50, roi_id=key.roi_id)
    if isinstance(key, AnswerKey):
        return answer(Classify(1, SLIDE, roi, (key.checkpoint,)), key.checkpoint)
    if isinstance(key, MapKey):
        return explanation(Explain(1, SLIDE, roi, (key.checkpoint,)), key.checkpoint)
    return reconstruction(Reconstruct(1, SLIDE, roi, key.checkpoint, seed=key.seed))


@pytest.fixture
def results() -> ResultStore:
    return ResultStore()


def fill(results: ResultStore, *keys: AnswerKey | MapKey | PictureKey) -> None:
    for key in keys:
        results.put(key, made(key))


def test_an_answer_to_an_older_shape_stays_as_the_newest_until_another_comes(
    results: ResultStore,
) -> None:
    old = answered()
    new = replace(old, reading=Reading("another shape", None, None))
    fill(results, old)
    assert new not in results
    newest = results.newest_answer("r", "m")
    assert newest is not None and newest[0] == old  # shown as outdated
    fill(results, new)
    newest = results.newest_answer("r", "m")
    assert newest is not None and newest[0] == new
    assert old in results  # undoing the edit asks nothing again


@pytest.mark.parametrize("changed", [{"mpp": 0.25}, {"field_px": 300.0}, {"geometry": "other"}])
def test_a_result_of_another_reading_is_not_the_one_that_is_asked_for(
    results: ResultStore, changed: dict[str, object]
) -> None:
    other = replace(READING, **changed)
    keys = (answered(), mapped(), pictured())
    fill(results, *keys)
    assert all(key in results and replace(key, reading=other) not in results for key in keys)


@pytest.mark.parametrize(
    "spec", [{"target": "scc"}, {"method": "LayerCAM"}, {"stage": 2}, {"model": "other"}]
)
def test_maps_that_differ_in_one_value_lie_beside_each_other(
    results: ResultStore, spec: dict[str, object]
) -> None:
    keys = mapped(), mapped(**spec)  # type: ignore[arg-type]
    fill(results, *keys)
    first, second = (results.map(key) for key in keys)
    assert first is not None and second is not None and first is not second


def test_a_replaced_file_takes_its_results_with_it_and_no_others(results: ResultStore) -> None:
    old = answered(), mapped(), pictured()
    other = answered(model="other"), mapped(model="other")
    fill(results, *old, *other)
    results.drop_replaced({"m": "2", "other": "1"})
    assert not any(key in results for key in old)
    assert all(key in results for key in other)
    assert results.newest_answer("r", "m") is None
    assert results.mapped_regions() == ["r"]


def test_results_of_a_model_that_left_the_list_stay_for_when_it_comes_back(
    results: ResultStore,
) -> None:
    fill(results, answered())
    results.drop_replaced({})
    assert answered() in results


@pytest.mark.parametrize(
    ("limit", "key"), [("MAP_BYTES", mapped), ("PICTURE_BYTES", pictured)], ids=["maps", "pictures"]
)
def test_the_oldest_results_of_other_regions_make_room(
    results: ResultStore,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    key: Callable[[str], MapKey | PictureKey],
) -> None:
    keys = [key(f"r{number}") for number in range(4)]
    one = made(keys[0])
    monkeypatch.setattr(f"viewer.state.results.{limit}", 2 * result_bytes(one))  # type: ignore[arg-type]
    fill(results, *keys[:2])
    fill(results, keys[0])  # looked at again: the other one is older now
    fill(results, keys[2])
    assert [k in results for k in keys] == [True, False, True, False]


def test_answers_are_small_and_stay_however_many_there_are(
    results: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.state.results.MAP_BYTES", 1)
    keys = [answered(f"r{number}") for number in range(50)]
    fill(results, *keys, mapped("x"), mapped("y"))
    assert all(key in results for key in keys)
    assert results.mapped_regions() == ["y"]


def test_the_last_reconstruction_is_the_one_that_stays_in_view(results: ResultStore) -> None:
    assert results.newest_picture("r") is None
    fill(results, pictured(seed=1), pictured("other"), pictured(seed=2))
    newest = results.newest_picture("r")
    assert newest is not None and newest[0].seed == newest[1].seed == 2


def test_a_result_of_another_kind_is_refused(results: ResultStore) -> None:
    with pytest.raises(TypeError, match="ExplainResult does not answer AnswerKey"):
        results.put(answered(), made(mapped()))
    assert answered() not in results


def test_another_slide_begins_without_results(results: ResultStore) -> None:
    keys = answered(), mapped(), pictured()
    fill(results, *keys)
    results.clear()
    assert not any(key in results for key in keys)
    assert results.newest_answer("r", "m") is None and results.newest_picture("r") is None
