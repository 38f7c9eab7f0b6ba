"""The comparison of evidence maps: its choices, its page, and the two maps that are set side by
side; no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ssmamba.checkpoints.agreement import class_named
from ssmamba.engine.messages import ExplainResult
from ssmamba.rois.roi import Roi
from viewer.state.document import Document
from viewer.state.events import Event
from viewer.state.library import Model, ModelLibrary
from viewer.state.matrix import (
    CLASS,
    REGION,
    Column,
    MatrixChoice,
    Page,
    all_columns,
    paged,
    spec_of,
)
from viewer.state.planning import map_key, may_show_map
from viewer.state.settings import MapSpec
from viewer.text.tr import tr

MOST_MODELS = 8  # on a page


class Comparison:
    """What is compared. While it is open, its maps are asked for beside those of the slide."""

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        self.changed = Event()
        self._document = document
        self._library = library
        self._choice = MatrixChoice()
        self._opened = False
        self._room = MOST_MODELS, MOST_MODELS  # rows and columns that fit on a page
        self._first_model = self._first_column = 0
        self._a: MapSpec | None = None
        self._b: MapSpec | None = None
        self._all_wanted = False
        for event in (library.changed, library.shown_changed, document.maps.changed):
            event.connect(self._sync)
        document.map_painting_changed.connect(self._sync)
        self._last: object = None
        self._by_class: dict[str, list[Roi]] | None = None  # areas by the user's class
        document.rois_changed.connect(self._forget_classes)

    # --- choices
    @property
    def choice(self) -> MatrixChoice:
        return self._choice

    def choose(self, choice: MatrixChoice) -> None:
        if choice != self._choice:
            if choice.axis != self._choice.axis:
                self._first_column = 0
            self._choice = choice
            self._sync(told=True)

    @property
    def is_opened(self) -> bool:
        return self._opened

    def set_opened(self, opened: bool) -> None:
        self._opened = opened
        self._sync()

    def want_all(self, wanted: bool) -> None:
        """Have the maps of all pages computed, as a file needs them."""
        self._all_wanted = wanted
        self._sync()

    # --- contents
    @property
    def models(self) -> list[Model]:
        """One row each: the models in use."""
        return self._library.in_use

    @property
    def all_columns(self) -> list[Column]:
        """Those that can be chosen."""
        return all_columns(self._choice.axis, self.models, self._document.maps.latest)

    @property
    def columns(self) -> list[Column]:
        """Those that are shown; at least one."""
        found = self.all_columns
        hidden = self._choice.hidden
        return [column for column in found if column.key not in hidden] or found[:1]

    def spec(self, model: Model, column: Column) -> MapSpec:
        base = self._document.maps.latest
        return spec_of(model, column, self._choice, base, self._library.shown)

    def specs(self, models: Sequence[Model], columns: Sequence[Column]) -> list[MapSpec]:
        """Row by row."""
        return [self.spec(model, column) for model in models for column in columns]

    @property
    def all_specs(self) -> list[MapSpec]:
        """Of all pages, each once."""
        return list(dict.fromkeys(self.specs(self.models, self.columns)))

    def column_of(self, spec: MapSpec) -> Column | None:
        """The column that a map stands in."""
        model = self._library.get(spec.checkpoint)
        if model is None:
            return None
        return next((c for c in self.columns if self.spec(model, c) == spec), None)

    # --- pages
    def set_room(self, rows: int, columns: int) -> None:
        """How many rows and columns fit on a page, each at least 1."""
        room = min(max(rows, 1), MOST_MODELS), max(columns, 1)
        if room != self._room:
            self._room = room
            self._sync()

    @property
    def page(self) -> Page:
        models, columns = self.models, self.columns
        m0, m1 = paged(len(models), self._first_model, self._room[0])
        c0, c1 = paged(len(columns), self._first_column, self._room[1])
        return Page(tuple(models[m0:m1]), tuple(columns[c0:c1]), m0, len(models), c0, len(columns))

    @property
    def page_specs(self) -> list[MapSpec]:
        return self.specs(self.page.models, self.page.columns)

    @property
    def can_go_on(self) -> bool:
        page = self.page
        last_column = page.first_column + len(page.columns) >= page.all_columns
        return not (last_column and page.first_model + len(page.models) >= page.all_models)

    @property
    def can_go_back(self) -> bool:
        return self.page.first_model > 0 or self.page.first_column > 0

    def next_page(self) -> None:
        """The columns to the right, after the last ones the models below."""
        page = self.page
        if page.first_column + len(page.columns) < page.all_columns:
            self._first_column = page.first_column + len(page.columns)
        elif page.first_model + len(page.models) < page.all_models:
            self._first_model, self._first_column = page.first_model + len(page.models), 0
        self._sync()

    def previous_page(self) -> None:
        page = self.page
        if page.first_column:
            self._first_column = page.first_column - self._room[1]
        elif page.first_model:
            self._first_model = page.first_model - self._room[0]
            self._first_column = page.all_columns - 1
        self._sync()

    # --- the two maps
    @property
    def pair(self) -> tuple[MapSpec, MapSpec] | None:
        """A and B; the first two maps where none were chosen. None where there are not two."""
        specs = self.all_specs
        if len(specs) < 2:
            return None
        a = self._a if self._a in specs else next(s for s in specs if s != self._b)
        b = self._b if self._b in specs and self._b != a else next(s for s in specs if s != a)
        return a, b

    def set_pair(self, a: MapSpec | None = None, b: MapSpec | None = None) -> None:
        """Choose one or both; where both would be the same map, they change places."""
        now = self.pair
        if now is None:
            return
        self._a, self._b = a or now[0], b or now[1]
        if self._a == self._b:
            self._a, self._b = (a, now[0]) if a else (now[1], b)
        self._sync()

    def swap(self) -> None:
        now = self.pair
        if now is not None:
            self._a, self._b = now[1], now[0]
            self._sync()

    # --- results
    def result(self, spec: MapSpec) -> ExplainResult | None:
        """The map of the selected region, if it is there and may be shown."""
        roi, model = self._document.selected, self._library.get(spec.checkpoint)
        if roi is None or model is None or not may_show_map(self._document, roi, spec):
            return None
        return self._document.results.map(map_key(self._document, roi, model, spec))

    @property
    def inside(self) -> str:
        """Where evidence is counted: as chosen, but in REGION where the chosen one is gone."""
        chosen = self._choice.inside
        if chosen in (REGION, CLASS):
            return chosen
        roi = self._document.roi(chosen)
        return chosen if roi is not None and roi.has_area else REGION

    @property
    def inside_name(self) -> str:
        """Name of the one region in which evidence is counted; "" where none was chosen."""
        roi = self._document.roi(self.inside)
        return "" if roi is None else roi.name or tr("Unnamed region")

    def truth(self, spec: MapSpec, result: ExplainResult) -> tuple[Roi, ...]:
        """The regions in which this map's evidence is counted; empty where there are none."""
        selected = self._document.selected
        if selected is None:
            return ()
        if self.inside == CLASS:
            return self._of_class(selected, spec, result.target)
        return (self._document.roi(self.inside) or selected,)

    def _of_class(self, selected: Roi, spec: MapSpec, target: str) -> tuple[Roi, ...]:
        model = self._library.get(spec.checkpoint)
        classes = () if model is None else model.card.classes
        if self._by_class is None:  # once for all maps: there may be 100,000 regions
            self._by_class = {}
            for roi in self._document.rois:
                if roi.user_class and roi.has_area:
                    self._by_class.setdefault(roi.user_class, []).append(roi)
        return tuple(
            roi
            for name, rois in self._by_class.items()
            if (info := class_named(name, classes)) is not None and info.key == target
            for roi in rois
            if roi.id != selected.id
        )

    def _forget_classes(self) -> None:
        self._by_class = None

    # --- following
    def _sync(self, told: bool = False) -> None:
        """Ask for what is in view, and tell once when anything has changed."""
        maps = self._document.maps
        if self._opened or self._all_wanted:
            page = self.page_specs if self._opened else []
            shared = self._document.map_painting.scale == "shared"
            rest = self.all_specs if shared or self._all_wanted else []
            maps.compare([*page, *(self.pair or ())], rest)
        else:
            maps.compare(())
        now = (
            self.page,
            self.pair,
            tuple(self.page_specs),
            self._choice,
            self._document.maps.wanted,
        )
        if told or now != self._last:
            self._last = now
            self.changed.emit()


def without_region(choice: MatrixChoice) -> MatrixChoice:
    """What is kept over the starts: a region belongs to its slide."""
    return choice if choice.inside in (REGION, CLASS) else replace(choice, inside=REGION)
