"""Garbage that holds QObjects goes on the GUI thread, whoever allocates."""

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from tests.patience import PATIENCE_S
from viewer.services.collector import Collector


class Owner(QObject):
    """In a cycle with itself, as controllers are through their callbacks; tells who ended it."""

    def __init__(self, ended_by: list[threading.Thread]) -> None:
        super().__init__()
        self.timer = QTimer(self)
        self.me = self
        self.ended_by = ended_by

    def __del__(self) -> None:
        self.ended_by.append(threading.current_thread())


@pytest.fixture
def automatic() -> Iterator[None]:
    """Python collects by itself, often, as in a program without our collector."""
    thresholds = gc.get_threshold()
    gc.enable()
    gc.set_threshold(50, 1, 1)
    yield
    gc.set_threshold(*thresholds)
    gc.disable()


def allocate_on_a_worker() -> None:
    worker = threading.Thread(target=lambda: [[i] for i in range(20_000)])
    worker.start()
    worker.join()


def test_garbage_is_ended_on_the_gui_thread(qtbot: QtBot, automatic: None) -> None:
    parent = QObject()
    Collector(parent)
    ended_by: list[threading.Thread] = []
    Owner(ended_by)
    allocate_on_a_worker()
    assert ended_by == []
    held: list[list[int]] = []

    def is_over() -> bool:
        held.extend([i] for i in range(100))  # the worker's own are gone: they were no garbage
        return bool(ended_by)

    qtbot.waitUntil(is_over)
    assert ended_by == [threading.main_thread()]


def test_the_application_has_a_collector() -> None:
    script = (
        "import gc; from viewer.app import create_application; "
        "from viewer.services.collector import Collector; app = create_application(); "
        "assert app.findChildren(Collector) and not gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE_S)


def test_nothing_is_collected_before_it_is_due(automatic: None) -> None:
    parent = QObject()
    collector = Collector(parent)
    ended_by: list[threading.Thread] = []
    gc.set_threshold(10**6, 10**6, 10**6)
    Owner(ended_by)
    collector.collect_when_due()
    assert ended_by == []
    gc.set_threshold(1, 1, 1)
    held = [[i] for i in range(10)]
    collector.collect_when_due()
    assert len(held) == 10 and len(ended_by) == 1


def test_many_regions_are_gone_through_again_only_when_they_have_grown(automatic: None) -> None:
    parent = QObject()
    collector = Collector(parent)
    held = [[i] for i in range(20_000)]

    def full_collections(rounds: int, more: int) -> int:
        before = gc.get_stats()[2]["collections"]
        for _ in range(rounds):
            held.extend([i] for i in range(more))
            collector.collect_when_due()
        return gc.get_stats()[2]["collections"] - before

    full_collections(20, 60)
    assert full_collections(30, 60) == 0
    assert full_collections(30, 600) >= 1


def test_a_burst_of_regions_is_never_gone_through(
    automatic: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = QObject()
    collector = Collector(parent)
    collector.collect_when_due()
    frozen = gc.get_freeze_count()
    monkeypatch.setattr("viewer.services.collector.BURST", 5000)
    held = [[i] for i in range(10_000)]
    try:
        collector.collect_when_due()
        assert gc.get_freeze_count() >= frozen + len(held)
    finally:
        gc.unfreeze()
