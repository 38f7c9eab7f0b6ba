"""The open slide with its regions, results and settings; no Qt, so tests need no window."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count

from ssmamba.rois.roi import Kind, Roi, geometry_hash
from ssmamba.slides.slide import SlideInfo
from viewer.state.events import Event
from viewer.state.maps_in_view import MapsInView
from viewer.state.results import Reading, ResultStore
from viewer.state.seen import Seen
from viewer.state.settings import ClassList, MapPainting, PictureSettings, SlideSettings
from viewer.state.undo import Change, State, UndoStack
from viewer.text import formats
from viewer.text.tr import tr, tr_n

Place = tuple[float, float, float]  # centre (x, y), level-0 px; level-0 px per device pixel


NAMES: dict[Kind, str] = {
    "point": tr("Points {number}"),
    "ruler": tr("Ruler {number}"),
    "angle": tr("Angle {number}"),
}


def free_names(taken: Container[str], first: int = 1, kind: Kind = "polygon") -> Iterator[str]:
    """ "Region 1", "Region 2" … without names that are taken; of a ruler "Ruler 1" …"""
    name = NAMES.get(kind, tr("Region {number}"))
    names = (name.format(number=number) for number in count(first))
    return (name for name in names if name not in taken)


def _key(info: SlideInfo) -> tuple[str, str]:
    """What tells a slide from another, and from a file that took its place."""
    return info.path, info.quick_hash or ""


class Document:
    """State of one slide. Widgets read it and follow its events."""

    def __init__(self) -> None:
        self.slide_changed = Event()
        self.rois_changed = Event()  # regions were added, changed, removed
        self.selection_changed = Event()
        self.results_changed = Event()  # roi id
        self.slide_settings_changed = Event()  # how models read the slide, and its scale
        self.classes_changed = Event()  # the palette, or the class of new regions
        self.look_changed = Event()  # how the slide is shown, which models never see
        self.map_painting_changed = Event()
        self.picture_settings_changed = Event()
        self.view_changed = Event()
        self.seen_changed = Event()
        self.steps_lost = Event()  # what was saved of them is damaged
        self.slide: SlideInfo | None = None
        self.results = ResultStore()
        self.maps = MapsInView()
        self.undo_stack = UndoStack()
        self._steps: dict[tuple[str, str], UndoStack] = {}  # of slides shown before
        self._rois: dict[str, Roi] = {}
        self._copy: Mapping[str, Roi] | None = None  # of them, for others; None = to be made
        self._order: dict[str, int] = {}  # of first appearance
        self._hashes: dict[str, tuple[Roi, str]] = {}
        self._selected: str | None = None
        self._chosen: dict[str, None] = {}  # ids, in the order in which they were selected
        self._slide_settings = SlideSettings()
        self._painting = MapPainting()
        self._picture = PictureSettings()
        self.view: Place | None = None
        self.seen: Seen | None = None  # which parts of the slide, and how near

    # --- slide
    def set_slide(self, info: SlideInfo | None) -> None:
        """Switch to another slide (None: no slide); the state of the previous one is dropped.

        Its steps to undo wait until it is shown again, as long as the program runs. The same slide
        again is that of another reader, to whom no steps belong.
        """
        if self.slide is not None and info is not None and _key(self.slide) == _key(info):
            self._steps.clear()
            self.undo_stack = UndoStack()
        else:
            if self.slide is not None:
                self._steps[_key(self.slide)] = self.undo_stack
            kept = None if info is None else self._steps.pop(_key(info), None)
            self.undo_stack = kept or UndoStack()
        self.slide = info
        self.results.clear()
        self._hashes.clear()
        self._rois, self._copy = {}, None
        self._order.clear()
        self._selected = None
        self._chosen = {}
        self.view = None
        self.seen = None if info is None else Seen.nothing(info.width, info.height)
        old, self._slide_settings = self._slide_settings, SlideSettings()
        self.slide_changed.emit()
        self._tell_settings(old)
        self.rois_changed.emit()
        self.selection_changed.emit()

    def restore(self, rois: Iterable[Roi], settings: SlideSettings) -> None:
        """Add the saved regions of the open slide, below those drawn in the meantime."""
        self._rois, self._copy = {**{roi.id: roi for roi in rois}, **self._rois}, None
        self._order = {roi_id: at for at, roi_id in enumerate(self._rois)}
        self.set_slide_settings(settings)
        self.rois_changed.emit()

    def take_in(
        self, rois: Iterable[Roi], deleted: Container[str], settings: SlideSettings
    ) -> None:
        """Show what another window has changed on this slide: no step that can be undone."""
        kept = {roi_id: roi for roi_id, roi in self._rois.items() if roi_id not in deleted}
        self._rois, self._copy = {**kept, **{roi.id: roi for roi in rois}}, None
        for roi_id in self._rois:
            self._order.setdefault(roi_id, len(self._order))
        self.set_slide_settings(settings)
        self.rois_changed.emit()
        self._deselect_lost()

    @property
    def slide_settings(self) -> SlideSettings:
        return self._slide_settings

    def set_slide_settings(self, settings: SlideSettings) -> None:
        old, self._slide_settings = self._slide_settings, settings
        if self._tell_settings(old):
            self.results_changed.emit(None)

    def _tell_settings(self, old: SlideSettings) -> bool:
        """Tell those whom a change of the settings concerns; whether it concerns the models."""
        new = self._slide_settings
        read_otherwise = old.of_reading != new.of_reading
        if read_otherwise:
            self.slide_settings_changed.emit()
        if old.classes != new.classes:
            self.classes_changed.emit()
        if (old.colors, old.rotation) != (new.colors, new.rotation):
            self.look_changed.emit()
        return read_otherwise

    @property
    def mpp(self) -> float | None:
        """µm per level-0 pixel: the user's, else the slide's, else None."""
        own = None if self.slide is None else self.slide.mpp
        return self._slide_settings.mpp if self._slide_settings.mpp is not None else own

    def note_view(self, view: Place | None) -> None:
        """What is looked at; None = the slide as a whole."""
        if view != self.view:
            self.view = view
            self.view_changed.emit()

    def note_seen(self, seen: Seen | None) -> None:
        """More was seen of the slide."""
        if seen is not self.seen:
            self.seen = seen
            self.seen_changed.emit()

    def join_seen(self, kept: Seen | None) -> None:
        """This was seen, too: before, or in another window."""
        if kept is not None and self.seen is not None and kept.fits(self.seen):
            self.note_seen(kept.joined(self.seen))

    def forget_seen(self) -> None:
        """Nothing of the slide was seen."""
        if self.seen is not None and self.seen.is_any:
            nothing = Seen.nothing(self.seen.width, self.seen.height)
            self._do(Change(tr("Forget what was seen"), {}, {}, seen=(self.seen, nothing)))

    # --- regions
    @property
    def rois(self) -> Sequence[Roi]:
        """From the bottom up."""
        return tuple(self._rois.values())

    @property
    def rois_by_id(self) -> Mapping[str, Roi]:
        """The same by id; the same object until they change."""
        if self._copy is None:
            self._copy = dict(self._rois)
        return self._copy

    @property
    def has_rois(self) -> bool:
        """Whether there is any region."""
        return bool(self._rois)

    def roi(self, roi_id: str | None) -> Roi | None:
        return None if roi_id is None else self._rois.get(roi_id)

    def add(self, rois: Iterable[Roi], text: str = tr("Add region")) -> None:
        self.put({roi.id: roi for roi in rois}, text)

    def put(self, rois: Mapping[str, Roi], text: str) -> None:
        """``add`` with regions by id."""
        after: dict[str, Roi | None] = dict(rois)
        before: dict[str, Roi | None] = dict.fromkeys(after)
        before.update((i, self._rois[i]) for i in after.keys() & self._rois.keys())
        self._do(Change(text, before, after))

    def change(self, roi: Roi, text: str = tr("Change region")) -> None:
        """Replace a region by one with the same id; unknown ids and equal regions are ignored."""
        self.change_many([roi], text)

    def change_many(self, rois: Iterable[Roi], text: str) -> None:
        new = {r.id: r for r in rois if r.id in self._rois and self._rois[r.id] != r}
        if new:
            self._do(Change(text, {i: self._rois[i] for i in new}, dict(new)))

    def change_classes(self, rois: Iterable[Roi], classes: ClassList, text: str) -> None:
        """Replace regions and the palette in one step; nothing where nothing is new."""
        new = {r.id: r for r in rois if r.id in self._rois and self._rois[r.id] != r}
        old = self._slide_settings.classes
        if new or classes != old:
            swap = (old, classes) if classes != old else None
            self._do(Change(text, {i: self._rois[i] for i in new}, dict(new), swap))

    def remove(self, roi_ids: Iterable[str]) -> int:
        """Remove regions that are not locked; returns how many."""
        gone = [i for i in roi_ids if i in self._rois and not self._rois[i].locked]
        if gone:
            named = tr_n("Delete region", "Delete {count} regions", len(gone))
            text = named.format(count=formats.whole(len(gone)))
            self._do(Change(text, {i: self._rois[i] for i in gone}, dict.fromkeys(gone)))
        return len(gone)

    def exchange(self, text: str, *, changed: Iterable[Roi] = (), gone: Iterable[str] = ()) -> None:
        """Change or add regions and remove others, locked ones too, as one step."""
        after: dict[str, Roi | None] = {i: None for i in gone if i in self._rois}
        after.update({roi.id: roi for roi in changed if self._rois.get(roi.id) != roi})
        if after:
            self._do(Change(text, {i: self._rois.get(i) for i in after}, after))

    def note_added(self, info: SlideInfo, rois: Iterable[Roi], text: str) -> None:
        """Regions were added to a slide that is not open: a step that can be undone there."""
        new = {roi.id: roi for roi in rois}
        step = Change(text, dict.fromkeys(new), dict(new))
        self._steps.setdefault(_key(info), UndoStack()).push(step)

    def undo(self) -> None:
        self._take(self.undo_stack.undo_text, self.undo_stack.take_undo(self._now))

    def redo(self) -> None:
        self._take(self.undo_stack.redo_text, self.undo_stack.take_redo(self._now))

    def _take(self, text: str, change: Change | None) -> None:
        """text: of the step that was asked for; empty = there was none."""
        if change is not None:
            self._apply(change)
        elif text:
            self.steps_lost.emit()

    def _now(self, state: State) -> State:
        """What there is of all that a state has."""
        there = {roi_id: self._rois.get(roi_id) for roi_id in state.rois}
        return State(there, self._slide_settings.classes, self.seen)

    def named(self, roi: Roi) -> Roi:
        return self.all_named([roi])[0]

    def all_named(self, rois: Sequence[Roi]) -> list[Roi]:
        """The regions; each that has no name has one of its own now.

        "Region 4" when 1 to 3 are taken; rulers, angles and points are counted apart.
        """
        given = {roi.name for roi in rois}
        free: dict[str | None, Iterator[str]] = {}  # by pattern: regions of many kinds share one
        made = []
        for roi in rois:
            if not roi.name:
                pattern = NAMES.get(roi.kind)
                if pattern not in free:
                    free[pattern] = self._free_names(roi.kind, given)
                roi = replace(roi, name=next(free[pattern]))
            made.append(roi)
        return made

    def _free_names(self, kind: Kind, also: Iterable[str]) -> Iterator[str]:
        """also: names that are taken, too."""
        alike = sum(NAMES.get(r.kind) == NAMES.get(kind) for r in self._rois.values())
        return free_names({*also, *(roi.name for roi in self._rois.values())}, alike + 1, kind)

    # --- selection
    @property
    def selected(self) -> Roi | None:
        """The region whose results are shown: of those selected, the last one."""
        return self.roi(self._selected)

    @property
    def chosen(self) -> list[Roi]:
        """All selected regions, in the order in which they were selected."""
        return [self._rois[i] for i in self._chosen if i in self._rois]

    def select(self, roi_id: str | None) -> None:
        """Select one region alone, or none."""
        self.choose(() if roi_id is None else (roi_id,))

    def choose(self, roi_ids: Iterable[str], current: str | None = None) -> None:
        """Select regions; those that were selected before keep their place in the order.

        current: the one whose results are shown; by default the last one.
        """
        wanted = dict.fromkeys(roi_id for roi_id in roi_ids if roi_id in self._rois)
        kept = {roi_id: None for roi_id in self._chosen if roi_id in wanted}
        chosen = {**kept, **wanted}
        last = current if current in chosen else next(reversed(chosen), None)
        if (list(chosen), last) != (list(self._chosen), self._selected):
            self._chosen, self._selected = chosen, last
            self.selection_changed.emit()

    def toggle(self, roi_id: str) -> None:
        """Take one more region into the selection, or out of it."""
        if roi_id in self._chosen:
            self.choose([i for i in self._chosen if i != roi_id])
        else:
            self.choose([*self._chosen, roi_id])

    def _deselect_lost(self) -> None:
        if any(roi_id not in self._rois for roi_id in self._chosen):
            self.choose(self._chosen)

    # --- results
    def reading(self, roi: Roi) -> Reading:
        """Geometry and scale that a request for this region would use now."""
        return Reading(self._hash(roi), self._slide_settings.mpp, self._slide_settings.field_px)

    def _hash(self, roi: Roi) -> str:
        kept = self._hashes.get(roi.id)
        if kept is None or kept[0] is not roi:
            kept = (roi, geometry_hash(roi))
            self._hashes[roi.id] = kept
        return kept[1]

    @property
    def map_painting(self) -> MapPainting:
        return self._painting

    def set_map_painting(self, painting: MapPainting) -> None:
        if painting != self._painting:
            self._painting = painting
            self.map_painting_changed.emit()

    @property
    def picture_settings(self) -> PictureSettings:
        return self._picture

    def set_picture_settings(self, settings: PictureSettings) -> None:
        if settings != self._picture:
            self._picture = settings
            self.picture_settings_changed.emit()

    # --- changes
    def _do(self, change: Change) -> None:
        self.undo_stack.push(change)
        self._apply(change)

    def _apply(self, change: Change) -> None:
        there = {i: roi for i, roi in change.after.items() if roi is not None}
        for roi_id in change.after.keys() - there.keys():
            self._rois.pop(roi_id, None)
        known = there.keys() & self._order.keys()  # regions that have had a place
        returned = not known <= self._rois.keys()  # to a place that they had
        fresh = there if not known else [i for i in there if i not in known]
        self._order.update(zip(fresh, count(len(self._order)), strict=False))
        self._rois.update(there)
        self._copy = None
        if change.classes is not None:
            self.set_slide_settings(replace(self._slide_settings, classes=change.classes[1]))
        if change.seen is not None:
            after = change.seen[1]
            since = self.seen if after.is_any else None  # seen since then is seen, too
            self.note_seen(after if since is None else after.joined(since))
        if not change.after:
            return
        if returned:
            self._rois = {i: self._rois[i] for i in sorted(self._rois, key=self._order.__getitem__)}
        self.rois_changed.emit()
        self._deselect_lost()
