"""How far the open slide's tissue is from what each model was trained on; no Qt."""

from __future__ import annotations

from collections.abc import Sequence

from viewer.state.events import Event
from viewer.state.library import Model
from viewer.state.scale import field_key

FITS = 1.0  # largest distance, in units of the card's limit, at which a model fits


class Fits:
    """Distances on the open slide, by model file."""

    def __init__(self) -> None:
        self.changed = Event()
        self._distances: dict[tuple[str, str], float | None] = {}

    def clear(self) -> None:
        if self._distances:
            self._distances.clear()
            self.changed.emit()

    def put(self, model: Model, distance: float | None) -> None:
        """distance: None where it cannot be measured."""
        self._distances[model.path, model.version] = distance
        self.changed.emit()

    def is_measured(self, model: Model) -> bool:
        return (model.path, model.version) in self._distances

    def distance(self, model: Model) -> float | None:
        """In units of the card's limit; None = unknown."""
        return self._distances.get((model.path, model.version))

    def fits(self, model: Model) -> bool | None:
        """None = unknown."""
        distance = self.distance(model)
        return None if distance is None else distance <= FITS


def candidates(models: Sequence[Model], most: int = 4) -> list[Model]:
    """Classifiers that might fit better than those in use: one for each other set of images."""
    used = {field_key(model) for model in models if model.in_use}
    first: dict[str, Model] = {}
    for model in models:
        can_tell = model.classifies and model.card.calibration.distance_limit is not None
        if can_tell and field_key(model) not in used:
            first.setdefault(field_key(model), model)
    return list(first.values())[:most]


def better(fits: Fits, models: Sequence[Model]) -> Model | None:
    """The model to offer: none in use fits, and it does. None: none, or not known yet."""
    used = [model for model in models if model.in_use and model.classifies]
    if not used or any(fits.fits(model) is not False for model in used):
        return None
    others = candidates(models)
    if not all(fits.is_measured(model) for model in others):
        return None
    fitting = [model for model in others if fits.fits(model)]
    return min(fitting, key=lambda m: fits.distance(m) or 0.0) if fitting else None
