"""Icons drawn from our SVG files in the colours of the theme."""

from __future__ import annotations

import weakref
from functools import lru_cache
from typing import Protocol

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from shiboken6 import isValid

import resources
from viewer.look import tokens

FOLDER = resources.FOLDER / "icons"
INK = b"#000000"  # the stroke colour in the files
SIZES_PX = (18, 20, 36, 40)  # as used, and doubled for dense screens


class HasIcon(Protocol):
    """An action or a button."""

    def setIcon(self, icon: QIcon, /) -> None: ...


# An icon engine of our own would follow the theme by itself, but PySide6 6.11 crashes when Qt
# clones one that Python made; so icons are painted pixmaps, set again when the theme changes.
_shown: weakref.WeakKeyDictionary[HasIcon, tuple[str, str]] = weakref.WeakKeyDictionary()


def paint(painter: QPainter, name: str, rect: QRectF, color: str) -> None:
    """Draw an icon into a rectangle."""
    _renderer(name, color).render(painter, rect)


def icon(name: str, role: str = "text") -> QIcon:
    """An icon for the theme in use. role: field of ``Tokens`` that colours it."""
    chosen = tokens.current()
    return _icon(name, getattr(chosen, role), chosen.strong_border, chosen.accent)


def set_icon(target: HasIcon, name: str, role: str = "text") -> None:
    """Give an action or button an icon that follows the theme."""
    _shown[target] = (name, role)
    target.setIcon(icon(name, role))


def refresh() -> None:
    """Repaint all icons after a change of theme."""
    for target, (name, role) in list(_shown.items()):
        if isValid(target):
            target.setIcon(icon(name, role))


@lru_cache(maxsize=512)
def _icon(name: str, color: str, disabled: str, on: str) -> QIcon:
    made = QIcon()
    for size in SIZES_PX:
        for mode, state, ink in (
            (QIcon.Mode.Normal, QIcon.State.Off, color),
            (QIcon.Mode.Normal, QIcon.State.On, on),
            (QIcon.Mode.Disabled, QIcon.State.Off, disabled),
            (QIcon.Mode.Disabled, QIcon.State.On, disabled),
        ):
            made.addPixmap(_pixmap(name, ink, size), mode, state)
    return made


@lru_cache(maxsize=2048)
def _pixmap(name: str, color: str, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint(painter, name, QRectF(0, 0, size, size), color)
    painter.end()
    return pixmap


@lru_cache(maxsize=256)
def _renderer(name: str, color: str) -> QSvgRenderer:
    svg = (FOLDER / f"{name}.svg").read_bytes().replace(INK, color.encode())
    return QSvgRenderer(QByteArray(svg))
