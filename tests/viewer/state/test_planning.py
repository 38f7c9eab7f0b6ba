"""Which results are asked for, and in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.engine.messages import Classify, Explain, Priority, Reconstruct, SlideRef
from ssmamba.slides.slide import SlideInfo
from tests.viewer.fakes import answer, explanation, square, write_model
from viewer.state.document import Document
from viewer.state.library import ModelLibrary, read_model
from viewer.state.planning import answer_key, map_key, missing, request, wanted
from viewer.state.results import AnswerKey, MapKey, PictureKey, result_bytes
from viewer.state.settings import MapSpec, SlideSettings

INFO = SlideInfo(
    "/slides/a.svs",
    "a.svs",
    "aperio",
    1000,
    1000,
    (),
    0.5,
    None,
    None,
    False,
    "h",
    {},
    file=(9, 8, 7),
)


@pytest.fixture
def document() -> Document:
    made = Document()
    made.set_slide(INFO)
    made.add([square(0, 0, 100, "A", "a"), square(200, 0, 100, "B", "b")])
    made.select("b")
    return made


@pytest.fixture
def library(document: Document, tmp_path: Path) -> ModelLibrary:
    made = ModelLibrary()
    files = [
        write_model(tmp_path / "one.safetensors"),
        write_model(tmp_path / "two.safetensors"),
        write_model(tmp_path / "masked.safetensors", masked=True),
    ]
    made.add([read_model(path) for path in files], use=True)
    document.maps.follow(made.in_use)
    return made


def stems(keys: tuple) -> list[str]:
    return [Path(key.checkpoint).stem for key in keys]


def test_the_selected_region_comes_first_with_its_maps(
    document: Document, library: ModelLibrary
) -> None:
    tasks = wanted(document, library, ["a", "b"])
    kinds = [(task.roi.id, type(task.keys[0])) for task in tasks]
    assert kinds == [("b", AnswerKey), ("b", MapKey), ("b", PictureKey), ("a", AnswerKey)]


def test_requests_say_how_urgent_they_are(document: Document, library: ModelLibrary) -> None:
    tasks = wanted(document, library, ["a", "b"], all_maps=True)
    found = [(t.roi.id, type(t.keys[0]), request(t, 1, document).priority) for t in tasks]
    assert found == [
        ("b", AnswerKey, Priority.ASKED),
        ("b", MapKey, Priority.VISIBLE),
        ("b", PictureKey, Priority.VISIBLE),
        ("a", AnswerKey, Priority.REST),
        ("a", MapKey, Priority.AHEAD),
        ("a", PictureKey, Priority.AHEAD),
    ]


def test_the_shown_model_answers_first(document: Document, library: ModelLibrary) -> None:
    library.show(library.models[1].path)
    assert stems(wanted(document, library, ["b"])[0].keys) == ["two", "one"]


def test_a_model_without_the_chosen_class_is_not_asked_for_its_map(
    document: Document, library: ModelLibrary, tmp_path: Path
) -> None:
    other = write_model(tmp_path / "other.safetensors", classes=())
    library.add([read_model(other)], use=True)
    document.maps.follow(library.in_use)
    document.maps.choose(target="scc")
    assert stems(wanted(document, library, ["b"])[1].keys) == ["one", "two"]


def test_a_hidden_map_is_not_asked_for(document: Document, library: ModelLibrary) -> None:
    document.set_map_painting(replace(document.map_painting, visible=False))
    assert MapKey not in {type(t.keys[0]) for t in wanted(document, library, ["b"])}


def test_a_line_has_nothing_to_classify(document: Document, library: ModelLibrary) -> None:
    document.add([replace(square(0, 0, 9, roi_id="l"), kind="line")])
    document.select("l")
    assert not wanted(document, library, ["l"])


def test_only_what_is_missing_is_asked_for(document: Document, library: ModelLibrary) -> None:
    tasks = wanted(document, library, ["b"])
    key = tasks[0].keys[0]
    message = request(tasks[0], 1, document)
    assert isinstance(message, Classify)
    document.results.put(key, answer(message, key.checkpoint))
    under_way = {tasks[1].keys[1]}
    left = missing(tasks, document, under_way)
    assert [stems(task.keys) for task in left] == [["two"], ["one"], ["masked"]]


def test_maps_are_of_each_models_own_stage_until_one_is_chosen(
    document: Document, library: ModelLibrary
) -> None:
    explain = request(wanted(document, library, ["b"])[1], 7, document)
    assert isinstance(explain, Explain) and explain.stage is None


def test_requests_carry_the_whole_state(document: Document, library: ModelLibrary) -> None:
    document.set_slide_settings(SlideSettings(mpp=0.25, field_px=800.0))
    document.maps.choose(method="LayerCAM", stage=2)
    document.set_picture_settings(replace(document.picture_settings, mask_ratio=0.5, seed=9))
    tasks = wanted(document, library, ["b"])
    classify, explain, reconstruct = (request(t, 7, document) for t in tasks)
    assert {asked.slide.file for asked in (classify, explain, reconstruct)} == {(9, 8, 7)}  # type: ignore[union-attr]
    assert isinstance(classify, Classify) and classify.slide.mpp == 0.25
    assert classify.options.field_px == 800.0 and classify.job == 7
    assert isinstance(explain, Explain) and (explain.method, explain.stage) == ("LayerCAM", 2)
    assert isinstance(reconstruct, Reconstruct)
    assert (reconstruct.mask_ratio, reconstruct.seed) == (0.5, 9)


def test_what_other_programs_say_of_a_region_stays_out_of_the_engine(
    document: Document, library: ModelLibrary
) -> None:
    deep: list = []
    for _ in range(50):
        deep = [deep]
    foreign = {
        "extra": {"properties": {"x": deep}},
        "metadata": {"a": "b"},
        "measurements": {"m": 1.0},
    }
    document.change(replace(document.rois[1], **foreign))  # type: ignore[arg-type]
    for task in wanted(document, library, ["b"]):
        asked = request(task, 1, document).roi  # type: ignore[union-attr]
        assert (asked.extra, asked.metadata, asked.measurements) == ({}, {}, {})
        assert asked.polygons == document.rois[1].polygons and asked.id == "b"


def test_an_edited_region_has_an_outdated_answer_and_no_map(
    document: Document, library: ModelLibrary
) -> None:
    model = library.in_use[0]
    roi = document.selected
    assert roi is not None
    key = answer_key(document, roi, model)
    tasks = wanted(document, library, ["b"])
    document.results.put(key, answer(request(tasks[0], 1, document), model.path))
    explained = map_key(document, roi, model, MapSpec(model.path))
    document.results.put(explained, explanation(request(tasks[1], 2, document), model.path))
    document.change(replace(roi, polygons=square(210, 0, 90).polygons))
    edited = document.selected
    assert edited is not None
    newest = document.results.newest_answer("b", model.path)
    assert newest is not None and newest[0] != answer_key(document, edited, model)
    assert document.results.map(map_key(document, edited, model, MapSpec(model.path))) is None


def test_maps_are_bounded_by_bytes_but_for_those_of_the_region_that_is_looked_at(
    document: Document, library: ModelLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, results = library.in_use[0], document.results
    rois = [square(0, 0, 50, roi_id=f"r{number}") for number in range(4)]
    made = [
        explanation(Explain(1, SlideRef("a.svs"), roi, (model.path,)), model.path) for roi in rois
    ]
    monkeypatch.setattr("viewer.state.results.MAP_BYTES", 2 * result_bytes(made[0]))
    for roi, result in zip(rois, made, strict=True):
        results.put(map_key(document, roi, model, MapSpec(model.path)), result)
    assert results.mapped_regions() == ["r2", "r3"]
    for stage in (1, 2, 3):
        results.put(map_key(document, rois[3], model, MapSpec(model.path, stage=stage)), made[3])
    assert results.mapped_regions() == ["r3"]
    specs = [MapSpec(model.path, stage=stage) for stage in (1, 2, 3)]
    assert all(map_key(document, rois[3], model, spec) in results for spec in specs)


def test_a_second_model_keeps_the_first_ones_answer(
    document: Document, library: ModelLibrary
) -> None:
    roi = document.selected
    assert roi is not None
    task = wanted(document, library, ["b"])[0]
    message = request(task, 1, document)
    for key, share in zip(task.keys, (0.9, 0.6), strict=True):
        document.results.put(key, answer(message, key.checkpoint, share))
    found = [document.results.newest_answer(roi.id, m.path) for m in library.in_use]
    assert [newest and newest[1].probabilities["aca"] for newest in found] == [0.9, 0.6]


def test_a_matrix_of_checkpoints_and_classes_is_six_maps_each_under_its_own_key(
    document: Document, library: ModelLibrary
) -> None:
    paths = [model.path for model in library.in_use]
    matrix = [MapSpec(path, target=key) for key in ("aca", "scc", "n") for path in paths]
    document.maps.show(matrix)
    tasks = [t for t in wanted(document, library, ["b"]) if isinstance(t.keys[0], MapKey)]
    requests = [request(task, number, document) for number, task in enumerate(tasks)]
    assert [(r.target, r.checkpoints) for r in requests] == [
        (key, tuple(paths)) for key in ("aca", "scc", "n")
    ]
    for task, message in zip(tasks, requests, strict=True):
        for key in task.keys:
            document.results.put(key, explanation(message, key.checkpoint))
    roi = document.selected
    assert roi is not None
    made = [
        document.results.map(map_key(document, roi, library.get(spec.checkpoint), spec))
        for spec in matrix
    ]
    assert [(m.checkpoint, m.target) for m in made] == [(s.checkpoint, s.target) for s in matrix]


def test_maps_that_differ_in_method_or_stage_are_not_one_request(
    document: Document, library: ModelLibrary
) -> None:
    one, two = (model.path for model in library.in_use)
    document.maps.show([MapSpec(one), MapSpec(two, stage=2), MapSpec(one, method="LayerCAM")])
    tasks = [t for t in wanted(document, library, ["b"]) if isinstance(t.keys[0], MapKey)]
    asked = [request(task, 1, document) for task in tasks]
    assert {(r.method, r.stage, r.checkpoints) for r in asked} == {
        ("GradCAM", None, (one,)),
        ("LayerCAM", None, (one,)),
        ("GradCAM", 2, (two,)),
    }
