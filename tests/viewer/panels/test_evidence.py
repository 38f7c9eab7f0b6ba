"""What the user chooses under the slide reaches the maps in view and their painting."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from tests.viewer.fakes import CLASSES, write_model
from viewer.controllers.shared import Shared
from viewer.panels.evidence import EvidencePanel
from viewer.state.library import read_model
from viewer.state.settings import MapSpec


@pytest.fixture
def shared(qtbot: QtBot, tmp_path: Path) -> Shared:
    made = Shared()
    files = [write_model(tmp_path / f"{name}.safetensors") for name in "ab"]
    made.library.add([read_model(path) for path in files], use=True)
    return made


@pytest.fixture
def panel(qtbot: QtBot, shared: Shared) -> EvidencePanel:
    made = EvidencePanel(shared.document, shared.library)
    qtbot.addWidget(made)
    return made


def pick(box: QComboBox, data: object) -> None:
    """Choose an entry as a user does."""
    box.setCurrentIndex(box.findData(data))
    box.activated.emit(box.currentIndex())


def test_class_method_and_detail_are_chosen_for_every_model_in_view(
    panel: EvidencePanel, shared: Shared
) -> None:
    pick(panel._class, "scc")
    pick(panel._method, "LayerCAM")
    panel._stage.chosen.emit(2)
    assert set(shared.document.maps.specs) == {
        MapSpec(model.path, "LayerCAM", 2, "scc") for model in shared.library.in_use
    }
    assert panel._stage._group.checkedButton().text() == "2"


def test_colours_scale_fade_and_opacity_change_no_map(panel: EvidencePanel, shared: Shared) -> None:
    before = shared.document.maps.specs
    pick(panel._colors, "blue-red")
    panel._scale.chosen.emit("shared")
    panel._fade.setChecked(False)
    panel._opacity.setValue(25)
    panel.visible_box.setChecked(False)
    look = shared.document.map_painting
    assert (look.colormap, look.scale, look.fade) == ("blue-red", "shared", False)
    assert (look.opacity, look.visible) == (0.25, False)
    assert shared.document.maps.specs == before
    assert not panel._fade.isEnabled()  # two-sided colours have no faint end


def test_the_panel_shows_the_map_of_the_shown_model(panel: EvidencePanel, shared: Shared) -> None:
    first, second = (model.path for model in shared.library.in_use)
    specs = [MapSpec(first, target="aca", stage=1), MapSpec(second, target="n", stage=3)]
    shared.document.maps.show(specs)
    assert panel._class.currentData() == "aca"
    shared.library.show(second)
    assert panel._class.currentData() == "n"
    assert panel._stage._group.checkedButton().text() == "3"
    assert list(shared.document.maps.specs) == specs  # looking changes nothing


def test_the_classes_are_those_of_the_models_in_use(
    panel: EvidencePanel, shared: Shared, tmp_path: Path
) -> None:
    def offered() -> list[object]:
        return [panel._class.itemData(at) for at in range(panel._class.count())]

    assert offered() == [None, *(info.key for info in CLASSES)]
    pick(panel._class, "n")
    other = read_model(write_model(tmp_path / "other.safetensors", classes=CLASSES[:2]))
    shared.library.add([other], use=True)
    for model in shared.library.in_use:
        shared.library.set_in_use(model.path, model.path == other.path)
    assert offered() == [None, "aca", "scc"]
    assert panel._class.currentData() is None  # "n" is known to none of them


@pytest.mark.parametrize("width", [240, 500, 760, 1200])
def test_every_setting_can_be_reached_at_any_width(
    qtbot: QtBot, styled: None, panel: EvidencePanel, width: int
) -> None:
    panel.resize(width, 100)
    panel.show()
    qtbot.waitExposed(panel)
    panel._more.click()
    controls = (
        panel.visible_box, panel._class, panel._method, panel._stage, panel._opacity,
        panel._colors, panel._fade, panel._scale,
    )  # fmt: skip

    def inside() -> bool:
        places = [c.mapTo(panel, c.rect().bottomRight()) for c in controls]
        return all(c.isVisible() for c in controls) and all(p.x() <= width for p in places)

    panel.resize(width, panel.sizeHint().height() + 200)
    qtbot.waitUntil(inside)
    panel._more.click()
    assert panel._class.isVisible() and panel._opacity.isVisible()
    assert panel._method.isVisible() == (width > 700)


@pytest.mark.parametrize("width", [500, 1200])
def test_tab_goes_through_the_settings_as_they_stand(
    qtbot: QtBot, styled: None, panel: EvidencePanel, width: int
) -> None:
    panel.resize(width, 200)
    panel.show()
    qtbot.waitExposed(panel)
    panel.activateWindow()
    panel._more.click()
    panel.visible_box.setFocus()
    qtbot.waitUntil(panel.visible_box.hasFocus)
    seen = []
    for _ in range(9):
        seen.append(panel.focusWidget())
        QTest.keyClick(panel.focusWidget(), Qt.Key.Key_Tab)
    places = [w.mapTo(panel, w.rect().center()) for w in seen]
    assert len(set(seen)) == 9
    rows = [(p.y() // 24, p.x()) for p in places]
    assert rows == sorted(rows)


def test_without_a_model_there_is_no_strip(panel: EvidencePanel, shared: Shared) -> None:
    assert not panel.isHidden()
    for model in shared.library.in_use:
        shared.library.set_in_use(model.path, False)
    assert panel.isHidden()


def test_the_wheel_changes_no_choice(qtbot: QtBot, panel: EvidencePanel) -> None:
    before = panel._method.currentIndex()
    for box in (panel._method, panel._class, panel._colors):
        at = QPointF(box.rect().center())
        down, none = QPoint(0, -120), Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(at, box.mapToGlobal(at), QPoint(), down, Qt.MouseButton.NoButton, none,
                            Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
        QApplication.sendEvent(box, event)
        assert not event.isAccepted()
    assert panel._method.currentIndex() == before


def test_a_method_that_uses_no_class_offers_none(panel: EvidencePanel) -> None:
    assert panel._class.isEnabled()
    pick(panel._method, "EigenCAM")
    assert not panel._class.isEnabled()
