"""Caps, balance, and splits of groups with several classes."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from training.data.catalog import SPLITS
from training.prepare.annotated.choose import Caps, choose_windows, even_shares
from training.prepare.annotated.split import split_groups

SLIDES = {
    "a": ["t"] * 50 + ["s"] * 4,
    "b": ["s"] * 30 + ["t"] * 10,
    "c": ["t"] * 3,
}


def counted(chosen: dict[str, list[int]]) -> dict[str, Counter[str]]:
    return {slide: Counter(SLIDES[slide][i] for i in at) for slide, at in chosen.items()}


def test_without_caps_every_window_is_taken() -> None:
    chosen = choose_windows(SLIDES, Caps(0, 0, 0, 1))
    assert {s: len(at) for s, at in chosen.items()} == {s: len(at) for s, at in SLIDES.items()}


def test_caps_spread_over_the_slides() -> None:
    assert counted(choose_windows(SLIDES, Caps(5, 0, 0, 1))) == {
        "a": Counter(t=5, s=4), "b": Counter(s=5, t=5), "c": Counter(t=3),
    }  # fmt: skip
    assert counted(choose_windows(SLIDES, Caps(0, 15, 0, 1))) == {
        "a": Counter(t=6, s=4), "b": Counter(s=11, t=6), "c": Counter(t=3),
    }  # fmt: skip
    total = sum(counted(choose_windows(SLIDES, Caps(0, 0, 1.5, 1))).values(), Counter())
    assert total == Counter(s=34, t=51)


def test_a_choice_hangs_on_the_seed_and_on_no_other_slide() -> None:
    caps = Caps(5, 0, 0, 1)
    alone = choose_windows({"a": SLIDES["a"]}, caps)["a"]
    assert alone == choose_windows(SLIDES, caps)["a"] == choose_windows(SLIDES, caps)["a"]
    assert alone != choose_windows(SLIDES, Caps(5, 0, 0, 2))["a"]


@pytest.mark.parametrize("seed", range(30))
def test_even_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    there = rng.integers(0, 20, 6).tolist()
    most = int(rng.integers(0, 90))
    shares = even_shares(there, most)
    assert sum(shares) == min(most, sum(there))
    assert all(share <= have for share, have in zip(shares, there, strict=True))
    full = max(shares)
    assert all(s == have or s >= full - 1 for s, have in zip(shares, there, strict=True))


@pytest.mark.parametrize("groups", [3, 5, 12, 60])
def test_every_class_is_split_although_groups_hold_several(groups: int) -> None:
    rng = np.random.default_rng(groups)
    counts = {
        f"g{n}": {"t": int(rng.integers(1, 40)), "s": int(rng.integers(1, 40))}
        for n in range(groups)
    }
    for n in range(groups // 4):
        del counts[f"g{n}"]["s"]
    sides = split_groups(counts, 0)
    assert sides == split_groups(counts, 0) and set(sides) == set(counts)
    for name in ("t", "s"):
        total = sum(count.get(name, 0) for count in counts.values())
        shares = [
            sum(counts[g].get(name, 0) for g in counts if sides[g] == side) / total
            for side in SPLITS
        ]
        assert min(shares) > 0
        if groups >= 12:
            assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.08)
