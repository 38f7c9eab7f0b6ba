"""The colours of the light and the dark theme."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication


@dataclass(frozen=True)
class Tokens:
    """The palette of one theme, light by default; the style sheet names these fields."""

    window: str = "#f3f4f6"
    surface: str = "#fbfbfc"  # panels, inputs
    raised: str = "#ffffff"  # cards
    hover: str = "#eceef2"
    border: str = "#e1e4e9"
    strong_border: str = "#c6cbd3"
    text: str = "#1b1f26"
    muted: str = "#5a6370"
    accent: str = "#245fc4"
    accent_soft: str = "#e6eefb"
    on_accent: str = "#ffffff"
    warning: str = "#8a5a00"
    warning_soft: str = "#fdf3da"
    agree: str = "#1d7a46"
    error: str = "#b3261e"
    error_soft: str = "#fcebea"
    canvas: str = "#e9eaec"
    track: str = "#e6e8ec"  # empty part of bars and sliders


LIGHT = Tokens()
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
    agree="#6fd19b",
    error="#ff8f86",
    error_soft="#452523",
    canvas="#121316",
    track="#363b43",
)


SYSTEM, LIGHT_THEME, DARK_THEME = THEMES = ("system", "light", "dark")
_chosen = SYSTEM


def choose(theme: str) -> None:
    """Take one of THEMES from now on; ``theme.restyle`` shows it. Another name is the system's."""
    global _chosen
    _chosen = theme if theme in THEMES else SYSTEM


def chosen() -> str:
    """The one of THEMES that was chosen."""
    return _chosen


def is_dark() -> bool:
    """Whether the dark theme is in use: the user's choice, else as the system has it."""
    if _chosen != SYSTEM:
        return _chosen == DARK_THEME
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


def current() -> Tokens:
    """The palette in use."""
    return DARK if is_dark() else LIGHT
