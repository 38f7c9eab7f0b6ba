"""Links of slides on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.viewer.state.test_planning import INFO
from viewer.saving.journal import Journal
from viewer.saving.link_store import NAME, LinkStore
from viewer.saving.slide_key import key_of
from viewer.state.slide_link import Pair, SlideLink

OTHER = replace(INFO, path="/elsewhere/other.svs", name="other.svs", quick_hash="another")
LINK = SlideLink((Pair((1.5, 2), (3, 4)), Pair((50, 60), (70, 80.25))), on=False, turn=0.25)


def test_a_link_comes_back_from_either_slide_also_when_files_have_moved(tmp_path: Path) -> None:
    assert LinkStore(tmp_path).load(INFO, OTHER) is None
    LinkStore(tmp_path).save(INFO, OTHER, LINK)
    moved = replace(INFO, path="/new/place.svs")
    assert LinkStore(tmp_path).load(moved, OTHER) == LINK
    assert LinkStore(tmp_path).load(OTHER, INFO) == LINK.reversed
    LinkStore(tmp_path).save(OTHER, INFO, SlideLink())
    assert LinkStore(tmp_path).load(INFO, OTHER) == SlideLink()


@pytest.mark.parametrize(
    "data", [b"[1]", b'{"pairs": [[1]]}', b'{"turn": 1e999}', b'{"turn": "a"}']
)
def test_what_cannot_be_is_no_link(tmp_path: Path, data: bytes) -> None:
    journal = Journal(tmp_path, NAME)
    with journal.locked():
        journal.sync()
        journal.append({"-".join(sorted((key_of(INFO), key_of(OTHER)))): data})
    assert LinkStore(tmp_path).load(INFO, OTHER) is None
