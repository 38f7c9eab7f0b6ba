"""The colours of the light and the dark theme."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication


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


def current() -> Tokens:
    """The palette in use."""
    return DARK if is_dark() else LIGHT
