"""When two names that were written differently are the same name."""

from __future__ import annotations

import unicodedata


def composed(name: str) -> str:
    """The name with each accent and its letter as one sign, as most systems write it (NFC)."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """What two names that look alike have in common: no capitals, no width, one kind of space."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
