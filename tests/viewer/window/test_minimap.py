"""The minimap of the window: what was seen, where it is, and that both are kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from tests.viewer.conftest import Bench
from tests.viewer.window.conftest import texts
from viewer.canvas import habits
from viewer.canvas.types import ViewState
from viewer.saving.preferences import PreferenceStore
from viewer.saving.session import SessionStore
from viewer.state.preferences import Preferences


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    yield
    habits.choose(Preferences())


def near(bench: Bench, x: float, y: float) -> None:
    """Look at a place until it counts as seen."""
    bench.window.canvas.set_view_state(ViewState(x, y, 0.25))
    bench.settle()
    bench.qtbot.waitUntil(lambda: seen_at(bench, x, y) == 0.25)


def seen_at(bench: Bench, x: float, y: float) -> float | None:
    assert bench.document.seen is not None
    return bench.document.seen.at(x, y)


def test_opening_a_slide_is_not_looking_at_it(bench: Bench) -> None:
    QTest.qWait(400)  # longer than a look
    assert not bench.work.seen.is_any
    assert not bench.window.actions_by_name["forget_seen"].isEnabled()


def test_what_is_looked_at_is_kept_with_the_session(
    bench: Bench, slide_file: Path, tmp_path: Path
) -> None:
    near(bench, 300, 250)
    assert seen_at(bench, 800, 250) is None
    bench.work.finish()
    assert bench.document.slide is not None
    kept = SessionStore(tmp_path / "user" / "sessions").load(bench.document.slide).seen
    assert kept is not None and kept.at(300, 250) == 0.25
    with bench.qtbot.waitSignal(bench.work.sessions.restored):  # as another start would
        bench.work.sessions.begin(bench.document.slide)
    assert seen_at(bench, 300, 250) == 0.25
    assert bench.window.canvas.scene.minimap.seen is bench.document.seen


def test_a_quick_pass_over_tissue_is_not_looking_at_it(bench: Bench) -> None:
    canvas = bench.window.canvas
    near(bench, 300, 250)
    for x in range(300, 900, 50):  # all of it within one look
        canvas.set_view_state(ViewState(x, 600, 0.125))
        canvas.repaint()
    canvas.set_view_state(ViewState(300, 250, 0.25))
    bench.settle()
    QTest.qWait(600)
    assert seen_at(bench, 600, 600) is None


def test_it_can_be_forgotten_and_that_undone(bench: Bench) -> None:
    near(bench, 300, 250)
    bench.window.canvas.camera.fit()
    actions = bench.window.actions_by_name
    actions["forget_seen"].trigger()
    assert seen_at(bench, 300, 250) is None
    actions["undo"].trigger()
    assert seen_at(bench, 300, 250) == 0.25


def test_keys_hide_it_and_move_it_from_corner_to_corner(bench: Bench, tmp_path: Path) -> None:
    canvas = bench.window.canvas
    canvas.set_view_state(ViewState(300, 250, 0.25))
    bench.window.activateWindow()
    bench.qtbot.waitUntil(bench.window.isActiveWindow)
    places = [canvas.scene.minimap_place()]
    for _ in range(4):
        QTest.keyClick(canvas, Qt.Key.Key_V, Qt.KeyboardModifier.ShiftModifier)
        places.append(canvas.scene.minimap_place())
    assert len(set(map(str, places))) == 4 and places[0] == places[4]
    QTest.keyClick(canvas, Qt.Key.Key_V)
    assert canvas.scene.minimap_place() is None
    assert not bench.window.actions_by_name["minimap"].isChecked()
    bench.work.finish()
    assert PreferenceStore(tmp_path / "user").now == Preferences(minimap=False)
    QTest.keyClick(canvas, Qt.Key.Key_V)
    assert canvas.scene.minimap_place() == places[0]


def test_its_own_menu_has_the_corners(bench: Bench) -> None:
    bench.window.canvas.minimap_menu_requested.emit(QPoint(5, 5))
    (menu,) = [m for m in bench.window.findChildren(QMenu) if m.isVisible()]
    assert texts(menu.actions()) == [
        "Show the minimap", "Top left", "Top right", "Bottom right", "Bottom left",
        "Forget what was seen",
    ]  # fmt: skip
    menu.actions()[1].trigger()
    assert bench.work.preferences.now.minimap_corner == "top-left"
    assert menu.actions()[1].isChecked() and not menu.actions()[3].isChecked()
    menu.close()
