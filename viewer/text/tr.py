"""The viewer's texts in the user's language.

The English text is the key. ``resources/translations/LANGUAGE/LC_MESSAGES/viewer.mo`` replaces it;
docs/developing.md says how a catalogue is made and kept. Many texts are asked for while modules are
imported: call ``choose_language`` before importing the rest of the viewer.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from string import Formatter

import resources
from ssmamba.wording import Words

ENGLISH = "en"


def _languages() -> dict[str, str]:
    """Every language there is a catalogue for: its code, and what it calls itself."""
    files = sorted(_folder().glob("*/LC_MESSAGES/viewer.mo"))
    codes = [ENGLISH, *(file.parents[1].name for file in files)]
    # Translators: your language's own name, as "Deutsch"
    return {code: _read(code).gettext("English") for code in codes}


def _folder() -> Path:
    return resources.FOLDER / "translations"


def _read(code: str) -> gettext.NullTranslations:
    return gettext.translation("viewer", _folder(), [code], fallback=True)


def choose_language(code: str = "", system: Iterable[str] = ()) -> None:
    """Show all texts in the language ``code``; "" takes the system's.

    The system's is what the environment asks for (LANGUAGE, LC_ALL, LC_MESSAGES, LANG), else the
    first known one of ``system``: what the desktop prefers, as "de-AT", best first. English
    where no catalogue fits.
    """
    global _language, _catalogue
    _language = code if code in LANGUAGES else _first_known((*_environment(), *system))
    _catalogue = gettext.NullTranslations() if _language == ENGLISH else _read(_language)


def _environment() -> list[str]:
    """The languages that the environment asks for, best first; "C" asks for none."""
    variables = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    asked = next((value for name in variables if (value := os.environ.get(name))), "")
    return [name for name in asked.split(":") if name.split(".")[0] not in ("", "C", "POSIX")]


def _first_known(asked: Iterable[str]) -> str:
    """The first of "de_AT.UTF-8", "de-AT", "de" that there is a catalogue for; else English."""
    for name in asked:
        code = name.replace("-", "_").split(".")[0].split("@")[0]
        for known in (code, code.split("_")[0]):
            if known in LANGUAGES:
                return known
    return ENGLISH


def language() -> str:
    """The code of the language that is shown."""
    return _language


def tr(text: str) -> str:
    """``text``, a literal, in the user's language. Fill in values afterwards:
    ``tr("{count} queued").format(count=3)``; numbers take the language's decimal sign."""
    return _filled(_catalogue.gettext(text)) if text else text  # "" is the catalogue's heading


def tr_n(singular: str, plural: str, count: int) -> str:
    """The form, of two literals, that goes with ``count``, in the user's language:
    ``tr_n("{count} region", "{count} regions", n).format(count=n)``."""
    return _filled(_catalogue.ngettext(singular, plural, count))


def translated(text: str) -> str:
    """What ``ssmamba`` says, in the user's language; anything else stays as it is.

    Its ``Words`` know the text before its values were filled in; a text without values is found as
    it stands, with or without its full stop.
    """
    template, values = (text.template, text.values) if isinstance(text, Words) else (text, {})
    found = _known(template)
    if found is None:
        return text
    told = {name: translated(v) if isinstance(v, Words) else v for name, v in values.items()}
    return _Template(found).format(**told) if values else found


def _known(template: str) -> str | None:
    """A translation; None where there is none, as in English."""
    for end in ("", "."):
        key = template + end
        if key.strip() and (found := _catalogue.gettext(key)) != key:
            return found.removesuffix(end)
    return None


def decimal(number: str) -> str:
    """ "1,234.5" in the language's signs; for the screen and for paper, never for a table."""
    number = number.replace(",", "\u202f")  # as formats.whole
    return number if _language == ENGLISH else number.replace(".", ",")


class _Template(str):
    """A text whose ``format`` writes numbers as the language does."""

    __slots__ = ()

    def format(self, *args: object, **values: object) -> str:
        return _Numbers().vformat(self, args, values)


class _Numbers(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        told = format(value, format_spec)  # type: ignore[arg-type]
        return decimal(told) if isinstance(value, Real) else told


def _filled(text: str) -> str:
    return text if _language == ENGLISH else _Template(text)


LANGUAGES = _languages()  # "" (the system's) is none of them
_language = ENGLISH
_catalogue = gettext.NullTranslations()
choose_language()
