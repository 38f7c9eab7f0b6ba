"""A line of the table of answers, at any width of the dock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from ssmamba.engine.messages import Classify, ClassifyResult, SlideRef
from ssmamba.reading.values import NO_CLASS, Doubt, Trust
from tests.viewer.fakes import CLASSES, answer, square, write_model
from viewer.panels.answer_line import AnswerLine
from viewer.state.library import Model, read_model

NARROW_PX, WIDE_PX = 230, 420


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return read_model(write_model(tmp_path / "m.safetensors"))


@pytest.fixture
def line(qtbot: QtBot, styled: None, model: Model) -> AnswerLine:
    made = AnswerLine(model.path)
    qtbot.addWidget(made)
    made.show_model("SSMamba", True, True, False)
    made.resize(WIDE_PX, 200)
    made.show()
    qtbot.waitExposed(made)
    return made


def result(model: Model, doubt: Doubt = "") -> ClassifyResult:
    made = answer(Classify(1, SlideRef("s.svs"), square(0, 0, 9), (model.path,)), model.path)
    reasons = ("this is why",) if doubt else ()
    return replace(made, trust=Trust(not doubt, reasons, doubt=doubt), read_share=0.4)


def told(line: AnswerLine) -> list[str]:
    """Its texts from top to bottom, as they can be seen."""
    labels = [made for made in line.findChildren(QLabel) if made.isVisible()]
    labels.sort(key=lambda made: (made.mapTo(line, made.rect().topLeft()).y(), made.x()))
    return [made.text().replace("\u00a0", " ") for made in labels]


def test_the_percentage_has_a_column_where_there_is_room(
    qtbot: QtBot, line: AnswerLine, model: Model
) -> None:
    line.show_result(model, result(model), "", False, None)
    assert told(line) == ["SSMamba", "Adenocarcinoma", "80.0 %", "1 window · 40 % read"]
    line.resize(NARROW_PX, 200)
    qtbot.waitUntil(lambda: told(line)[1] == "Adenocarcinoma, 80.0 %")
    headline = line._headline
    whole = headline.fontMetrics().horizontalAdvance("Adenocarcinoma,")
    qtbot.waitUntil(lambda: headline.width() >= whole)
    assert line.minimumSizeHint().width() <= NARROW_PX


@pytest.mark.parametrize("width", [NARROW_PX, WIDE_PX])
def test_a_doubt_is_the_headline_and_its_class_stands_below(
    qtbot: QtBot, line: AnswerLine, model: Model, width: int
) -> None:
    line.resize(width, 200)
    line.show_result(model, result(model, "unsure"), "scc", False, None)
    qtbot.wait(10)
    assert told(line)[1:3] == ["Not sure", "Adenocarcinoma, 80.0 %"]
    assert line._headline.property("role") == "doubt"
    assert line._mark.isVisible()
    assert line._mark.accessibleName() == "Differs from your class"


@pytest.mark.parametrize("doubt", sorted(NO_CLASS))
def test_a_line_without_a_class_unfolds_to_none(
    qtbot: QtBot, line: AnswerLine, model: Model, doubt: Doubt
) -> None:
    line.show_result(model, result(model), "", False, None)
    line.show_result(model, result(model, doubt), "Benign tissue", False, None)
    line._more.click()
    assert line.details.isVisible() and not line.details._bars.isVisible()
    texts = [*told(line), line.accessibleName(), line.details._bars.accessibleName()]
    assert "This is why." in texts
    assert not any(info.name in text for info in CLASSES for text in texts)
    assert not line._mark.isVisible()


def test_details_unfold_under_the_line(qtbot: QtBot, line: AnswerLine, model: Model) -> None:
    line.show_result(model, result(model), "", False, None)
    assert not line.details.isVisible()
    with qtbot.waitSignal(line.unfolded) as unfolded:
        line._more.click()
    assert unfolded.args == [model.path, True]
    assert line.details._bars.isVisible() and line._more.accessibleName() == "Hide details"
    line.details._origin.click()
    assert "Research use only, not a medical device." in told(line)[-1]


def test_a_line_that_waits_has_no_details(line: AnswerLine, model: Model) -> None:
    line.show_result(model, result(model), "", False, None)
    line.show_model("SSMamba", True, True, True)
    line.show_wait("Classifying…")
    assert told(line) == ["SSMamba", "Classifying…"]
