"""A session as a file of its own, to lie beside its slide: what to write, and what was read.

The form is that of a snapshot (``records``, ``journal``): lines with checksums, among them one with
the key ``slide`` that says which slide the session is of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssmamba.errors import RoiError
from ssmamba.files import written_whole
from ssmamba.slides.slide import SlideInfo
from viewer.saving.contents import measured, read_all, regions_of
from viewer.saving.history import STEP
from viewer.saving.journal import END, FORMAT, HEAD, VERSION, snapshot_lines
from viewer.saving.records import json_of, read_lines
from viewer.saving.session import TAKEN_OVER, Session
from viewer.saving.slide_key import key_of
from viewer.text.tr import tr

ENDING = ".ssmsession"
SLIDE = "slide"  # key of the line that names it
LARGEST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class SessionFile:
    """A session, and the slide that it is of."""

    session: Session
    slide_name: str  # file name
    slide_key: str

    def is_of(self, info: SlideInfo) -> bool:
        return self.slide_key == key_of(info)


def lines_of(live: Mapping[str, bytes], info: SlideInfo) -> Iterable[bytes]:
    """The lines of a session's file: without steps to undo, which are nobody else's business."""
    slide = {"name": info.name, "key": key_of(info), "width": info.width, "height": info.height}
    kept = {k: data for k, data in live.items() if k != TAKEN_OVER and not k.startswith(STEP)}
    return snapshot_lines({SLIDE: json_of(slide), **kept})


def write_session_file(path: Path, live: Mapping[str, bytes], info: SlideInfo) -> None:
    """Write a session, whole or not at all. Raises OSError."""
    with written_whole(path) as partial, partial.open("wb") as file:
        file.writelines(lines_of(live, info))


def read_session_file(path: Path) -> SessionFile:
    """Read a session's file; what is damaged is left out and said. Raises RoiError."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise RoiError(
                tr("{path} is too large for a session; choose another file.").format(path=path)
            )
        found = read_lines(path.read_bytes())
    except OSError as error:
        text = tr("{path} cannot be read ({reason}); choose another file.")
        raise RoiError(text.format(path=path, reason=error.strerror)) from error
    live = dict(found.values)
    head, end = _json(live.pop(HEAD, b"")), live.pop(END, b"")
    slide = _json(live.pop(SLIDE, b""))
    version = head.get("version")
    ours = head.get("format") == FORMAT and isinstance(version, int) and version >= 1
    if not ours or not isinstance(slide.get("key"), str):
        text = tr("{path} is not a session of this program; choose another file.")
        raise RoiError(text.format(path=path))
    if version != VERSION:
        text = tr(
            "{path} was saved by a newer version of this program; update it to open the file."
        )
        raise RoiError(text.format(path=path))
    contents, odd = read_all(live)
    measured(regions_of(contents))
    warning = ""
    if found.damaged or odd or end != json_of(len(found.values) - 2):
        warning = tr("Part of {path} is damaged and was left out.").format(path=path)
    return SessionFile(Session(contents, warning), str(slide.get("name", "")), slide["key"])


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
