"""The question about the scale, without a window."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.viewer.fakes import square, write_model
from tests.viewer.state.test_planning import INFO
from viewer.canvas import SlideCanvas
from viewer.canvas.tools import FieldSquare
from viewer.controllers.scale import ScaleController
from viewer.controllers.shared import Shared
from viewer.state.library import read_model
from viewer.state.settings import SlideSettings

LARGE = square(0, 0, 900, "Large", "large")


@pytest.fixture
def scale(shared: Shared, canvas: SlideCanvas, tmp_path: Path) -> ScaleController:
    made = ScaleController(shared, canvas)
    files = [write_model(tmp_path / f"{name}.safetensors") for name in ("one", "two")]
    shared.library.add([read_model(path) for path in files], use=True)
    return made


def test_each_set_of_training_images_is_asked_about_in_turn(
    shared: Shared, canvas: SlideCanvas, scale: ScaleController
) -> None:
    shared.document.add([LARGE])
    assert scale.question is None
    shared.document.select("large")
    assert scale.question is not None and canvas.tool() == FieldSquare.id
    scale.resize(300)
    scale.confirm()
    assert scale.question is not None and scale.question.models[0].name == "two"
    assert scale.field_px == 224  # its own suggestion, not the other's answer
    scale.confirm()
    assert scale.question is None and canvas.tool() == "pan"
    assert [px for _, px in shared.document.slide_settings.fields] == [300, 224]


def test_a_slide_of_our_own_making_is_not_asked_about_in_any_order(
    shared: Shared, canvas: SlideCanvas, scale: ScaleController
) -> None:
    scale.accept_suggestions(INFO.path)
    shared.document.restore([LARGE], SlideSettings(mpp=0.25))  # as a session has it
    shared.document.select("large")
    assert scale.question is None and canvas.tool() == "pan"
    assert len(shared.document.slide_settings.fields) == 2
    assert shared.document.slide_settings.mpp == 0.25


def test_another_slide_is_asked_about_again(
    shared: Shared, canvas: SlideCanvas, scale: ScaleController
) -> None:
    scale.accept_suggestions("/slides/demo.tif")
    shared.document.add([LARGE])
    shared.document.select("large")
    scale.put_off()
    assert canvas.tool() == "pan" and scale.question is not None
    shared.document.set_slide(INFO)
    assert scale.question is None
    shared.document.add([LARGE])
    shared.document.select("large")
    assert canvas.tool() == FieldSquare.id
