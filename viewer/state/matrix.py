"""What the comparison shows: checkpoints down, classes, methods or stages across; no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ssmamba.explain.methods import METHODS, STAGES
from viewer.state.library import Model
from viewer.state.settings import MapSpec
from viewer.text.tr import tr, tr_n

Axis = Literal["models", "classes", "methods", "stages"]
Look = Literal["grid", "swipe", "blink", "difference"]
SAME, OWN = 0, -1  # of the detail: the slide's for all, or each model's own; else 1 to 4
REGION, CLASS = "", "class"  # where evidence is counted; else the id of a region


@dataclass(frozen=True)
class MatrixChoice:
    """The user's choices for the comparison; kept over the starts of the viewer."""

    axis: Axis = "models"  # what the columns are; "models": one map of each
    hidden_classes: tuple[str, ...] = ()  # keys of columns that are left out
    hidden_methods: tuple[str, ...] = ()  # names
    hidden_stages: tuple[int, ...] = ()
    detail: int = SAME
    look: Look = "grid"
    inside: str = REGION  # the selected region, the regions of the map's class, or one by its id

    @property
    def hidden(self) -> frozenset[str]:
        """Keys of the columns of this axis that are left out."""
        kept: dict[Axis, tuple[str | int, ...]] = {
            "classes": self.hidden_classes,
            "methods": self.hidden_methods,
            "stages": self.hidden_stages,
        }
        return frozenset(str(key) for key in kept.get(self.axis, ()))

    def hiding(self, keys: Iterable[str]) -> MatrixChoice:
        """The same without these columns of its axis."""
        if self.axis == "classes":
            return replace(self, hidden_classes=tuple(sorted(keys)))
        if self.axis == "methods":
            return replace(self, hidden_methods=tuple(sorted(keys)))
        if self.axis == "stages":
            return replace(self, hidden_stages=tuple(sorted(int(key) for key in keys)))
        return self


@dataclass(frozen=True)
class Column:
    """One column of the matrix."""

    key: str  # of the class, the method's name, or the stage's number; "" = the only column
    title: str
    color: tuple[int, int, int] | None = None  # of a class

    def of(self, axis: Axis, spec: MapSpec) -> MapSpec:
        """A map with this column's class, method or stage."""
        if axis == "classes":
            return replace(spec, target=self.key or spec.target)
        if axis == "methods":
            return replace(spec, method=self.key)
        return replace(spec, stage=int(self.key)) if axis == "stages" else spec


def all_columns(axis: Axis, models: Sequence[Model], base: MapSpec) -> list[Column]:
    """Every column that there can be, at least one.

    base: method and class of the maps on the slide.
    """
    if axis == "methods":
        return [Column(name, name) for name in METHODS]
    if axis == "stages":
        return [Column(str(stage), tr("Detail {stage}").format(stage=stage)) for stage in STAGES]
    if axis == "classes" and METHODS[base.method].uses_class:
        found: dict[str, Column] = {}
        for model in models:
            for info in model.card.classes:
                found.setdefault(info.key, Column(info.key, info.name, info.color))
        if found:
            return list(found.values())
    return [Column("", tr("All classes") if axis == "classes" else "")]


def spec_of(
    model: Model, column: Column, choice: MatrixChoice, base: MapSpec, shown: Model | None
) -> MapSpec:
    """The map in one cell.

    base: what is chosen for the slide. shown: the model on the slide, whose own stage is that of
    all where the slide's is "Auto" and the comparison's the same for all.
    """
    spec = column.of(choice.axis, replace(base, checkpoint=model.path))
    if choice.axis != "stages":
        stage = None if choice.detail == OWN else choice.detail or base.stage
        if choice.detail == SAME and stage is None and shown is not None:
            stage = shown.card.cam_stage
        spec = replace(spec, stage=stage)
    own = spec.stage == model.card.cam_stage  # the same map as the one on the slide
    return replace(spec, stage=None) if own else spec


def stage_of(model: Model, spec: MapSpec) -> int:
    """The stage that a map is of."""
    return spec.stage or model.card.cam_stage


@dataclass(frozen=True)
class Page:
    """The part of the matrix in view."""

    models: tuple[Model, ...]
    columns: tuple[Column, ...]
    first_model: int  # from 0
    all_models: int
    first_column: int
    all_columns: int

    @property
    def text(self) -> str:
        """ "Models 9 to 16 of 23 · Columns 1 to 4 of 9"; "All 3 models" where nothing is left."""
        parts = []
        if len(self.models) < self.all_models:
            texts = tr("Model {first} of {all}"), tr("Models {first} to {last} of {all}")
            parts.append(_span(texts, self.first_model, len(self.models), self.all_models))
        if len(self.columns) < self.all_columns:
            texts = tr("Column {first} of {all}"), tr("Columns {first} to {last} of {all}")
            parts.append(_span(texts, self.first_column, len(self.columns), self.all_columns))
        text = tr_n("{count} model", "All {count} models", self.all_models)
        return " · ".join(parts) or text.format(count=self.all_models)


def _span(texts: tuple[str, str], first: int, count: int, total: int) -> str:
    """texts: for one item and for several."""
    return texts[count > 1].format(first=first + 1, last=first + count, all=total)


def paged(count: int, first: int, room: int) -> tuple[int, int]:
    """First and past-the-last item of the page that holds the item ``first``.

    count: of all items. room: items on a page, at least 1.
    """
    if count == 0:
        return 0, 0
    start = min(max(first, 0), count - 1) // room * room
    return start, min(start + room, count)
