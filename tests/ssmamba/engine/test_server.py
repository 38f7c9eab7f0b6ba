"""What the engine tells while the fast kernels are being compiled."""

from ssmamba import ops
from ssmamba.engine import server
from ssmamba.engine.messages import PreparingKernels
from ssmamba.kernels import cache, library


class Outbox(list):
    send = list.append


def follow(monkeypatch, shares, found):
    shares, left = iter(shares), iter(found)
    monkeypatch.setattr(server, "FOLLOW_S", 0.0)
    monkeypatch.setattr(ops, "is_preparing", lambda: True)
    monkeypatch.setattr(cache, "progress", lambda: next(shares))
    monkeypatch.setattr(library, "find", lambda: next(left, True))
    told = Outbox()
    server._follow_kernels(told)
    return told


def test_progress_rises_and_ends_with_the_fast_scan(monkeypatch):
    told = follow(monkeypatch, [0.0, None, 0.4, 0.4, 0.3, 1.0], [False] * 6)
    assert told == [
        PreparingKernels(0.0, "torch"),
        PreparingKernels(0.4, "torch"),
        PreparingKernels(0.99, "torch"),
        PreparingKernels(1.0, "cpu"),
    ]


def test_nothing_is_said_where_the_kernels_are_there(monkeypatch):
    assert follow(monkeypatch, [], []) == []
