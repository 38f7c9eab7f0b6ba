"""The tile cache never grows beyond its bytes and forgets the right things."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ssmamba.slides.byte_lru import ByteLru

KEYS = st.integers(0, 9)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.integers(1, 40)),
        st.tuples(st.just("pin"), KEYS, st.integers(1, 40)),
        st.tuples(st.just("get"), KEYS, st.just(0)),
    ),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_bytes_are_those_of_what_is_held_and_stay_in_bounds(
    actions: list[tuple[str, int, int]],
) -> None:
    cache: ByteLru[int, int] = ByteLru(100)
    sizes: dict[int, int] = {}
    pinned: set[int] = set()
    for action, key, size in actions:
        if action == "get":
            value = cache.get(key)
            assert value is None or value == sizes[key]
            continue
        pinned |= {key} if action == "pin" else set()
        sizes[key] = size
        cache.put(key, size, size, pinned=action == "pin")
        assert key in cache  # what was put last is always there
        held = {k for k in sizes if k in cache}
        assert pinned <= held
        assert cache.bytes == sum(sizes[k] for k in held)
        assert len(cache) == len(held)
        loose = held - pinned
        assert cache.bytes <= 100 or len(loose) <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=40))
def test_what_was_used_last_stays(uses: list[int]) -> None:
    cache: ByteLru[int, int] = ByteLru(40)  # four entries of ten
    for key in uses:
        if cache.get(key) is None:
            cache.put(key, key, 10)
    recent = list(dict.fromkeys(reversed(uses)))[:4]
    assert all(key in cache for key in recent)


def test_clear_forgets_pinned_entries_too() -> None:
    cache: ByteLru[str, int] = ByteLru(100)
    cache.put("a", 1, 10, pinned=True)
    cache.put("b", 2, 10)
    cache.clear()
    assert cache.bytes == 0
    assert len(cache) == 0


def test_cold_entries_only_fill_free_room() -> None:
    cache: ByteLru[str, int] = ByteLru(30)
    cache.put("seen", 1, 10)
    cache.put("also seen", 2, 10)
    for n in range(20):
        cache.put(f"part {n}", n, 10, cold=True)
    assert "seen" in cache
    assert "also seen" in cache
    assert cache.bytes <= 30
