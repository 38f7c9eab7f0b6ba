"""When two names that were written differently are the same name, and what no name can be."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 255  # letters; no file or folder has more
# Control signs, halves of letters, ends of lines, and what turns the direction of all that follows.
_UNSHOWN = ("Cc", "Cs", "Zl", "Zp")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


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


def fault_of(name: str) -> str:
    """Why a name cannot be shown on one line, in a few words; "" where it can."""
    if len(name) > LONGEST_NAME:
        return f"{len(name)} letters, more than {LONGEST_NAME}"
    odd = next(filter(_is_unshown, name), "")
    return odd and f"a sign that cannot be shown, U+{ord(odd):04X}"


def shown(name: str) -> str:
    """A name without what cannot be shown on one line."""
    return "".join(" " if _is_unshown(sign) else sign for sign in name[:LONGEST_NAME]).strip()


def _is_unshown(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSHOWN or sign in _TURNING
