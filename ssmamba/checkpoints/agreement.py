"""Whether a person's class and a model's are the same."""

from __future__ import annotations

from collections.abc import Iterable

from ssmamba.checkpoints.card import ClassInfo
from ssmamba.names import folded


def class_named(name: str, classes: Iterable[ClassInfo]) -> ClassInfo | None:
    """The class with this name or key, however its letters and spaces are written."""
    wanted = folded(name)
    return next((c for c in classes if wanted in (folded(c.name), folded(c.key))), None)


def agreement(user_class: str, classes: Iterable[ClassInfo], predicted: str) -> bool | None:
    """Whether ``predicted``, the key of one of the ``classes``, is the person's class.

    None where that cannot be said: there is no ``user_class``, or the model does not know it, as
    "tumour" is neither right nor wrong beside a model that tells kinds of tumour apart.
    """
    own = class_named(user_class, classes) if user_class.strip() else None
    return None if own is None else own.key == predicted
