"""Whether the classes of a card can be told apart, and names as they can be shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ssmamba.names import fault_of, folded, shown

if TYPE_CHECKING:
    from ssmamba.checkpoints.card import Card, ClassInfo


def check_keys(card: Card) -> None:
    """Raise ValueError that names the first key of a class that cannot be."""
    keys: dict[str, str] = {}  # by what those that look alike have in common
    for at, info in enumerate(card.classes):
        plain, fault = folded(info.key), fault_of(info.key)
        if not plain:
            raise ValueError(f"classes[{at}].key is empty")
        if fault:
            raise ValueError(f"classes[{at}].key has {fault}")
        like = keys.setdefault(plain, info.key)
        if like != info.key:
            raise ValueError(f"the keys of two classes look alike, '{like}' and '{info.key}'")
    twice = Counter(info.key for info in card.classes).most_common(1)
    if twice and twice[0][1] > 1:
        raise ValueError(f"two classes have the key '{twice[0][0]}'")


def with_plain_names(card: Card) -> Card:
    """The card with names that fit on a line; those of classes are never empty, and differ."""
    spec = replace(card.input, stain=shown(card.input.stain), tissue=shown(card.input.tissue))
    return replace(card, name=shown(card.name), classes=_told_apart(card.classes), input=spec)


def _told_apart(classes: tuple[ClassInfo, ...]) -> tuple[ClassInfo, ...]:
    """Classes whose names look alike have their keys beside them."""
    names = [shown(info.name) for info in classes]
    names = [name if folded(name) else info.key for name, info in zip(names, classes, strict=True)]
    times = Counter(map(folded, names))
    return tuple(
        replace(info, name=name if times[folded(name)] == 1 else f"{name} ({info.key})")
        for name, info in zip(names, classes, strict=True)
    )
