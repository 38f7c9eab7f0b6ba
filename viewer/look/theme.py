"""Style sheet, palette and fonts: the theme is the user's or the system's, letters are as large as
the system's."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

import resources
from viewer.look import icons, tokens
from viewer.look.sizes import sizes, use_text_px
from viewer.look.tokens import Tokens

STYLE_SHEET = resources.FOLDER / "style" / "viewer.qss"
SCHEMES = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}


def apply(app: QApplication) -> None:
    """Style the application, now and whenever the system's colour scheme changes."""
    app.setStyle("Fusion")
    _ensure_font()
    font = QFont(app.font())
    font.setPixelSize(use_text_px(QFontInfo(font).pixelSize()))
    app.setFont(font)
    restyle(app)
    app.styleHints().colorSchemeChanged.connect(lambda _scheme: restyle(app))


def choose(app: QApplication, theme: str) -> None:
    """Show one of ``tokens.THEMES`` from now on."""
    if theme == tokens.chosen():
        return
    tokens.choose(theme)
    # the system's own parts of our windows, such as title bars, where it can colour them
    app.styleHints().setColorScheme(SCHEMES.get(theme, Qt.ColorScheme.Unknown))
    restyle(app)


def restyle(app: QApplication) -> None:
    """Give every widget the colours of the theme in use, and every icon."""
    chosen = tokens.current()
    app.setPalette(_palette(chosen))
    colors = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    folder = (STYLE_SHEET.parent / ("dark" if tokens.is_dark() else "light")).as_posix()
    sheet = Template(STYLE_SHEET.read_text(encoding="utf-8"))
    app.setStyleSheet(sheet.substitute(colors, icons=folder, **sizes()))
    icons.refresh()


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
