"""Reads checkpoints' cards into the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QTimer, Signal

from ssmamba.checkpoints.wsinfer import models_in
from ssmamba.errors import CheckpointError
from viewer.controllers.shared import Controller, Shared
from viewer.saving.workbench import Bench
from viewer.state.library import DEMO_FOLDER, Model, bundled_models, read_model, version_of
from viewer.text.tr import translated

T = TypeVar("T")
FOLDER_LOOK_MS = 3000  # between two looks at the model folder
DEFAULT_MODEL = "lac"  # stem of the bundled classifier that is in use at the start
# What the demo compares: the model of its tissue, and one of other tissue
DEMO_MODEL = "demo"
DEMO_MODELS = (DEMO_MODEL, DEFAULT_MODEL)


class ModelController(Controller):
    """Adds models on a worker; a file that is not a checkpoint is reported."""

    failed = Signal(str)
    loaded = Signal()
    folder_changed = Signal(str)

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._reading = 0
        self.folder = ""  # whose models are listed; "" = none
        self._seen: dict[str, str] = {}  # version of each file in it at the last look
        self._look_often = QTimer(self, interval=FOLDER_LOOK_MS)
        self._look_often.timeout.connect(self._look)

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

    def add_kept(self, kept: Bench, *, use: bool, then: Callable[[], None]) -> None:
        """List the bundled models and those of earlier starts; ``then`` is called afterwards.

        use: switch on those that were in use, or the default if that was never chosen.
        """

        def work() -> list[Model]:
            demo = bundled_models(DEMO_FOLDER) if _uses_demo(kept) else []
            added = _read_all(kept.added)[0]
            return [*demo, *bundled_models(), *added, *_listed(kept.model_folder)]

        def take(models: list[Model]) -> None:
            in_use = kept.in_use
            self.set_folder(kept.model_folder)
            self._library.add(models)
            if use and in_use is None:
                self._library.add([m for m in models if Path(m.path).stem == DEFAULT_MODEL], True)
            elif use:
                self._library.add([m for m in models if m.path in (in_use or ())], use=True)
            then()

        self._read(work, take)

    def set_folder(self, folder: str) -> None:
        """List the models of a folder, and new ones as they appear; "" = of none."""
        if folder != self.folder:
            self.folder = folder
            self._seen = {}
            self.folder_changed.emit(folder)
        if folder:
            self._look_often.start()
            self._look()
        else:
            self._look_often.stop()

    def lists(self, path: str) -> bool:
        """Whether a model is in the list because it is in the folder."""
        return bool(self.folder) and Path(path).parent == Path(self.folder)

    def _look(self) -> None:
        """Read files that are new, or other ones, once they have stopped growing."""
        folder, before = self.folder, self._seen
        known = self._library.versions()

        def work() -> tuple[dict[str, str], list[Model]]:
            now = _versions(folder)
            still = [p for p, v in now.items() if known.get(p) != v and before.get(p) == v]
            return now, _read_all(still)[0]

        def take(found: tuple[dict[str, str], list[Model]]) -> None:
            if folder == self.folder:
                self._seen = found[0]
                if found[1]:
                    self._library.add(found[1])

        self._background.run(work, take, lambda _: None)

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
            self.failed.emit(translated(str(error)))

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
        self.failed.emit(translated(str(error)))


def _uses_demo(kept: Bench) -> bool:
    """Whether a model of the demo, which other starts do not list, was in use."""
    return any(Path(path).parent == DEMO_FOLDER.resolve() for path in kept.in_use or ())


def _versions(folder: str) -> dict[str, str]:
    """Version of each checkpoint in a folder, by path; empty for one that is not there now."""
    try:
        return {str(path): version_of(path) for path in _checkpoints(folder)}
    except OSError:
        return {}


def _listed(folder: str) -> list[Model]:
    try:
        return _read_all([str(path) for path in _checkpoints(folder)])[0]
    except OSError:
        return []


def _checkpoints(folder: str) -> list[Path]:
    return models_in(Path(folder).resolve()) if folder else []


def _read_all(paths: Sequence[str]) -> tuple[list[Model], list[CheckpointError]]:
    """The models in the given order, and the errors of the others."""
    models, errors = [], []
    for path in paths:
        try:
            models.append(read_model(path))
        except CheckpointError as error:
            errors.append(error)
    return models, errors
