"""The evidence maps in view, on the slide and in the comparison; no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from viewer.state.events import Event
from viewer.state.library import Model
from viewer.state.settings import MapSpec


class MapsInView:
    """The maps of a region shown at the same time, each identified by its full value.

    Any mix is allowed: several checkpoints, and several classes, methods or stages of one.
    """

    def __init__(self) -> None:
        self.changed = Event()
        self._specs: tuple[MapSpec, ...] = ()
        self._latest = MapSpec("")  # the last choice, for checkpoints that come into view
        self._beside: tuple[MapSpec, ...] = ()
        self._behind: tuple[MapSpec, ...] = ()

    @property
    def specs(self) -> tuple[MapSpec, ...]:
        """One for each checkpoint in use, in list order; more where they were asked for."""
        return self._specs

    @property
    def painted(self) -> tuple[MapSpec, ...]:
        """Those on the slide, then those of the comparison's page."""
        return tuple(dict.fromkeys((*self._specs, *self._beside)))

    @property
    def wanted(self) -> tuple[MapSpec, ...]:
        """Those that are painted, then those that are only computed, for numbers and files."""
        return tuple(dict.fromkeys((*self.painted, *self._behind)))

    def compare(self, beside: Iterable[MapSpec], behind: Iterable[MapSpec] = ()) -> None:
        """Maps of the comparison: on its page, and on its other pages where they are needed."""
        wanted = tuple(dict.fromkeys(beside)), tuple(dict.fromkeys(behind))
        if wanted != (self._beside, self._behind):
            self._beside, self._behind = wanted
            self.changed.emit()

    @property
    def latest(self) -> MapSpec:
        """The last choice of class, method and stage; its checkpoint says nothing."""
        return self._latest

    def of(self, checkpoint: str) -> MapSpec:
        """The first map of a checkpoint (the one on the slide), else the one it would show."""
        found = (spec for spec in self._specs if spec.checkpoint == checkpoint)
        return next(found, replace(self._latest, checkpoint=checkpoint))

    def show(self, specs: Iterable[MapSpec]) -> None:
        """Show these maps and no others."""
        distinct = tuple(dict.fromkeys(specs))
        if distinct != self._specs:
            self._specs = distinct
            self.changed.emit()

    def choose(self, **changes: str | int | None) -> None:
        """Change the class, method or stage of every map in view and of those to come."""
        before = self._latest
        self._latest = replace(before, **changes)  # type: ignore[arg-type]
        self.show(replace(spec, **changes) for spec in self._specs)  # type: ignore[arg-type]
        if not self._specs and self._latest != before:
            self.changed.emit()

    def follow(self, models: Sequence[Model]) -> None:
        """Show the maps of the models in use: add one for each new model, drop the others'.

        A class that no model has any more is replaced by the predicted one.
        """
        known = {info.key for model in models for info in model.card.classes}

        def of_known_class(spec: MapSpec) -> MapSpec:
            lost = bool(known) and spec.target not in known
            return replace(spec, target=None) if lost else spec

        self._latest = of_known_class(self._latest)
        specs: list[MapSpec] = []
        for model in models:
            own = [spec for spec in self._specs if spec.checkpoint == model.path]
            specs += own or [self.of(model.path)]
        self.show(of_known_class(spec) for spec in specs)
