"""One list makes menus, tool bar, keys, tips, names and states of the actions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QMainWindow, QToolBar, QToolButton
from pytestqt.qtbot import QtBot

from ssmamba.rois.geojson import write_rois
from tests.viewer.conftest import Bench
from tests.viewer.fakes import square
from tests.viewer.window.conftest import Opened, menu_of, texts
from viewer.actions.action import Action, Place
from viewer.actions.table import ACTIONS, EDIT, MENUS
from viewer.window.menus import build_menus
from viewer.window.shortcuts import ShortcutsDialog

TABLES = ("On the slide", "Anywhere")


def test_an_added_action_is_one_record(opened: Opened, qtbot: QtBot) -> None:
    """In its menu, on the tool bar, in the list of keys, enabled when it says so; and it runs."""
    ran: list[object] = []
    allowed = False
    record = Action(
        "smooth",
        "Smooth outline…",
        ran.append,
        "lasso",
        "Ctrl+Shift+L",
        "Round the corners of the region",
        (Place(EDIT, 3),),
        tool_bar=6,
        enabled=lambda _: allowed,
    )
    window = opened(actions=(*ACTIONS, record))
    action = window.actions_by_name["smooth"]
    edit = texts(menu_of(window, EDIT).actions())
    assert edit[edit.index("Select") + 1] == "Smooth outline…"
    (bar,) = window.findChildren(QToolBar)
    assert texts(bar.actions())[-4:-2] == ["-", "Smooth outline…"]
    button = bar.widgetForAction(action)
    assert button.accessibleName() == "Smooth outline…"
    assert button.toolTip() == "Round the corners of the region (Ctrl+Shift+L)"
    window.dialogs.shortcuts()
    (sheet,) = window.findChildren(ShortcutsDialog)
    assert "Smooth outline" in [label.text() for label in sheet.findChildren(QLabel)]
    sheet.reject()
    QTest.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert not action.isEnabled() and not ran
    allowed = True
    window.workspace.document.add([square(0, 0, 9)])  # any change of the document
    assert action.isEnabled()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(window, Qt.Key.Key_L, both)
    assert ran == [window]


def test_the_list_of_shortcuts_is_no_wider_than_the_screen(opened: Opened) -> None:
    window = opened()
    window.dialogs.shortcuts()
    (sheet,) = window.findChildren(ShortcutsDialog)
    screen = sheet.screen().availableGeometry()  # 800 px: too narrow for two tables beside
    assert sheet.width() <= screen.width() and sheet.height() <= screen.height()
    titles = [text for text in sheet.findChildren(QLabel) if text.text() in TABLES]
    assert len({title.mapTo(sheet, QPoint()).x() for title in titles}) == 1 and len(titles) == 2
    sheet.reject()


def test_menus_are_as_the_list_says(opened: Opened) -> None:
    window = opened()
    assert texts(window.menuBar().actions()) == list(MENUS)
    assert texts(menu_of(window, EDIT).actions()) == [
        "Undo", "Redo", "Copy view", "-", "Move", "Lasso", "Polygon", "Rectangle",
        "Ellipse", "Brush", "Wand", "Points", "Ruler", "Angle", "-",
        "Whole image as a region", "Delete region", "Selected regions", "Select",
        "-", "Class", "Class of new regions",
        "Add class…", "-", "Preferences…",
    ]  # fmt: skip
    view = menu_of(window, "&View").actions()
    assert texts(view) == [
        "Zoom to fit", "Zoom to selected region", "Zoom in", "Zoom out",
        "Full resolution (1:1)", "Magnification", "Rotation", "-",
        "Evidence map", "Grid", "Crosshair", "Minimap", "Compare models",
        "Link comparison to slide", "Comparison", "Two slides", "-",
        "Hide panels", "Full screen", "Next part of the window", "Previous part of the window",
        "-", "Panels",
    ]  # fmt: skip
    assert texts(view[5].menu().actions()) == ["1.25×", "2.5×", "5×", "10×", "20×", "40×"]
    assert texts(view[-1].menu().actions()) == [
        "Slides",
        "Regions",
        "Classes",
        "Models",
        "Results",
    ]
    placed = {record.id for record in ACTIONS if record.menu}
    assert placed == {record.id for record in ACTIONS}, "every action can be found in a menu"


def test_a_menu_that_is_not_there_is_an_error(qtbot: QtBot) -> None:
    """Else the action could not be found, and nobody would know."""
    window = QMainWindow()
    qtbot.addWidget(window)
    with pytest.raises(KeyError, match="Edit"):
        build_menus(window, [Action("lost", "Lost", menu=(Place("Edit"),))])


def test_without_a_slide_nothing_asks_for_one(opened: Opened) -> None:
    window = opened()
    enabled = {name for name, action in window.actions_by_name.items() if action.isEnabled()}
    assert enabled == {
        "open", "demo", "add_models", "save_picture", "quit", "delete", "focus", "evidence",
        "follow", "auto", "shortcuts", "about", "reader", "open_session", "model_folder",
        "preferences", "switch_panels", "full_screen", "next_area", "previous_area", "palette",
    }  # fmt: skip


def test_the_chosen_tool_is_checked_however_it_was_chosen(bench: Bench) -> None:
    actions = bench.window.actions_by_name

    def checked() -> list[str]:
        return [n for n in ("pan", "lasso", "polygon", "rectangle") if actions[n].isChecked()]

    assert checked() == ["pan"]
    bench.window.activateWindow()
    bench.window.canvas.setFocus()
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_R)
    assert checked() == ["rectangle"]
    actions["rectangle"].trigger()  # once more: a tool cannot be switched off
    assert checked() == ["rectangle"]
    QTest.keyClick(bench.window.canvas, Qt.Key.Key_Escape)
    assert checked() == ["pan"]


def test_what_is_switched_elsewhere_is_checked_here_too(bench: Bench) -> None:
    actions, panel = bench.window.actions_by_name, bench.window.panels["evidence"]
    assert actions["compare"].isChecked()  # two models are in use
    actions["compare"].trigger()
    assert bench.window.compare.isHidden() and not actions["compare"].isChecked()
    panel.visible_box.click()
    assert not actions["evidence"].isChecked()
    actions["evidence"].trigger()
    assert panel.visible_box.isChecked()
    actions["follow"].trigger()
    assert bench.window.compare.follows_slide and actions["follow"].isChecked()


def test_the_comparison_opens_with_the_second_model_and_stays_closed_when_closed(
    bench: Bench,
) -> None:
    library, compare = bench.work.library, bench.window.compare
    second = library.in_use[1].path
    assert compare.isVisible()
    bench.window.actions_by_name["compare"].trigger()
    library.note_loaded(second, "0" * 64, 1)  # the list changes, the number of models does not
    assert compare.isHidden()
    library.set_in_use(second, False)
    library.set_in_use(second, True)
    assert compare.isVisible() and bench.window.actions_by_name["compare"].isChecked()


def test_a_magnification_is_chosen_from_the_menu(bench: Bench) -> None:
    bench.window.actions_by_name["magnification_10"].trigger()
    bench.settle()
    assert bench.window.canvas.camera.magnification() == pytest.approx(10.0)


def test_actions_on_the_selected_regions(bench: Bench) -> None:
    actions, document = bench.window.actions_by_name, bench.document
    rois = [square(10, 10, 40, "A"), square(100, 100, 40, "B"), square(200, 100, 40, "C")]
    document.add(rois)
    bench.window.panels["regions"].view.selectAll()
    document.change(replace(rois[2], locked=True))
    bench.window.panels["regions"].view.selectAll()
    actions["delete"].trigger()
    assert [roi.name for roi in document.rois] == ["C"]
    document.select(rois[2].id)
    actions["focus"].trigger()
    bench.settle()
    state = bench.window.canvas.view_state()
    assert (state.center_x, state.center_y) == pytest.approx((220, 120), abs=1)
    assert actions["undo"].text() == "Undo delete 2 regions"


def test_buttons_of_a_panel_are_actions(bench: Bench) -> None:
    """One icon, one tip, one state; here of the button that imports regions."""
    action = bench.window.actions_by_name["import_rois"]
    buttons = {b.defaultAction(): b for b in bench.window.docks[1].findChildren(QToolButton)}
    button = buttons[action]
    assert button.isEnabled() and button.accessibleName() == "Import regions…"
    assert "Ctrl+I" in button.toolTip()
    bench.document.set_slide(None)
    assert not button.isEnabled()


def test_regions_are_imported_without_offset_where_a_slide_has_margins(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    action = bench.window.actions_by_name["import_rois_from_corner"]
    assert bench.document.slide is not None and not action.isEnabled()
    bench.document.set_slide(replace(bench.document.slide, bounds=(100, 50, 400, 300)))
    assert action.isEnabled()
    file = tmp_path / "halo.geojson"
    write_rois(file, [square(110, 60, 90)])
    monkeypatch.setattr(
        bench.window.dialogs, "_choose", lambda title, kinds, then: then([str(file)])
    )
    for name, left in (("import_rois_from_corner", 110), ("import_rois", 210)):
        with bench.qtbot.waitSignal(bench.work.regions.imported):
            bench.window.actions_by_name[name].trigger()
        assert bench.document.rois[-1].bounds[0] == left
