"""Colours, style sheet and fonts; light and dark follow the system."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from string import Template

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

import resources

STYLE_SHEET = resources.FOLDER / "style" / "viewer.qss"
TEXT_PX = 13


@dataclass(frozen=True)
class Tokens:
    """The palette of one theme; the style sheet names these fields."""

    window: str
    surface: str  # panels, inputs
    raised: str  # cards
    hover: str
    border: str
    strong_border: str
    text: str
    muted: str
    accent: str
    accent_soft: str
    on_accent: str
    warning: str
    warning_soft: str
    error: str
    error_soft: str
    canvas: str
    track: str  # empty part of bars and sliders


LIGHT = Tokens(
    window="#f3f4f6",
    surface="#fbfbfc",
    raised="#ffffff",
    hover="#eceef2",
    border="#e1e4e9",
    strong_border="#c6cbd3",
    text="#1b1f26",
    muted="#5a6370",
    accent="#245fc4",
    accent_soft="#e6eefb",
    on_accent="#ffffff",
    warning="#8a5a00",
    warning_soft="#fdf3da",
    error="#b3261e",
    error_soft="#fcebea",
    canvas="#e9eaec",
    track="#e6e8ec",
)
DARK = Tokens(
    window="#191b1f",
    surface="#1f2227",
    raised="#262a30",
    hover="#2e333b",
    border="#33383f",
    strong_border="#4b525d",
    text="#e7e9ed",
    muted="#a0a8b4",
    accent="#7aa8ff",
    accent_soft="#27364f",
    on_accent="#0f1722",
    warning="#e8b84b",
    warning_soft="#3a311b",
    error="#ff8f86",
    error_soft="#452523",
    canvas="#121316",
    track="#363b43",
)


def is_dark() -> bool:
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def tokens() -> Tokens:
    """The palette in use."""
    return DARK if is_dark() else LIGHT


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
    chosen = tokens()
    app.setPalette(_palette(chosen))
    colors = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    icons = (STYLE_SHEET.parent / ("dark" if is_dark() else "light")).as_posix()
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
    """Without a system font every letter is a box; matplotlib, if it is there, brings DejaVu."""
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
