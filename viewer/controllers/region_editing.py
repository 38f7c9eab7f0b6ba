"""Puts selected regions together, cuts them apart, copies, hides and locks them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ssmamba.rois.roi import Roi
from viewer.controllers.shared import Controller
from viewer.text import formats
from viewer.text.tr import tr

COPY_PX = 20.0  # a copy stands this far beside its original, screen pixels
SIMPLER_PX = 1.0  # what is simplified moves by no more than this, screen pixels

Combine = Callable[[Sequence[Roi]], Roi | None]


class RegionEditingController(Controller):
    """Every method is one step that can be undone, on the regions that are selected."""

    @property
    def chosen(self) -> list[Roi]:
        return self._document.chosen

    # --- several into one
    def unite(self) -> None:
        from ssmamba.rois.combining import united  # loads slowly

        self._combine(united, tr("Unite regions"))

    def subtract(self) -> None:
        """Take the others from the region that was selected first."""
        from ssmamba.rois.combining import subtracted

        self._combine(subtracted, tr("Subtract regions"))

    def intersect(self) -> None:
        from ssmamba.rois.combining import intersected

        self._combine(intersected, tr("Intersect regions"))

    def _combine(self, combine: Combine, text: str) -> None:
        rois = self._areas(2, tr("Select at least two regions with an area: Ctrl + click them."))
        if not rois:
            return
        made = combine(rois)
        if made is None:
            self._messages.info(tr("Nothing would be left; the regions were not changed."))
            return
        self._document.exchange(text, changed=[made], gone=[roi.id for roi in rois[1:]])
        self._document.select(made.id)

    # --- one into another
    def split(self) -> None:
        """A region for each connected part."""
        from ssmamba.rois.combining import parts_of

        rois = self._areas(1, tr("Select a region of several parts."))
        made = [part for roi in rois for part in parts_of(roi)]
        if len(made) == len(rois):
            if rois:
                self._messages.info(tr("The selected regions have one part each."))
            return
        self._add_named(tr("Split region"), made)

    def fill_holes(self) -> None:
        from ssmamba.rois.combining import without_holes

        rois = self._areas(1, tr("Select a region with holes."))
        if not self._change(rois, without_holes, tr("Fill holes")) and rois:
            self._messages.info(tr("The selected regions have no holes."))

    def simplify(self, px: float) -> None:
        """Leave out corners that are not seen now. px: level-0 pixels of a screen pixel."""
        from ssmamba.rois.combining import corner_count, simplified

        rois = self._areas(1, tr("Select a region with an area."))
        before = sum(map(corner_count, rois))
        self._change(rois, lambda roi: simplified(roi, SIMPLER_PX * px), tr("Simplify outline"))
        after = sum(corner_count(roi) for roi in self.chosen if roi.has_area and not roi.locked)
        if rois:
            text = tr("{before} corners before, {after} now.")
            self._messages.info(
                text.format(before=formats.whole(before), after=formats.whole(after))
            )

    def duplicate(self, px: float) -> None:
        """A copy of each, beside it. px: level-0 pixels of a screen pixel."""
        from ssmamba.rois.combining import duplicate

        copies = [duplicate(roi, COPY_PX * px, COPY_PX * px) for roi in self.chosen]
        self._add_named(tr("Duplicate region"), copies)

    def _add_named(self, text: str, rois: Sequence[Roi]) -> None:
        """Add regions in one step, name those without a name, and select all of them."""
        document = self._document
        named = document.all_named(rois)
        document.exchange(text, changed=named)
        document.choose([roi.id for roi in named])

    def _change(self, rois: Sequence[Roi], change: Callable[[Roi], Roi | None], text: str) -> bool:
        """Whether any region was changed."""
        made = [new for roi in rois if (new := change(roi)) is not None and new is not roi]
        self._document.change_many(made, text)
        return bool(made)

    def _areas(self, least: int, advice: str) -> list[Roi]:
        """The selected regions that can be edited so; none, with the reason, if too few."""
        rois = [roi for roi in self.chosen if roi.has_area]
        if any(roi.locked for roi in rois):
            self._messages.info(tr("A selected region is locked. Unlock it (K), then try again."))
            return []
        if len(rois) < least:
            self._messages.info(advice)
            return []
        return rois

    # --- what is said of regions
    def switch_hidden(self) -> None:
        """Hide the selected regions, or show them if all are hidden."""
        hidden = not all(roi.hidden for roi in self.chosen)
        changed = [replace(roi, hidden=hidden) for roi in self.chosen]
        text = tr("Hide regions") if hidden else tr("Show regions")
        self._document.change_many(changed, text)
        if hidden:
            self._document.select(None)  # a selected region is seen

    def show_all(self) -> None:
        changed = [replace(roi, hidden=False) for roi in self._document.rois if roi.hidden]
        self._document.change_many(changed, tr("Show regions"))

    def switch_locked(self) -> None:
        locked = not all(roi.locked for roi in self.chosen)
        changed = [replace(roi, locked=locked) for roi in self.chosen]
        self._document.change_many(changed, tr("Lock") if locked else tr("Unlock"))

    def note(self, text: str) -> None:
        """Write the same note to all selected regions; empty takes it away."""
        changed = [roi.noted(text.strip()) for roi in self.chosen if not roi.locked]
        self._document.change_many(changed, tr("Change note"))
        if len(changed) < len(self.chosen):
            self._messages.info(tr("A selected region is locked. Unlock it (K), then try again."))

    def choose_all(self, roi_ids: Sequence[str]) -> None:
        """Select these regions, those hidden left out."""
        document = self._document
        document.choose([i for i in roi_ids if (r := document.roi(i)) and not r.hidden])
