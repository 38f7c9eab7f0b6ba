"""Small widgets and texts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QSlider, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from viewer.actions.table import ACTIONS
from viewer.compare.matrix import best_columns
from viewer.look import tokens
from viewer.look.icons import FOLDER
from viewer.text import formats
from viewer.text.formats import percent
from viewer.widgets.bars import Bar, ProbabilityBars
from viewer.widgets.basic import Segmented, chevron, elided
from viewer.widgets.flow import Flow
from viewer.widgets.panel import scrolled


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.5, "50.0 %"), (0.99999, "> 99.9 %"), (0.00001, "< 0.1 %"), (1.0, "100.0 %"), (0, "0.0 %")],
)
def test_percent_claims_no_certainty_that_is_not_there(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("px2", "mpp", "text"),
    [
        (10_000, None, "10\u202f000 px²"),
        (10_000, 0.5, "2\u202f500 µm²"),
        (8_000_000, 0.5, "2.00 mm²"),
        (800_000, 0.5, "0.200 mm²"),
    ],
)
def test_areas_have_units_a_reader_knows(px2: float, mpp: float | None, text: str) -> None:
    assert formats.area(px2, mpp) == text


def test_counts() -> None:
    assert formats.regions(1) == "1 region"
    assert formats.classes(5) == "5 classes"


def test_bars_are_sorted_spoken_and_folded(qtbot: QtBot) -> None:
    bars = ProbabilityBars()
    qtbot.addWidget(bars)
    shares = {"a": 0.1, "b": 0.5, "c": 0.2, "d": 0.15, "e": 0.05}
    bars.set_bars([Bar(name, share, (1, 2, 3)) for name, share in shares.items()])
    assert bars.accessibleName().startswith("Probabilities: b 50.0 %, c 20.0 %")
    folded = bars.sizeHint().height()
    assert bars.hidden_count == 2
    bars.set_expanded(True)
    assert bars.hidden_count == 0 and bars.sizeHint().height() > folded


def test_a_segmented_choice_tells_the_value(qtbot: QtBot) -> None:
    choice = Segmented(((1, "One", ""), (2, "Two", "")), "Detail")
    qtbot.addWidget(choice)
    choice.set_value(1)
    with qtbot.waitSignal(choice.chosen) as told:
        choice._group.button(1).click()
    assert told.args == [2]


def test_scrolling_past_a_control_does_not_change_it(qtbot: QtBot) -> None:
    body = QWidget()
    layout = QVBoxLayout(body)
    box, slider = QComboBox(), QSlider(Qt.Orientation.Horizontal)
    box.addItems(["GradCAM", "LayerCAM", "EigenCAM"])
    slider.setValue(50)
    for widget in (box, slider):
        layout.addWidget(widget)
    layout.addSpacing(2000)
    area = scrolled(body)
    qtbot.addWidget(area)
    area.resize(200, 200)
    area.show()
    qtbot.waitExposed(area)
    box.setFocus()
    before = area.verticalScrollBar().value()
    for control in (box, slider):
        turn_wheel(control)
    assert (box.currentIndex(), slider.value()) == (0, 50)
    assert area.verticalScrollBar().value() > before


def turn_wheel(control: QWidget) -> None:
    """One notch towards the user, over the middle of a widget."""
    window = control.window()
    place = control.mapTo(window, control.rect().center())
    QTest.wheelEvent(window.windowHandle(), QPointF(place), QPoint(0, -120))


def test_a_percentage_is_whole_beside_a_name_that_is_cut(qapp: QApplication) -> None:
    metrics = QFontMetrics(QFont())
    room = metrics.horizontalAdvance("Lung squamous cell car · 98.9 %")
    shown = elided(metrics, "Lung squamous cell carcinoma", room, " · 98.9 %")
    assert shown.endswith("… · 98.9 %") and metrics.horizontalAdvance(shown) <= room


def test_a_name_is_not_cut_to_nothing_for_its_percentage(qapp: QApplication) -> None:
    metrics = QFontMetrics(QFont())
    room = metrics.horizontalAdvance("Lung squamous cell")
    shown = elided(metrics, "Lung squamous cell carcinoma", room, " · > 99.9 % · detail 1")
    assert shown.startswith("Lung squamous") and "%" not in shown
    assert metrics.horizontalAdvance(shown) <= room
    assert elided(metrics, "n", room, " · > 99.9 %") == "n · > 99.9 %"


def test_a_chevron_shows_and_says_whether_it_is_open(qtbot: QtBot) -> None:
    button = chevron("Show details", "Hide details")
    qtbot.addWidget(button)
    closed = button.icon().cacheKey()
    assert (button.toolTip(), button.accessibleName()) == ("Show details", "Show details")
    button.click()
    assert (button.toolTip(), button.accessibleName()) == ("Hide details", "Hide details")
    assert button.icon().cacheKey() != closed


def test_a_flow_begins_a_new_row_where_there_is_no_room(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    flow = Flow(parent)
    parts = [QWidget() for _ in range(3)]
    for part in parts[:2]:
        part.setFixedSize(100, 20)
        flow.addWidget(part)
    parts[2].setFixedSize(100, 20)
    flow.insert_widget(0, parts[2])
    parent.resize(250, 100)
    parent.show()
    qtbot.waitExposed(parent)
    assert [(p.x(), p.y()) for p in (parts[2], parts[0], parts[1])] == [(0, 0), (116, 0), (0, 26)]
    assert flow.heightForWidth(400) == 20


@given(st.integers(1, 9), st.integers(100, 4000), st.integers(100, 4000))
def test_cells_of_the_comparison_are_as_large_as_they_can_be(
    count: int, width: int, height: int
) -> None:
    columns = best_columns(count, width, height)
    assert 1 <= columns <= count

    def side(c: int) -> float:
        return min(width / c, height / math.ceil(count / c))

    assert side(columns) == max(side(c) for c in range(1, count + 1))


def test_every_icon_that_is_named_is_there() -> None:
    for action in ACTIONS:
        assert not action.icon or (FOLDER / f"{action.icon}.svg").exists(), action.icon


def test_shortcuts_are_unique() -> None:
    keys = [action.keys for action in ACTIONS if action.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("chosen", [tokens.LIGHT, tokens.DARK])
@pytest.mark.parametrize(
    ("front", "ground"),
    [("text", "surface"), ("text", "raised"), ("muted", "surface"), ("muted", "raised"),
     ("accent", "surface"), ("warning", "warning_soft"), ("error", "error_soft"),
     ("on_accent", "accent"), ("accent", "accent_soft")],
)  # fmt: skip
def test_text_stands_out_of_its_ground(chosen: tokens.Tokens, front: str, ground: str) -> None:
    """WCAG AA: 4.5 to 1."""
    light, dark = sorted(
        (_luminance(getattr(chosen, front)), _luminance(getattr(chosen, ground))), reverse=True
    )
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
