"""Brings the engine's replies to the GUI thread and starts it again when it dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from ssmamba.engine.messages import EngineReady, PreparingKernels, Reply, Request
from ssmamba.errors import EngineDied
from viewer.text.tr import translated


class Engine(Protocol):
    """The interface that the bridge needs of an engine client."""

    def start(self) -> None: ...

    def send(self, request: Request) -> None: ...

    def close(self) -> None: ...


EngineFactory = Callable[[Callable[[Reply], None], Callable[[str], None]], Engine]


class EngineBridge(QObject):
    """The engine as a QObject; its signals arrive on the GUI thread.

    factory(on_reply, on_died) makes an engine whose callbacks may come from any thread.
    """

    ready = Signal(object)  # EngineReady
    preparing = Signal(float)  # share of the fast kernels that is compiled, 1 = all
    replied = Signal(object)  # Reply
    died = Signal(str)  # why, in a few words
    restarted = Signal()  # an unresponsive process was stopped; another one starts

    _from_engine = Signal(int, object)
    _death = Signal(int, str)

    def __init__(self, factory: EngineFactory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._factory = factory
        self._engine: Engine | None = None
        self._generation = 0
        self._closed = False
        self._ending: list[threading.Thread] = []
        self.state: EngineReady | None = None
        self._from_engine.connect(self._on_reply)
        self._death.connect(self._on_death)

    @property
    def started(self) -> bool:
        return self._engine is not None

    def start(self) -> None:
        if self._engine is not None or self._closed:
            return
        self._generation += 1
        generation = self._generation
        self._engine = self._factory(
            lambda reply: self._from_engine.emit(generation, reply),
            lambda why: self._death.emit(generation, translated(why)),
        )
        self._engine.start()

    def send(self, request: Request) -> None:
        """Send a request; one sent before the engine is ready waits for it."""
        self.start()
        if self._engine is not None:
            with suppress(EngineDied):  # ``died`` follows
                self._engine.send(request)

    def restart(self) -> None:
        """Stop an unresponsive process and start another one; its jobs are lost."""
        engine, self._engine = self._engine, None
        self.state = None
        if engine is None:
            return
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        self._ending.append(threading.Thread(target=engine.close, name="engine-end"))
        self._ending[-1].start()  # it is asked first and killed two seconds later
        self.start()
        self.restarted.emit()

    def close(self) -> None:
        self._closed = True
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()
        for thread in self._ending:
            thread.join()

    def _on_reply(self, generation: int, reply: Reply) -> None:
        if generation != self._generation or self._closed:
            return
        if isinstance(reply, EngineReady):
            self.state = reply
            self.ready.emit(reply)
        elif isinstance(reply, PreparingKernels):
            if self.state is not None and reply.share == 1:
                self.state = replace(self.state, scan_backend=reply.scan_backend)
            self.preparing.emit(reply.share)
        else:
            self.replied.emit(reply)

    def _on_death(self, generation: int, why: str) -> None:
        if generation != self._generation or self._closed:
            return
        engine, self._engine = self._engine, None
        self.state = None
        if engine is not None:
            engine.close()
        self.died.emit(why)
