"""The evidence maps that are looked at, as models come and go and the user chooses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.viewer.fakes import CLASSES, write_model
from viewer.state.library import Model, read_model
from viewer.state.maps_in_view import MapsInView
from viewer.state.settings import MapSpec


@pytest.fixture
def models(tmp_path: Path) -> list[Model]:
    return [read_model(write_model(tmp_path / f"{name}.safetensors")) for name in "abc"]


@pytest.fixture
def view(models: list[Model]) -> MapsInView:
    made = MapsInView()
    made.follow(models[:2])
    return made


def test_each_model_in_use_shows_one_map_in_list_order(
    view: MapsInView, models: list[Model]
) -> None:
    view.follow(models[::-1])
    assert view.specs == tuple(MapSpec(model.path) for model in models[::-1])
    view.follow(models[1:2])
    assert view.specs == (MapSpec(models[1].path),)


def test_a_choice_is_for_all_maps_in_view_and_for_those_to_come(
    view: MapsInView, models: list[Model]
) -> None:
    view.choose(method="LayerCAM", stage=2)
    view.choose(target="scc")
    view.follow(models)
    assert view.specs == tuple(MapSpec(m.path, "LayerCAM", 2, "scc") for m in models)


def test_a_choice_outlives_a_moment_without_models(view: MapsInView, models: list[Model]) -> None:
    view.follow([])
    assert view.specs == ()
    view.choose(target="scc")
    assert view.of("").target == "scc"  # as the panel shows it meanwhile
    view.follow(models[:1])
    assert view.specs == (MapSpec(models[0].path, target="scc"),)


def test_a_class_that_no_model_has_any_more_gives_way_to_the_predicted_one(
    view: MapsInView, models: list[Model], tmp_path: Path
) -> None:
    other = read_model(write_model(tmp_path / "other.safetensors", classes=CLASSES[:1]))
    view.choose(target="scc")
    view.follow([other, models[0]])
    assert {spec.target for spec in view.specs} == {"scc"}  # one of them still has it
    view.follow([other])
    assert view.specs == (MapSpec(other.path),)
    view.follow([other, models[0]])
    assert {spec.target for spec in view.specs} == {None}


def test_several_maps_of_one_model_stay_apart_when_models_come_and_when_the_method_changes(
    view: MapsInView, models: list[Model]
) -> None:
    classes = ("aca", "scc", "n")
    view.show(MapSpec(models[0].path, target=key) for key in classes)
    view.follow(models[:2])
    view.choose(method="LayerCAM")
    assert view.specs == (
        *(MapSpec(models[0].path, "LayerCAM", target=key) for key in classes),
        MapSpec(models[1].path, "LayerCAM"),
    )
    assert view.of(models[0].path).target == "aca"
    view.choose(target="n")  # they have become one
    assert [spec.checkpoint for spec in view.specs] == [m.path for m in models[:2]]


def test_what_changes_nothing_is_not_announced(view: MapsInView, models: list[Model]) -> None:
    told: list[None] = []
    view.changed.connect(lambda: told.append(None))
    view.follow(models[:2])
    view.follow([replace(model, sha256="f" * 64) for model in models[:2]])
    view.choose(stage=None)
    view.show([*view.specs, *view.specs])
    assert not told
    view.choose(stage=1)
    assert len(told) == 1
