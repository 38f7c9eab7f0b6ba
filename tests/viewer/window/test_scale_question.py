"""The question how much of the slide a window covers, in the whole window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from ssmamba.engine.messages import Classify
from ssmamba.rois.geometry import area_of
from tests.viewer.conftest import RING, Bench
from tests.viewer.fakes import FakeEngine
from viewer.canvas.tools import FieldSquare
from viewer.panels.scale_question import ScaleQuestion

LARGE = [(50.0, 50.0), (650.0, 50.0), (650.0, 620.0), (50.0, 620.0)]  # over two windows of 224 px


def panel(bench: Bench) -> ScaleQuestion:
    return bench.window.findChild(ScaleQuestion)


def sides(engine: FakeEngine) -> list[float | None]:
    return [sent.options.field_px for sent in engine.of_kind(Classify)]


def _use_one_model(bench: Bench) -> None:
    """The others were trained on other pictures, for which there would be a question each."""
    for model in bench.work.library.in_use[1:]:
        bench.work.library.set_in_use(model.path, False)
    bench.settle()


def test_a_large_region_is_asked_about_once_and_the_answer_is_kept(
    bench: Bench, engines: list[FakeEngine], slide_file: Path, tmp_path: Path
) -> None:
    _use_one_model(bench)
    assert panel(bench).isHidden()
    bench.draw(*RING)  # small: no question
    bench.settle()
    assert panel(bench).isHidden() and sides(engines[0]) == [None]
    canvas = bench.window.canvas
    canvas.set_tool("lasso")
    large = bench.draw(*LARGE)
    canvas.set_tool("lasso")
    bench.document.select(None)
    bench.document.select(large.id)
    bench.settle()
    assert not panel(bench).isHidden() and canvas.tool() == FieldSquare.id
    assert len(engines[0].of_kind(Classify)) == 1  # no class was asked for
    assert "No class yet" in bench.texts(bench.window.panels["answers"])
    QTest.keyClick(canvas, Qt.Key.Key_Plus)  # 5 % larger
    assert panel(bench).side.value() == pytest.approx(224 * 1.05 * 0.5, abs=1)  # in µm
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    bench.settle()
    assert panel(bench).isHidden() and canvas.tool() == "lasso"
    assert set(sides(engines[0])) == {None, 235}
    asked = len(engines[0].of_kind(Classify))
    bench.draw(*((x + 20, y) for x, y in LARGE))
    bench.settle()
    assert panel(bench).isHidden() and len(engines[0].of_kind(Classify)) > asked
    from tests.slides import write_pyramid

    write_pyramid(tmp_path / "other.tif", 640, 480, seed=5)
    bench.open(tmp_path / "other.tif")
    bench.open(slide_file)
    assert set(dict(bench.document.slide_settings.fields).values()) == {235}


def test_later_leaves_the_question_and_the_tool(bench: Bench, engines: list[FakeEngine]) -> None:
    _use_one_model(bench)
    large = bench.draw(*LARGE)
    bench.document.select(None)
    bench.document.select(large.id)
    bench.settle()
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_Escape)
    assert bench.window.canvas.tool() == "pan"
    assert not panel(bench).isHidden() and not panel(bench).show_square.isHidden()
    bench.document.select(None)
    assert panel(bench).isHidden()
    bench.document.select(large.id)  # not asked again by itself
    assert bench.window.canvas.tool() == "pan" and not panel(bench).isHidden()
    panel(bench).side.setValue(100)  # µm
    panel(bench).use.click()
    bench.settle()
    assert set(sides(engines[0])) == {200}


def test_the_whole_image_is_one_key_and_ends_at_the_edge(bench: Bench) -> None:
    QTest.keyClick(bench.window, Qt.Key.Key_W)
    (roi,) = bench.document.rois
    info = bench.document.slide
    assert info is not None
    assert area_of(roi) == info.width * info.height and roi.name == "Whole image"
    assert bench.document.selected is roi
    over = bench.draw((-40, -40), (90, -40), (90, 90), (-40, 90))
    left, top, *_ = over.bounds
    assert (left, top) == (0, 0)
