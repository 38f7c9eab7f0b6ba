"""The classes that a user gives to regions: the palette of a slide, and its changes; no Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ssmamba.rois.roi import MODEL_CLASS, Roi
from viewer.state.document import Document
from viewer.state.events import Event
from viewer.state.library import ModelLibrary
from viewer.state.settings import ClassList, RegionClass
from viewer.text.tr import tr

NO_COLOR = (128, 128, 128)  # of a class that came without one
# told apart on H&E, in light and dark lists: Okabe and Ito 2008, and four more
FRESH_COLORS = (
    (0, 114, 178), (230, 159, 0), (0, 158, 115), (213, 94, 0), (204, 121, 167), (86, 180, 233),
    (240, 228, 66), (120, 94, 240), (148, 103, 70), (60, 60, 60),
)  # fmt: skip


@dataclass(frozen=True)
class Offered:
    """A class in the palette."""

    shown: RegionClass
    regions: int = 0  # that have it
    kept: bool = False  # in the slide's own list; else a model or a region brings it along


class Classes:
    """The palette of the open slide: its own classes, those of its regions, those of the models.

    The first use of a class takes all that are shown into the slide's own list, so that from then
    on no class changes its number.
    """

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        self.changed = Event()
        self._document = document
        self._library = library
        self._listed: list[Offered] | None = None
        self._counts: Counter[str] = Counter()
        for event in (document.rois_changed, document.classes_changed, library.changed):
            event.connect(self._on_changed)

    def _on_changed(self) -> None:
        self._listed = None
        self.changed.emit()

    # --- what there is
    @property
    def listed(self) -> Sequence[Offered]:
        """The palette in its order; the first nine have number keys."""
        if self._listed is None:
            self._listed = self._list()
        return self._listed

    def _list(self) -> list[Offered]:
        kept = self._document.slide_settings.classes.classes
        rois = self._document.rois
        self._counts = counts = Counter([roi.class_name for roi in rois])
        found = {c.name: Offered(c, counts[c.name], kept=True) for c in kept}
        seen = set(counts) - {"", *found}
        if seen:
            for roi in rois:
                if roi.class_name in seen:
                    shown = RegionClass(roi.class_name, roi.color or NO_COLOR)
                    found[roi.class_name] = Offered(shown, counts[roi.class_name])
                    seen.remove(roi.class_name)
        for info in self._library.classes_in_use():
            found.setdefault(info.name, Offered(RegionClass(info.name, info.color)))
        return list(found.values())

    def named(self, name: str) -> RegionClass | None:
        return next((c.shown for c in self.listed if c.shown.name == name), None)

    @property
    def drawn(self) -> RegionClass | None:
        """The class of new regions."""
        name = self._document.slide_settings.classes.drawn
        return self.named(name) if name else None

    def fresh_color(self) -> tuple[int, int, int]:
        """The first colour that no class of the palette has."""
        taken = {c.shown.color for c in self.listed}
        return next((c for c in FRESH_COLORS if c not in taken), NO_COLOR)

    # --- use
    def give(self, roi_ids: Iterable[str], name: str) -> int:
        """Give regions that are not locked a class ("" = none); returns how many there were.

        A name that is not in the palette is added to it, in the same step.
        """
        document, palette = self._document, self._taken_in()
        rois = [roi for i in roi_ids if (roi := document.roi(i)) is not None and not roi.locked]
        chosen = self.named(name) if name else None
        if rois and name and chosen is None:
            chosen = RegionClass(name, self.fresh_color())
            palette = replace(palette, classes=(*palette.classes, chosen))
        color = None if chosen is None else chosen.color
        text = tr("Set class") if name else tr("Clear class")
        self._change(text, [roi.classified(name, color) for roi in rois], palette)
        return len(rois)

    def draw_with(self, name: str) -> None:
        """New regions have this class; "" = none. No step that can be undone: nothing changes."""
        settings = self._document.slide_settings
        classes = replace(self._taken_in(), drawn=name)
        self._document.set_slide_settings(replace(settings, classes=classes))

    # --- changes of the palette, each one step that can be undone
    def add(self, made: RegionClass) -> None:
        """A new class at the end; one whose name is taken changes nothing."""
        now = self._taken_in()
        if made.name and all(c.name != made.name for c in now.classes):
            classes = replace(now, classes=(*now.classes, made))
            self._change(tr("Add class"), [], classes)

    def recolor(self, name: str, color: tuple[int, int, int]) -> None:
        """Another colour, for the class and all its regions."""
        rois = [
            _without_written_class(replace(roi, color=color))
            for roi in self._document.rois
            if roi.class_name == name
        ]
        now = self._taken_in()
        classes = tuple(RegionClass(name, color) if c.name == name else c for c in now.classes)
        self._change(tr("Change colour of class"), rois, replace(now, classes=classes))

    def rename(self, old: str, new: str) -> None:
        """Another name, for the class and all its regions; a name that is taken merges the two."""
        new = new.strip()
        if not new or new == old:
            return
        now = self._taken_in()
        there = next((c for c in now.classes if c.name == new), None)
        found = next((c for c in now.classes if c.name == old), None)
        if found is None:
            return
        target = there or RegionClass(new, found.color)
        kept = [c for c in now.classes if c.name != old or there is None]
        classes = tuple(target if c.name == old else c for c in kept)
        drawn = new if now.drawn == old else now.drawn
        text = tr("Rename class") if there is None else tr("Merge classes")
        self._change(text, self._moved(old, target), ClassList(classes, drawn))

    def remove(self, name: str) -> bool:
        """Take a class that no region has off the palette; False if regions have it."""
        now = self._taken_in()
        if self._counts[name]:
            return False
        drawn = "" if now.drawn == name else now.drawn
        left = tuple(c for c in now.classes if c.name != name)
        self._change(tr("Remove class"), [], ClassList(left, drawn))
        return True

    # --- help
    def _taken_in(self) -> ClassList:
        """The slide's own list with everything that is shown."""
        listed = tuple(c.shown for c in self.listed)
        return replace(self._document.slide_settings.classes, classes=listed)

    def _change(self, text: str, rois: list[Roi], classes: ClassList) -> None:
        self._document.change_classes(rois, classes, text)

    def _moved(self, old: str, to: RegionClass) -> list[Roi]:
        """All regions of a class, also locked ones, as they are in another."""
        found = []
        for roi in self._document.rois:
            if roi.class_name == old:
                moved = replace(roi, class_name=to.name, color=to.color)
                if roi.metadata.get(MODEL_CLASS) == old:  # still one that a model gave
                    moved = replace(moved, metadata={**roi.metadata, MODEL_CLASS: to.name})
                found.append(_without_written_class(moved))
        return found


def _without_written_class(roi: Roi) -> Roi:
    """Without what a file said of the class: its colour and the parts of its name are old."""
    extra = {key: value for key, value in roi.extra.items() if key != "classification"}
    return replace(roi, extra=extra)
