"""Sizes in logical pixels, in proportion to the size of the system's letters."""

from __future__ import annotations

DRAWN_FOR_PX = 13  # the size of letters for which distances are written down
SMALLEST_PX, LARGEST_PX = 13, 26
_text_px = DRAWN_FOR_PX


def use_text_px(px: int) -> int:
    """Take the system's size of letters, within what the window is made for; returns it."""
    global _text_px
    _text_px = min(max(px, SMALLEST_PX), LARGEST_PX)
    return _text_px


def scaled(px: float) -> int:
    """A distance that holds text, written down for letters of DRAWN_FOR_PX."""
    return round(px * _text_px / DRAWN_FOR_PX)


def text_px() -> int:
    """The size of ordinary letters."""
    return _text_px


def small_px() -> int:
    """The size of letters of what stands beside or below."""
    return _text_px - 1


def sizes() -> dict[str, str]:
    """The sizes that the style sheet names, with their unit."""
    named = {"small": small_px(), "answer": scaled(15), "hero": scaled(22)}
    return {name: f"{px}px" for name, px in named.items()}
