"""Every command is found by a few letters and run by the keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.viewer.conftest import Bench
from viewer.actions.table import ACTIONS
from viewer.window.command_palette import CommandPalette, plain, rank


@pytest.fixture
def palette(bench: Bench) -> CommandPalette:
    bench.window.actions_by_name["palette"].trigger()
    (made,) = bench.window.findChildren(CommandPalette)
    return made


def lines(palette: CommandPalette) -> list[str]:
    return [palette.list.item(row).text() for row in range(palette.list.count())]


def test_all_commands_are_listed_but_the_one_that_opens_the_list(palette: CommandPalette) -> None:
    runnable = [record for record in ACTIONS if record.submenu is None]
    assert len(lines(palette)) == len(runnable) - 1


def test_a_command_is_typed_chosen_and_run(bench: Bench, palette: CommandPalette) -> None:
    assert bench.window.canvas.tool() == "pan"
    QTest.keyClicks(palette.typed, "poly")
    assert lines(palette)[0].startswith("Edit: Polygon")
    QTest.keyClick(palette.typed, Qt.Key.Key_Return)
    assert bench.window.canvas.tool() == "polygon"
    assert not palette.isVisible()


def test_arrows_move_in_the_list_while_one_types(palette: CommandPalette) -> None:
    QTest.keyClicks(palette.typed, "zoom")
    QTest.keyClick(palette.typed, Qt.Key.Key_Down)
    assert palette.list.currentRow() == 1


def test_what_cannot_be_run_now_is_grey_and_not_run(bench: Bench, palette: CommandPalette) -> None:
    assert not bench.window.actions_by_name["stop"].isEnabled()
    QTest.keyClicks(palette.typed, "stop")
    item = next(
        palette.list.item(row)
        for row in range(palette.list.count())
        if palette.list.item(row).text() == "Model: Stop"
    )
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    palette._run(item)
    assert palette.isVisible()


@pytest.mark.parametrize(
    ("query", "text", "tip", "found"),
    [
        ("zo fi", "View: Zoom to fit", "", 0),
        ("oom", "View: Zoom to fit", "", 1),
        ("whole", "View: Zoom to fit", "Show the whole slide", 3),
        ("zebra", "View: Zoom to fit", "Show the whole slide", None),
        ("", "View: Zoom to fit", "", 0),
    ],
)
def test_beginnings_of_words_count_most(query: str, text: str, tip: str, found: int | None) -> None:
    assert rank(query, text, tip) == found


def test_marks_of_keys_are_not_shown_and_a_real_one_is() -> None:
    assert [plain(text) for text in ("&File", "1  H&&E", "R&&&D")] == ["File", "1  H&E", "R&D"]
