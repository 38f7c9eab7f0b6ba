"""When two names that were written differently are the same name."""

from __future__ import annotations

import unicodedata


def composed(name: str) -> str:
    """The name with each accent and its letter as one sign, as most systems write it (NFC)."""
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    """What two names that look alike have in common.

    No capitals, no width, one kind of space and of dash, and no signs that are not seen.
    """
    plain = unicodedata.normalize("NFKC", name).casefold()
    kinds = ((sign, unicodedata.category(sign)) for sign in plain)
    seen = ("-" if kind == "Pd" else sign for sign, kind in kinds if kind != "Cf")
    return " ".join("".join(seen).split())
