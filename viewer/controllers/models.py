"""Reads checkpoints' cards into the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Signal

from ssmamba.errors import CheckpointError
from viewer.controllers.shared import Controller, Shared
from viewer.state.library import DEMO_FOLDER, Model, bundled_models, read_model

T = TypeVar("T")
DEFAULT_MODEL = "lac"  # stem of the bundled classifier that is in use at the start
# What the demo compares: the model of its tissue, and one of other tissue
DEMO_MODEL = "demo"
DEMO_MODELS = (DEMO_MODEL, DEFAULT_MODEL)


class ModelController(Controller):
    """Adds models on a worker; a file that is not a checkpoint is reported."""

    failed = Signal(str)
    loaded = Signal()

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._reading = 0

    @property
    def busy(self) -> bool:
        return self._reading > 0

    def add_files(self, paths: Sequence[str]) -> None:
        """Read checkpoints and switch them on."""
        self._read(lambda: _read_all(paths), self._take)

    def read_again(self, path: str) -> None:
        """Read the card of a file that was replaced while it was listed."""
        self._read(lambda: _read_all([path]), lambda read: self._take(read, use=False))

    def add_bundled(self, *, use_default: bool = True) -> None:
        """List the bundled checkpoints; use_default: switch on the default one."""
        self._read(
            bundled_models,
            lambda models: self._add_some(
                models, lambda stem: use_default and stem == DEFAULT_MODEL
            ),
        )

    def use_for_demo(self) -> None:
        """List the models of the generated tissue, and compare one of them with a model of other
        tissue, unless the user chose others."""
        chosen = all(model.bundled for model in self._library.in_use)
        self._read(
            lambda: [*bundled_models(DEMO_FOLDER), *bundled_models()],
            self._compare if chosen else lambda models: self._library.add(models, first=True),
        )

    def _compare(self, models: list[Model]) -> None:
        """Use those of the demo, and no other."""
        stems = {model.path: Path(model.path).stem for model in models}
        self._library.add(models, first=True)
        self._add_some(models, lambda stem: stem in DEMO_MODELS)
        for model in self._library.in_use:
            if stems.get(model.path) not in DEMO_MODELS:
                self._library.set_in_use(model.path, False)
        shown = [path for path, stem in stems.items() if stem == DEMO_MODEL]
        if shown:
            self._library.show(shown[0])

    def _add_some(self, models: list[Model], used: Callable[[str], bool]) -> None:
        self._library.add(models)
        self._library.add([m for m in models if used(Path(m.path).stem)], use=True)

    def _take(self, read: tuple[list[Model], list[CheckpointError]], use: bool = True) -> None:
        models, errors = read
        self._library.add(models, use=use)
        for error in errors:
            self._messages.report(error)
            self.failed.emit(str(error))

    def _read(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        self._reading += 1
        self._background.run(work, lambda read: self._on_read(read, then), self._on_failed)

    def _on_read(self, read: T, then: Callable[[T], None]) -> None:
        self._reading -= 1
        then(read)
        self.loaded.emit()

    def _on_failed(self, error: BaseException) -> None:
        self._reading -= 1
        self._messages.report(error)
        self.failed.emit(str(error))


def _read_all(paths: Sequence[str]) -> tuple[list[Model], list[CheckpointError]]:
    """The models in the given order, and the errors of the others."""
    models, errors = [], []
    for path in paths:
        try:
            models.append(read_model(path))
        except CheckpointError as error:
            errors.append(error)
    return models, errors
