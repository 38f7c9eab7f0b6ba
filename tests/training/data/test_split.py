"""A split keeps what belongs together, is stratified, and is the same every time."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
from hypothesis import given

from training.data.catalog import SPLITS, Item
from training.data.split import FRACTIONS, join_units, split_items


@st.composite
def catalogs(draw: st.DrawFn) -> list[Item]:
    count = draw(st.integers(1, 120))
    classes = draw(st.integers(1, 4))
    groups = draw(st.integers(0, 40))
    items = []
    for index in range(count):
        label = draw(st.integers(0, classes - 1))
        group = draw(st.integers(0, groups)) if groups else 0
        name = f"c{label}-g{group}" if group else ""
        items.append(Item(f"{index:03d}.png", f"c{label}", name))
    return items


@given(catalogs(), st.integers(0, 5))
def test_each_image_has_one_side_and_groups_stay_whole(items: list[Item], seed: int) -> None:
    sides = split_items(items, seed)
    assert sorted(i for members in sides.values() for i in members) == list(range(len(items)))
    side_of = {i: name for name, members in sides.items() for i in members}
    groups: dict[str, set[str]] = {}
    for index, item in enumerate(items):
        if item.group:
            groups.setdefault(item.group, set()).add(side_of[index])
    assert all(len(names) == 1 for names in groups.values())


@given(catalogs(), st.integers(0, 5))
def test_fractions_hold_in_each_class(items: list[Item], seed: int) -> None:
    """Each side is off by less than the class's largest group (plus one moved to an empty side)."""
    sides = split_items(items, seed)
    units = join_units(items)
    for label in {item.label for item in items}:
        sizes = [len(u.members) for u in units if u.label == label]
        total = sum(sizes)
        for name, fraction in zip(SPLITS, FRACTIONS, strict=True):
            got = sum(items[i].label == label for i in sides[name])
            assert abs(got - fraction * total) <= 2 * max(sizes)
            if len(sizes) >= 3:
                assert got > 0


@given(catalogs(), st.integers(0, 5))
def test_the_same_seed_gives_the_same_split(items: list[Item], seed: int) -> None:
    assert split_items(items, seed) == split_items(list(items), seed)


def test_other_seeds_give_other_splits() -> None:
    items = [Item(f"{i}.png", "a") for i in range(50)]
    assert split_items(items, 0)["test"] != split_items(items, 1)["test"]


def test_a_hundred_images_split_seven_one_two() -> None:
    items = [Item(f"{i}.png", "ab"[i % 2]) for i in range(100)]
    sides = split_items(items, 0)
    assert {name: len(members) for name, members in sides.items()} == {
        "train": 70,
        "val": 10,
        "test": 20,
    }
    assert Counter(items[i].label for i in sides["test"]) == {"a": 10, "b": 10}


def test_linked_images_join_groups() -> None:
    items = [Item("1", "a", "g"), Item("2", "a", "h"), Item("3", "a"), Item("4", "a")]
    joined = {unit.members for unit in join_units(items, [(1, 2), (0, 2)])}
    assert joined == {(0, 1, 2), (3,)}


def test_splits_of_the_manifest_win() -> None:
    items = [Item("1", "a", split="test"), Item("2", "a", split="train")]
    assert split_items(items, 0) == {"train": [1], "val": [], "test": [0]}
