"""Every text of the window has a translation, with the same values in it."""

from __future__ import annotations

import io
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import resources
import ssmamba
import viewer
from ssmamba import errors

FOLDER = resources.FOLDER / "translations"
CODES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
# Functions and errors that take a text, as in resources/translations/update.sh
ERRORS = [
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and kind.__module__ == errors.__name__
]
KEYWORDS: dict = {
    "tr": None, "tr_n": (1, 2), "gettext": None, "words": None, "UnreadableImage": None,
    **dict.fromkeys(ERRORS),
}  # fmt: skip
UNSEEN = {"headless", "generated"}  # of ssmamba: the commands' own texts, which are English


def file_of(code: str, ending: str) -> Path:
    return FOLDER / code / "LC_MESSAGES" / f"viewer.{ending}"


@pytest.fixture(scope="module", params=CODES)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    with file_of(request.param, "po").open("rb") as file:
        return read_po(file, locale=request.param)


@pytest.fixture(scope="module")
def texts() -> Catalog:
    """What the sources ask for."""
    found = Catalog()
    for package in (viewer, ssmamba):
        root = Path(package.__file__).parent
        rows = extract_from_dir(
            root, keywords=KEYWORDS, directory_filter=lambda path: Path(path).name not in UNSEEN
        )
        for _file, _line, key, _comments, _context in rows:
            found.add(key)
    return found


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """(English, translation) of each form."""
    if isinstance(message.id, str):
        yield message.id, str(message.string)
    else:
        singular, plural = message.id
        yield from ((singular if n == 0 else plural, text) for n, text in enumerate(message.string))


def fields(text: str) -> set[tuple[str, str]]:
    """Names of the values, and how each is written."""
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name}


def wrong(message: Message) -> list[str]:
    """What is wrong with a translation."""
    found = ["not sure of itself (fuzzy)"] if message.fuzzy else []
    for english, text in forms(message):
        if not text.strip():
            found.append(f"not translated: {english!r}")
        elif not fields(text) <= fields(english) or (
            isinstance(message.id, str) and fields(text) != fields(english)
        ):
            found.append(f"other values than {english!r}: {text!r}")
        elif english.endswith("…") != text.endswith("…") or english.count("…") != text.count("…"):
            found.append(f"an ellipsis too many or too few: {text!r}")
        elif english.count("&") != text.count("&"):
            found.append(f"an underlined letter too many or too few: {text!r}")
        elif english[:1] == " " != text[:1]:
            found.append(f"no space before it: {text!r}")
    return found


def test_there_is_a_language_beside_english() -> None:
    assert "de" in CODES


def test_every_text_is_translated(catalogue: Catalog, texts: Catalog) -> None:
    known = {message.id for message in catalogue}
    assert [message.id for message in texts if message.id not in known] == []


def test_translations_are_whole(catalogue: Catalog) -> None:
    assert [line for message in catalogue if message.id for line in wrong(message)] == []


def test_no_translation_is_left_of_a_text_that_is_gone(catalogue: Catalog, texts: Catalog) -> None:
    asked = {message.id for message in texts}
    assert [message.id for message in catalogue if message.id not in asked] == []


def test_menus_have_letters_of_their_own(catalogue: Catalog) -> None:
    menus = [text for message in catalogue for _, text in forms(message) if "&" in text]
    letters = [text[text.index("&") + 1].casefold() for text in menus]
    assert len(letters) > 3
    assert len(set(letters)) == len(letters)


def test_the_packed_file_is_that_of_the_texts(catalogue: Catalog) -> None:
    packed = io.BytesIO()
    write_mo(packed, catalogue)
    file = file_of(str(catalogue.locale), "mo")
    assert file.read_bytes() == packed.getvalue(), "run pybabel compile (docs/developing.md)"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("Open", ""),
        ("Open {name}", "Öffnen"),
        ("Open {name}", "{nahme} öffnen"),
        ("{mpp:.2f} µm", "{mpp} µm"),
        ("Open…", "Öffnen"),
        ("&File", "Datei"),
        (" {count} left", "{count} übrig"),
        (("{count} slide", "{count} slides"), ("{count} Schnitt", "")),
    ],
)
def test_a_translation_that_is_wrong_is_found(key: str, text: str) -> None:
    assert wrong(Message(key, text))


def test_a_translation_that_is_right_is_left_alone() -> None:
    assert wrong(Message("Open {name}…", "{name} öffnen…")) == []
    assert (
        wrong(Message(("One slide", "{count} slides"), ("Ein Schnitt", "{count} Schnitte"))) == []
    )
