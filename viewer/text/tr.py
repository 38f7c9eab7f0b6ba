"""The viewer's texts in the user's language.

The English text is the key. A catalogue ``resources/translations/LANGUAGE/LC_MESSAGES/viewer.mo``
replaces it where the environment (LANGUAGE, LC_ALL, LC_MESSAGES, LANG) asks for that language. To
make one: ``xgettext --keyword=tr -o viewer.po $(find viewer -name '*.py')``, translate, ``msgfmt``.
"""

from __future__ import annotations

import gettext
from functools import cache

import resources


def tr(text: str) -> str:
    """``text``, a literal, in the user's language. Fill in values afterwards:
    ``tr("{count} queued").format(count=3)``."""
    return _catalogue().gettext(text) if text else text  # "" is the catalogue's own heading


@cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("viewer", resources.FOLDER / "translations", fallback=True)
