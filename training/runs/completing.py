"""Cards of existing checkpoints, completed by what is known of their training images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ssmamba.checkpoints.card import Card, InputSpec, file_sha256, read_card
from ssmamba.checkpoints.card_ranges import check_ranges
from ssmamba.checkpoints.rewrite import write_card
from ssmamba.errors import DataError
from training.config import CardConfig
from training.data.describe import bundled_description, read_description

FIELDS = ("picture", "field_um", "magnification", "published_px")


def complete_cards(config: CardConfig) -> dict[Path, dict[str, Any]]:
    """Write what is known into each card; returns what changed, by file.

    A file changes its sha256 with its card, so parents come first, and the cards of those that
    started from them follow. All cards are read and checked before any is written. Raises
    CheckpointError or DataError.
    """
    cards = {path: read_card(path) for path in dict.fromkeys(config.checkpoints)}
    specs = {path: _completed(card, config, path) for path, card in cards.items()}
    waiting = {path: file_sha256(path) for path in cards}
    renamed: dict[str, str] = {}  # sha256 before -> after
    changed: dict[Path, dict[str, Any]] = {}
    while waiting:
        unwritten = set(waiting.values())
        free = [p for p in waiting if cards[p].parent_sha256 not in unwritten - {waiting[p]}]
        for path in free or list(waiting):
            before, card = waiting.pop(path), cards[path]
            parent = renamed.get(card.parent_sha256 or "", card.parent_sha256)
            new = card.with_(input=specs[path], parent_sha256=parent)
            changed[path] = _differences(card, new)
            if changed[path]:
                write_card(path, new)
            renamed[before] = file_sha256(path)
    return {path: changed[path] for path in cards}


def _completed(card: Card, config: CardConfig, path: Path) -> InputSpec:
    keys = tuple(info.key for info in card.classes)
    info = bundled_description(keys) if keys else None
    if config.dataset_info is not None:
        info = read_description(config.dataset_info, keys)
    known = {} if info is None else {name: getattr(info, name) for name in FIELDS}
    given = {name: getattr(config, name) for name in FIELDS}
    values = {n: v for n, v in (known | {n: v for n, v in given.items() if v is not None}).items()
              if v is not None}  # fmt: skip
    spec = replace(card.input, **values)
    try:
        check_ranges(card.with_(input=spec))
    except ValueError as error:
        raise DataError(f"{path}: {error}; give another value, or leave it out.") from error
    return spec


def _differences(old: Card, new: Card) -> dict[str, Any]:
    found = {name: getattr(new.input, name) for name in FIELDS
             if getattr(new.input, name) != getattr(old.input, name)}  # fmt: skip
    if old.parent_sha256 != new.parent_sha256:
        found["parent_sha256"] = new.parent_sha256
    return found
