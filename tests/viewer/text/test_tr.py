"""A catalogue in the resources replaces the English texts, in the language that was chosen."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from babel.messages import Catalog
from babel.messages.mofile import write_mo

import resources
from ssmamba.errors import SlideError
from ssmamba.wording import without_stop, words
from viewer.text import tr as module
from viewer.text.tr import choose_language, decimal, language, tr, tr_n, translated

TEXTS = {
    "English": "Deutsch",
    "Zoom in": "Vergrößern",
    "{count} queued": "{count} warten",
    "{mpp:.2f} µm/px": "{mpp:.2f} µm/px",
    ("{count} slide", "{count} slides"): ("{count} Schnitt", "{count} Schnitte"),
    "{path} cannot be shown: {error}.": "{path} ist nicht darstellbar: {error}.",
    "it has {count} planes of {mpp:g} µm": "es hat {count} Ebenen von {mpp:g} µm",
    "This region is blurred.": "Diese Region ist unscharf.",
}
VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def write_catalogue(folder: Path, code: str, texts: dict) -> None:
    catalogue = Catalog(locale=code)
    for key, text in texts.items():
        catalogue.add(key, text)
    packed = io.BytesIO()
    write_mo(packed, catalogue)
    path = folder / "translations" / code / "LC_MESSAGES" / "viewer.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(packed.getvalue())


@pytest.fixture(autouse=True)
def two_languages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder with German and Brazilian Portuguese; the system asks for no language."""
    write_catalogue(tmp_path, "de", TEXTS)
    write_catalogue(tmp_path, "pt_BR", {"English": "português (Brasil)"})
    monkeypatch.setattr(resources, "FOLDER", tmp_path)
    monkeypatch.setattr(module, "LANGUAGES", module._languages())
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    choose_language("en")


def test_the_catalogues_in_the_folder_are_the_languages() -> None:
    assert module.LANGUAGES == {
        "en": "English",
        "de": "Deutsch",
        "pt_BR": "português (Brasil)",
    }


def test_texts_of_the_catalogue_replace_the_english_ones() -> None:
    choose_language("de")
    assert tr("Zoom in") == "Vergrößern"
    assert tr("{count} queued").format(count=3) == "3 warten"


def test_what_the_catalogue_lacks_stays_english() -> None:
    choose_language("de")
    assert tr("Zoom out") == "Zoom out"
    assert tr("") == ""  # gettext keeps the catalogue's own heading there


def test_a_count_chooses_the_form() -> None:
    forms = ("{count} slide", "{count} slides")
    for code, told in (("en", ["1 slide", "2 slides"]), ("de", ["1 Schnitt", "2 Schnitte"])):
        choose_language(code)
        assert [tr_n(*forms, n).format(count=n) for n in (1, 2)] == told


def test_numbers_take_the_decimal_sign_of_the_language() -> None:
    scale = "{mpp:.2f} µm/px"
    choose_language("en")
    assert tr(scale).format(mpp=0.25) == "0.25 µm/px"
    assert decimal("1,234.5") == "1\u202f234.5"
    choose_language("de")
    assert tr(scale).format(mpp=0.25) == "0,25 µm/px"
    assert tr(scale).format(mpp=np.float32(0.25)) == "0,25 µm/px"
    assert tr("{file} of {size:,}").format(file="v1.2", size=12345) == "v1.2 of 12\u202f345"
    assert decimal("1,234.5") == "1\u202f234,5"


@pytest.mark.parametrize(
    ("variables", "system", "shown"),
    [
        ({}, [], "en"),
        ({"LANG": "de_AT.UTF-8"}, [], "de"),
        ({"LANGUAGE": "fr:de"}, [], "de"),
        ({"LANGUAGE": "en_GB:de"}, [], "en"),
        ({"LANG": "pt_BR.UTF-8"}, [], "pt_BR"),
        ({"LC_ALL": "en_US.UTF-8", "LANG": "de_DE.UTF-8"}, ["de-DE"], "en"),
        ({"LANG": "C.UTF-8"}, ["de-AT", "en"], "de"),
        ({"LANG": "xx"}, [], "en"),
    ],
)
def test_without_a_choice_the_system_decides(
    variables: dict[str, str], system: list[str], shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    choose_language("", system)
    assert language() == shown


def test_a_choice_goes_before_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    choose_language("en")
    assert tr("Zoom in") == "Zoom in"
    choose_language("a language that is gone")
    assert tr("Zoom in") == "Vergrößern"


def test_what_the_models_say_is_put_together_anew() -> None:
    reason = words("it has {count} planes of {mpp:g} µm", count=2, mpp=0.5)
    error = SlideError("{path} cannot be shown: {error}.", path="a.tif", error=reason)
    choose_language("de")
    assert translated(str(error)) == "a.tif ist nicht darstellbar: es hat 2 Ebenen von 0,5 µm."
    choose_language("en")
    assert translated(str(error)) == "a.tif cannot be shown: it has 2 planes of 0.5 µm."


def test_a_note_is_found_without_its_parts_or_its_stop() -> None:
    choose_language("de")
    assert translated("This region is blurred.") == "Diese Region ist unscharf."
    assert translated(without_stop(words("This region is blurred."))) == "Diese Region ist unscharf"
    assert translated("of another program, Zoom") == "of another program, Zoom"
    assert translated("") == ""
