"""The queue: only the newest wish of each client counts, visible tiles first."""

from __future__ import annotations

import threading

from viewer.tiles.pyramid import TileKey
from viewer.tiles.requests import RequestQueue


def key(n: int) -> TileKey:
    return TileKey(0, n, 0, False)


def drain(queue: RequestQueue, count: int) -> list[int]:
    taken = []
    for _ in range(count):
        wish = queue.take()
        assert wish is not None
        taken.append(wish.column)
        queue.done(wish)
    return taken


def test_visible_tiles_come_before_those_ahead_and_in_order() -> None:
    queue = RequestQueue()
    queue.want("a", [key(3), key(1), key(2)], [key(9), key(8)])
    assert drain(queue, 5) == [3, 1, 2, 9, 8]


def test_a_new_wish_replaces_the_old_one() -> None:
    queue = RequestQueue()
    queue.want("a", [key(n) for n in range(50)])
    queue.want("a", [key(77)])
    assert drain(queue, 1) == [77]
    assert not queue.wanted(key(3))
    assert queue.wanted(key(77))


def test_the_newest_client_is_served_first_but_others_are_kept() -> None:
    queue = RequestQueue()
    queue.want("a", [key(1)], [key(5)])
    queue.want("b", [key(2)])
    assert drain(queue, 3) == [2, 1, 5]
    queue.want("a", [key(1)])
    queue.forget("a")
    queue.want("b", [key(4)])
    assert drain(queue, 1) == [4]


def test_a_tile_is_not_read_twice_at_once() -> None:
    queue = RequestQueue()
    queue.want("a", [key(1), key(2)])
    first = queue.take()
    queue.want("b", [key(1), key(2)])
    second = queue.take()
    assert (first, second) == (key(1), key(2))


def test_a_tile_that_was_given_up_is_offered_again() -> None:
    queue = RequestQueue()
    queue.want("a", [key(1)])
    taken = queue.take()
    queue.want("a", [])
    assert taken is not None and not queue.wanted(taken)
    queue.want("a", [key(1)])  # the user came back before the reader had given up
    queue.done(taken)
    assert queue.take() == key(1)


def test_closing_frees_waiting_readers() -> None:
    queue = RequestQueue()
    results: list[TileKey | None] = [key(0)]
    thread = threading.Thread(target=lambda: results.append(queue.take()))
    thread.start()
    queue.close()
    thread.join(5)
    assert not thread.is_alive()
    assert results[-1] is None
