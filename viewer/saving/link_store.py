"""The links between pairs of slides, as one journal in the user's folder."""

from __future__ import annotations

import json
import threading
from math import isfinite
from pathlib import Path

from ssmamba.slides.slide import SlideInfo
from viewer.saving.contents import FARTHEST_PX
from viewer.saving.journal import Journal
from viewer.saving.packing import from_json, to_json
from viewer.saving.records import json_of
from viewer.saving.slide_key import key_of
from viewer.state.slide_link import SlideLink

NAME = "links"  # of the journal


class LinkStore:
    """Links by the contents of their two slides, in either direction; safe from any thread."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder, NAME)
        self._lock = threading.Lock()

    def load(self, here: SlideInfo, there: SlideInfo) -> SlideLink | None:
        """None where none was saved, or it cannot be. Raises OSError."""
        key, swapped = _key(here, there)
        with self._lock:
            self._journal.sync()
            data = self._journal.live.get(key)
        try:
            link = None if data is None else _checked(from_json(SlideLink, json.loads(data)))
        except (ValueError, RecursionError):
            return None
        return link.reversed if link is not None and swapped else link

    def save(self, here: SlideInfo, there: SlideInfo, link: SlideLink) -> None:
        """Put a link on disk. Raises OSError."""
        key, swapped = _key(here, there)
        kept = link.reversed if swapped else link
        with self._lock, self._journal.locked():
            self._journal.sync()
            self._journal.append({key: json_of(to_json(kept))})


def _key(here: SlideInfo, there: SlideInfo) -> tuple[str, bool]:
    """The name of a pair of slides, and whether it is kept the other way round."""
    first, second = sorted((key_of(here), key_of(there)))
    return f"{first}-{second}", key_of(here) != first


def _checked(link: SlideLink) -> SlideLink:
    """Raises ValueError for places that no slide has."""
    numbers = [v for pair in link.pairs for v in (*pair.here, *pair.there)]
    if not all(isfinite(v) and abs(v) < FARTHEST_PX for v in (*numbers, link.turn)):
        raise ValueError("a place that no slide has")
    return link
