"""The checkpoints listed in the viewer, with their cards; no Qt and no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import resources
from ssmamba.checkpoints.card import (
    Card,
    ClassInfo,
    file_sha256,
    read_card,
)
from ssmamba.checkpoints.labels import labels_of
from ssmamba.checkpoints.slide_cards import require_answers
from ssmamba.checkpoints.wsinfer import folder_of, model_files
from ssmamba.errors import CheckpointError
from viewer.state.events import Event

BUNDLED = resources.FOLDER / "models"
DEMO_FOLDER = BUNDLED / "demo"  # models of the generated tissue, listed with the demo only


@dataclass(frozen=True)
class Model:
    """A checkpoint file that was read; ``in_use`` models answer for every region."""

    path: str
    card: Card
    in_use: bool = False
    bundled: bool = False
    sha256: str = ""  # of the file; empty until the engine reports it
    parameters: int | None = None
    version: str = ""  # size and time of change of the file that was read
    file_sha256: str = ""  # of that file

    @property
    def name(self) -> str:
        return self.card.name or Path(self.path).stem

    @property
    def classifies(self) -> bool:
        return self.card.classifies

    @property
    def reconstructs(self) -> bool:
        return self.card.reconstructs

    @property
    def answers_slides(self) -> bool:
        return self.card.answers_slides

    def explains(self, target: str | None) -> bool:
        """Whether it can have a map of this class; None = of the class that it predicts."""
        known = target is None or target in {info.key for info in self.card.classes}
        return known and not self.card.is_torchscript

    def class_info(self, key: str) -> ClassInfo:
        """Name and colour of a class; an unknown key is its own name."""
        known = {c.key: c for c in self.card.classes}
        return known.get(key, ClassInfo(key, key, (128, 128, 128)))


def short_names(names: Sequence[str]) -> list[str]:
    """Names without the leading comma-separated parts that all of them share."""
    parts = [name.split(", ") for name in names]
    shared = 0
    if len(names) > 1:
        least = min(len(words) for words in parts) - 1
        while shared < least and len({words[shared] for words in parts}) == 1:
            shared += 1
    if not shared:
        return list(names)
    rests = [", ".join(words[shared:]) for words in parts]
    return [rest[:1].upper() + rest[1:] for rest in rests]


def names_beside(models: Sequence[Model]) -> list[str]:
    """Short, distinct names for models shown side by side."""
    return short_names(labels_of([Path(m.path) for m in models], [m.card for m in models]))


def read_model(path: Path | str, bundled: bool = False) -> Model:
    """Read a checkpoint's card, or a model folder's. Raises CheckpointError."""
    resolved = Path(path).expanduser().resolve()
    resolved = folder_of(resolved) or resolved
    version = version_of(resolved)  # first: the older one if the file is replaced meanwhile
    card = read_card(resolved)
    if card.answers_slides:
        require_answers(card, resolved)
    try:
        sha256 = file_sha256(resolved)
    except OSError:
        sha256 = ""  # the engine reports the error
    return Model(str(resolved), card, bundled=bundled, version=version, file_sha256=sha256)


def version_of(path: Path) -> str:
    """What tells a model's files from those that take their place: sizes and times of change."""
    try:
        stats = [file.stat() for file in model_files(path)]
    except OSError:
        return ""  # reading the card reports the error
    return "-".join(f"{stat.st_size}-{stat.st_mtime_ns}" for stat in stats)


def bundled_models(folder: Path = BUNDLED) -> list[Model]:
    """The checkpoints that come with the viewer, ablations last; unreadable ones are skipped."""
    found = []
    for path in sorted(folder.glob("*.safetensors"), key=lambda p: p.stem):
        try:
            found.append(read_model(path, bundled=True))
        except CheckpointError:
            continue
    return sorted(found, key=_rank)


def _rank(model: Model) -> tuple[bool, bool]:
    """Classifiers, then masked models, then ablations (lac-mixer-mamba is one of lac)."""
    ablation = model.classifies and "-" in Path(model.path).stem
    return ablation, not model.classifies


class ModelLibrary:
    """The list of models; one classifier is shown on the slide, the others in the comparison."""

    def __init__(self) -> None:
        self.changed = Event()
        self.shown_changed = Event()
        self._models: dict[str, Model] = {}
        self._shown: str | None = None

    @property
    def models(self) -> Sequence[Model]:
        return tuple(self._models.values())

    def get(self, path: str) -> Model | None:
        return self._models.get(path)

    def add(self, models: Iterable[Model], use: bool = False, first: bool = False) -> None:
        """Add or update models; ``use`` also switches on those that classify, ``first`` lists
        them before the others."""
        models = tuple(models)
        for model in models:
            known = self._models.get(model.path, model)
            if known.version != model.version:  # another file by the same name
                known = replace(model, in_use=known.in_use, bundled=known.bundled)
            in_use = known.in_use or (use and model.classifies)
            self._models[model.path] = replace(known, card=model.card, in_use=in_use)
        if first:
            ahead = {model.path: self._models[model.path] for model in models}
            self._models = ahead | {k: v for k, v in self._models.items() if k not in ahead}
        self.changed.emit()

    def remove(self, path: str) -> None:
        if self._models.pop(path, None) is not None:
            self.changed.emit()

    def set_in_use(self, path: str, in_use: bool) -> None:
        model = self._models.get(path)
        if model is not None and model.in_use != in_use:
            self._models[path] = replace(model, in_use=in_use)
            self.changed.emit()

    def versions(self) -> dict[str, str]:
        """Version of each file, by path."""
        return {model.path: model.version for model in self._models.values()}

    def note_loaded(self, path: str, sha256: str, parameters: int) -> None:
        """Store what the engine reported about a checkpoint."""
        model = self._models.get(path)
        if model is not None:
            self._models[path] = replace(model, sha256=sha256, parameters=parameters)
            self.changed.emit()

    @property
    def in_use(self) -> list[Model]:
        """Classifiers that are switched on, in list order."""
        return [m for m in self._models.values() if m.in_use and m.classifies]

    @property
    def shown(self) -> Model | None:
        """The classifier whose map is drawn on the slide."""
        used = self.in_use
        return next((m for m in used if m.path == self._shown), used[0] if used else None)

    def show(self, path: str) -> None:
        if self._shown != path:
            self._shown = path
            self.shown_changed.emit()

    @property
    def reconstructor(self) -> Model | None:
        """The masked model closest to the shown classifier: its parent, else the same data."""
        able = [m for m in self._models.values() if m.reconstructs]
        shown = self.shown
        if not able or shown is None:
            return able[0] if able else None
        return max(able, key=lambda m: _kinship(m, shown))

    def classes_in_use(self) -> list[ClassInfo]:
        """Classes of all models in use, each key once."""
        found: dict[str, ClassInfo] = {}
        for model in self.in_use:
            for info in model.card.classes:
                found.setdefault(info.key, info)
        return list(found.values())


def _kinship(masked: Model, classifier: Model) -> int:
    if masked.path == classifier.path:
        return 4
    if masked.sha256 and masked.sha256 == classifier.card.parent_sha256:
        return 3
    same_data = masked.card.dataset.get("name") == classifier.card.dataset.get("name")
    if same_data and masked.card.dataset.get("name"):
        return 2
    return int(masked.card.input.tissue == classifier.card.input.tissue)
