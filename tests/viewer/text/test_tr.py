"""A catalogue in the resources replaces the English texts where the system asks for it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

import resources
from viewer.text import tr as module
from viewer.text.tr import tr


def write_catalogue(path: Path, texts: dict[str, str]) -> None:
    """GNU gettext's binary format: a table of keys, a table of texts, then the bytes of both."""
    texts = {"": "Content-Type: text/plain; charset=UTF-8\n", **texts}
    pairs = sorted((k.encode(), v.encode()) for k, v in texts.items())
    keys_at, texts_at = 28, 28 + 8 * len(pairs)
    at = texts_at + 8 * len(pairs)
    tables: list[bytes] = []
    for column in zip(*pairs, strict=True):
        for word in column:
            tables.append(struct.pack("<2I", len(word), at))
            at += len(word) + 1
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), keys_at, texts_at, 0, 0)
    words = b"".join(word + b"\0" for column in zip(*pairs, strict=True) for word in column)
    path.parent.mkdir(parents=True)
    path.write_bytes(head + b"".join(tables) + words)


@pytest.fixture
def german(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The system's language is German, and there is a catalogue with two texts."""
    write_catalogue(
        tmp_path / "translations" / "de" / "LC_MESSAGES" / "viewer.mo",
        {"Zoom in": "Vergrößern", "{count} queued": "{count} warten"},
    )
    monkeypatch.setattr(resources, "FOLDER", tmp_path)
    monkeypatch.setenv("LANGUAGE", "de_AT:en")
    module._catalogue.cache_clear()
    yield
    module._catalogue.cache_clear()


def test_texts_of_the_catalogue_replace_the_english_ones(german: None) -> None:
    assert tr("Zoom in") == "Vergrößern"
    assert tr("{count} queued").format(count=3) == "3 warten"


def test_what_the_catalogue_lacks_stays_english(german: None) -> None:
    assert tr("Zoom out") == "Zoom out"
    assert tr("") == ""  # gettext keeps the catalogue's own heading there


def test_without_a_catalogue_everything_is_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "xx")
    module._catalogue.cache_clear()
    assert tr("Zoom in") == "Zoom in"
    module._catalogue.cache_clear()
