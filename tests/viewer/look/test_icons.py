"""Icons follow the theme and outlive Qt's copies of them."""

from __future__ import annotations

import gc

import pytest
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from viewer.look import icons, tokens


def colors(icon: QIcon, mode: QIcon.Mode = QIcon.Mode.Normal) -> set[str]:
    """The opaque colours of an icon."""
    image = icon.pixmap(20, 20, mode).toImage()
    found = (image.pixelColor(x, y) for x in range(20) for y in range(20))
    return {color.name() for color in found if color.alpha() == 255}


def test_an_icon_takes_the_colours_of_the_theme(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    button = QToolButton()
    qtbot.addWidget(button)
    monkeypatch.setattr(tokens, "is_dark", lambda: False)
    icons.set_icon(button, "open")
    assert tokens.LIGHT.text in colors(button.icon())
    assert tokens.LIGHT.strong_border in colors(button.icon(), QIcon.Mode.Disabled)
    monkeypatch.setattr(tokens, "is_dark", lambda: True)
    icons.refresh()
    assert tokens.DARK.text in colors(button.icon())


def test_a_deleted_button_does_not_stop_the_others(qtbot: QtBot) -> None:
    from shiboken6 import delete

    gone, kept = QToolButton(), QToolButton()
    qtbot.addWidget(kept)
    for button in (gone, kept):
        icons.set_icon(button, "fit")
    delete(gone)
    icons.refresh()
    assert not kept.icon().isNull()


def test_copies_of_an_icon_survive_it(qtbot: QtBot) -> None:
    for _ in range(50):
        made = icons.icon("eye")
        copy = QIcon(made)
        copy.addPixmap(QPixmap(4, 4))  # the copy becomes an icon of its own
        del made
        gc.collect(0)
        assert not copy.pixmap(18, 18).isNull()
