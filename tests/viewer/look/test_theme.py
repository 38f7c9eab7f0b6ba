"""The whole window follows the theme, also what is made after it changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields

import pytest
from PySide6.QtWidgets import QApplication

from tests.viewer.conftest import Bench, Heartbeat
from viewer.canvas import ViewState
from viewer.look import theme, tokens


@pytest.fixture
def change_to(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, heartbeat: Heartbeat
) -> Iterator[Callable[[bool], None]]:
    """Changes the system's colour scheme (True: dark)."""

    def change(dark: bool) -> None:
        monkeypatch.setattr(tokens, "is_dark", lambda: dark)
        theme.restyle(qapp)
        heartbeat.reset()  # every widget is styled again, which nobody does while panning

    yield change
    change(False)


def beside_the_slide(bench: Bench) -> set[str]:
    """The colour of the slide's view and of each cell of the comparison, off the slide."""
    canvases = [bench.window.canvas, *(c.canvas for c in bench.window.compare.cells.values())]
    for canvas in canvases:
        canvas.set_view_state(ViewState(-1e6, -1e6, 1.0))
    images = (canvas.grab().toImage() for canvas in canvases)
    return {image.pixelColor(image.width() // 2, 4).name() for image in images}


def test_cells_of_the_comparison_made_in_the_dark_theme_are_dark(
    change_to: Callable[[bool], None], bench: Bench
) -> None:
    change_to(True)
    second = bench.work.library.in_use[1].path
    bench.work.library.set_in_use(second, False)
    bench.work.library.set_in_use(second, True)
    assert len(bench.window.compare.cells) == 3
    assert beside_the_slide(bench) == {tokens.DARK.canvas}


def test_every_view_follows_when_the_theme_changes(
    change_to: Callable[[bool], None], bench: Bench
) -> None:
    assert beside_the_slide(bench) == {tokens.LIGHT.canvas}
    change_to(True)
    assert beside_the_slide(bench) == {tokens.DARK.canvas}
    change_to(False)
    assert beside_the_slide(bench) == {tokens.LIGHT.canvas}


def test_the_dark_theme_has_a_colour_of_its_own_for_everything() -> None:
    """One that is forgotten would be the light theme's."""
    forgotten = [
        field.name
        for field in fields(tokens.Tokens)
        if getattr(tokens.DARK, field.name) == getattr(tokens.LIGHT, field.name)
    ]
    assert not forgotten
