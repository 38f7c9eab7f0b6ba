"""Style sheet, palette and fonts; light and dark follow the system."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from string import Template

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

import resources
from viewer.look import tokens
from viewer.look.tokens import Tokens

STYLE_SHEET = resources.FOLDER / "style" / "viewer.qss"
TEXT_PX = 13


def apply(app: QApplication) -> None:
    """Style the application for the system's colour scheme, now and whenever it changes."""
    app.setStyle("Fusion")
    _ensure_font()
    font = QFont(app.font())
    font.setPixelSize(TEXT_PX)
    app.setFont(font)
    restyle(app)
    app.styleHints().colorSchemeChanged.connect(lambda _scheme: restyle(app))


def restyle(app: QApplication) -> None:
    chosen = tokens.current()
    app.setPalette(_palette(chosen))
    colors = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    icons = (STYLE_SHEET.parent / ("dark" if tokens.is_dark() else "light")).as_posix()
    app.setStyleSheet(
        Template(STYLE_SHEET.read_text(encoding="utf-8")).substitute(colors, icons=icons)
    )


def _palette(chosen: Tokens) -> QPalette:
    role = QPalette.ColorRole
    colors = {
        role.Window: chosen.window,
        role.WindowText: chosen.text,
        role.Base: chosen.raised,
        role.AlternateBase: chosen.surface,
        role.Text: chosen.text,
        role.Button: chosen.surface,
        role.ButtonText: chosen.text,
        role.BrightText: chosen.error,
        role.ToolTipBase: chosen.raised,
        role.ToolTipText: chosen.text,
        role.PlaceholderText: chosen.muted,
        role.Highlight: chosen.accent,
        role.HighlightedText: chosen.on_accent,
        role.Link: chosen.accent,
        role.LinkVisited: chosen.accent,
        role.Mid: chosen.border,
    }
    palette = QPalette()
    for name, value in colors.items():
        palette.setColor(name, QColor(value))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(chosen.strong_border))
    return palette


def _ensure_font() -> None:
    """Without a system font every letter is a box: use matplotlib's DejaVu if installed."""
    if QFontDatabase.families():
        return
    from importlib.util import find_spec

    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
        number = QFontDatabase.addApplicationFont(str(folder / name))
        if number >= 0:
            families = QFontDatabase.applicationFontFamilies(number)
            QApplication.setFont(QFont(families[0]))
