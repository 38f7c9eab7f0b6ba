"""Painted maps follow the results, the maps in view and their painting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from ssmamba.engine.messages import Explain, SlideRef
from ssmamba.rois.roi import Roi
from tests.viewer.fakes import explanation, square, write_model
from viewer.canvas import SlideCanvas
from viewer.controllers.maps import PAINTED_REGIONS, MapController
from viewer.controllers.shared import Shared
from viewer.state.library import read_model
from viewer.state.planning import map_key
from viewer.state.settings import MapSpec


class Desk:
    """Two models, and results as if the engine had sent them."""

    def __init__(self, shared: Shared, canvas: SlideCanvas, qtbot: QtBot) -> None:
        self.document, self.library = shared.document, shared.library
        self.canvas = canvas
        self.maps = MapController(shared, canvas)
        self._qtbot = qtbot

    def file(self, *rois: Roi) -> None:
        """Results for the maps in view."""
        for roi in rois:
            for spec in self.document.maps.specs:
                model = self.library.get(spec.checkpoint)
                assert model is not None
                request = Explain(
                    1, SlideRef("a.svs"), roi, (model.path,), spec.method, None, spec.target
                )
                key = map_key(self.document, roi, model, spec)
                self.document.results.put(key, explanation(request, model.path))
        self.document.results_changed.emit(None)

    def settle(self) -> None:
        self._qtbot.waitUntil(lambda: not self.maps.busy)

    @property
    def laid(self) -> int:
        """Maps that lie on the slide."""
        return len(self.canvas.scene.overlays.overlays)


@pytest.fixture
def desk(shared: Shared, canvas: SlideCanvas, qtbot: QtBot, tmp_path: Path) -> Desk:
    files = [write_model(tmp_path / f"{name}.safetensors") for name in "ab"]
    shared.library.add([read_model(path) for path in files], use=True)
    shared.document.add([square(0, 0, 100, "A", "a"), square(200, 0, 100, "B", "b")])
    return Desk(shared, canvas, qtbot)


def test_every_map_in_view_is_painted_and_the_shown_models_lie_on_the_slide(desk: Desk) -> None:
    desk.file(*desk.document.rois)
    desk.settle()
    specs = desk.document.maps.specs
    assert {(m.roi_id, m.spec) for m in desk.maps.maps} == {(r, s) for r in "ab" for s in specs}
    assert {m.spec for m in desk.maps.on_slide()} == {specs[0]} and desk.laid == 2
    desk.library.show(specs[1].checkpoint)
    assert {m.spec for m in desk.maps.on_slide()} == {specs[1]} and desk.laid == 2


def test_a_map_that_is_no_longer_in_view_leaves_and_comes_back_without_the_engine(
    desk: Desk,
) -> None:
    desk.file(desk.document.rois[0])
    desk.settle()
    desk.document.maps.choose(target="scc")
    desk.settle()
    assert desk.maps.maps == [] and desk.laid == 0
    desk.document.maps.choose(target=None)
    desk.settle()
    assert len(desk.maps.maps) == 2 and desk.laid == 1


def test_hidden_maps_are_not_painted(desk: Desk) -> None:
    desk.file(desk.document.rois[0])
    desk.settle()
    desk.document.set_map_painting(replace(desk.document.map_painting, visible=False))
    desk.settle()
    assert desk.maps.maps == [] and desk.laid == 0


def test_opacity_reaches_the_slide_at_once(desk: Desk) -> None:
    desk.document.set_map_painting(replace(desk.document.map_painting, opacity=0.25))
    assert desk.canvas.scene.overlays.opacity == 0.25


def test_an_edited_region_shows_no_map_of_its_old_shape(desk: Desk) -> None:
    desk.file(*desk.document.rois)
    desk.settle()
    desk.document.change(replace(desk.document.rois[0], polygons=square(5, 5, 80).polygons))
    desk.settle()
    assert {m.roi_id for m in desk.maps.maps} == {"b"}
    desk.document.undo()
    desk.settle()
    assert {m.roi_id for m in desk.maps.maps} == {"a", "b"}


def test_one_colour_scale_for_all_maps_of_a_region_when_it_is_shared(desk: Desk) -> None:
    roi = desk.document.rois[0]
    desk.file(roi)
    one, two = desk.document.maps.specs
    model = desk.library.get(two.checkpoint)
    assert model is not None
    key = map_key(desk.document, roi, model, two)
    weak = desk.document.results.map(key)
    assert weak is not None
    values = (np.frombuffer(weak.maps[0].values, np.float32) / 2).tobytes()
    halved = replace(weak, maps=(replace(weak.maps[0], values=values),), low=-0.05, high=0.2)
    desk.document.results.put(key, halved)
    desk.maps.refresh()
    desk.settle()
    tops = {m.spec: m.high for m in desk.maps.maps}
    assert tops[one] == pytest.approx(0.4) and tops[two] == pytest.approx(0.2)
    desk.document.set_map_painting(replace(desk.document.map_painting, scale="shared"))
    desk.settle()
    assert [m.high for m in desk.maps.maps] == pytest.approx([0.4, 0.4])


def test_the_selected_region_is_painted_however_many_have_maps(desk: Desk) -> None:
    many = [square(x, 200, 5, f"R{x}", f"r{x}") for x in range(PAINTED_REGIONS + 5)]
    desk.document.add(many)
    desk.file(*many)
    desk.document.select("r0")
    desk.settle()
    painted = [m.roi_id for m in desk.maps.on_slide()]
    assert len(painted) == PAINTED_REGIONS and painted[-1] == "r0"


def test_results_of_a_replaced_checkpoint_are_not_painted(desk: Desk) -> None:
    desk.file(desk.document.rois[0])
    desk.settle()
    first = desk.library.in_use[0]
    desk.library.add([replace(first, version="another")])
    desk.settle()
    assert {m.spec.checkpoint for m in desk.maps.maps} == {desk.library.in_use[1].path}


def test_another_slide_begins_without_maps(desk: Desk) -> None:
    desk.file(*desk.document.rois)
    desk.settle()
    desk.document.set_slide(None)
    desk.settle()
    assert desk.maps.maps == [] and desk.laid == 0


def test_maps_of_several_classes_lie_in_the_cells_and_the_first_on_the_slide(desk: Desk) -> None:
    path = desk.library.in_use[0].path
    desk.document.maps.show(MapSpec(path, target=key) for key in ("scc", "aca", "n"))
    desk.file(desk.document.rois[0])
    desk.settle()
    assert [m.spec.target for m in desk.maps.maps] == ["scc", "aca", "n"]
    assert [m.spec.target for m in desk.maps.on_slide()] == ["scc"]
