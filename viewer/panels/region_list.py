"""The regions as a Qt list model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, QTimer

from ssmamba.rois.measures import angle_of, length_of, point_count
from ssmamba.rois.roi import Roi
from viewer.state.document import Document
from viewer.state.library import Model, ModelLibrary, names_beside
from viewer.state.planning import answer_key
from viewer.state.region_order import RegionOrder, arranged
from viewer.state.results import AnswerKey
from viewer.state.scale import needs_scale
from viewer.text import formats
from viewer.text.answers import Said, said
from viewer.text.tr import tr

ModelIndex = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
RoiRole = int(Qt.ItemDataRole.UserRole)
LineRole = RoiRole + 1
MANY = 5000
UNNAMED = tr("Unnamed region")
KINDS = {  # regions without an area, which no model is asked about
    "point": tr("Points"),
    "line": tr("Line"),
    "ruler": tr("Ruler"),
    "angle": tr("Angle"),
}
NOTHING_SAID = Said()


@dataclass(frozen=True)
class RegionLine:
    """What a row says below the region's name."""

    text: str = ""  # the class, or why there is no answer; empty beside a doubt without a class
    said: Said = NOTHING_SAID
    user_class: str = ""
    outdated: bool = False

    @property
    def spoken(self) -> str:
        """All of it for screen readers."""
        own = tr("your class: {name}").format(name=self.user_class) if self.user_class else ""
        parts = (own, self.said.spoken or self.text, tr("outdated") if self.outdated else "")
        return ", ".join(part for part in parts if part)


class RegionModel(QAbstractListModel):
    """One row for each region that is shown, in the order that the user has chosen."""

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self.is_pending: Callable[[AnswerKey], bool] = lambda key: False
        self._rois: list[Roi] = []  # those that are shown, in their order
        self._rows: dict[str, int] = {}
        self._order = RegionOrder()
        self.has_user_classes = False
        self._areas: dict[str, tuple[Roi, float]] = {}
        self._known = 0  # regions of the document, shown or not
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._reload)
        document.rois_changed.connect(self._on_rois_changed)
        document.slide_changed.connect(self._reload)
        document.results_changed.connect(self._repaint)
        document.slide_settings_changed.connect(self._repaint)
        library.changed.connect(self._repaint)
        library.shown_changed.connect(self._repaint)
        self._reload()

    def _on_rois_changed(self) -> None:
        """At once, but very many new ones in a turn of their own: the window answers between."""
        if len(self._document.rois) - self._known > MANY:
            self._soon.start()
        else:
            self._reload()

    def _reload(self) -> None:
        self._known = len(self._document.rois)
        new = arranged(self._document.rois, self._order)
        had = self.has_user_classes
        self.has_user_classes = any(roi.class_name and roi.user_class for roi in new)
        as_drawn = self._order == RegionOrder()
        ids = list(self._document.rois_by_id) if as_drawn else [roi.id for roi in new]
        if ids == list(self._rows):
            self._rois = new
            self._repaint()
            if had != self.has_user_classes:
                self.layoutChanged.emit()  # rows change their height
            return
        self.beginResetModel()
        self._rois = new
        self._rows = dict(zip(ids, range(len(ids)), strict=True))
        self.endResetModel()

    @property
    def rois(self) -> Sequence[Roi]:
        """The regions that are shown, in their order."""
        return tuple(self._rois)

    def arrange(self, order: RegionOrder) -> None:
        """Show other regions, or in another order."""
        self._order = order
        self._reload()

    def _repaint(self, *_: object) -> None:
        if self._rois:
            self.dataChanged.emit(self.index(0), self.index(len(self._rois) - 1))

    def row_of(self, roi_id: str) -> int:
        """-1 for a region that is not shown."""
        return self._rows.get(roi_id, -1)

    def roi_at(self, index: ModelIndex) -> Roi | None:
        return self._rois[index.row()] if index.isValid() else None

    # --- Qt's interface
    def rowCount(self, parent: ModelIndex = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self._rois)

    def flags(self, index: ModelIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        roi = self.roi_at(index)
        if roi is not None and not roi.locked:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        roi = self.roi_at(index)
        if roi is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return roi.name or UNNAMED
        if role == RoiRole:
            return roi
        if role == LineRole:
            return self.line(roi)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            states = (tr("hidden") if roi.hidden else "", tr("locked") if roi.locked else "")
            parts = (roi.name, self.area_text(roi), self.line(roi).spoken, *states, roi.note)
            return ", ".join(part for part in parts if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.tip(roi)
        return None

    def setData(self, index: ModelIndex, value: object, role: int = 0) -> bool:
        roi = self.roi_at(index)
        if roi is None or role != Qt.ItemDataRole.EditRole:
            return False
        self._document.change(replace(roi, name=str(value).strip()), tr("Rename region"))
        return True

    # --- texts
    def area_text(self, roi: Roi) -> str:
        if not roi.has_area:
            return self._measure_text(roi)
        kept = self._areas.get(roi.id)
        if kept is None or kept[0] is not roi:
            from ssmamba.rois.geometry import area_of

            kept = (roi, area_of(roi))
            self._areas[roi.id] = kept
        return formats.area(kept[1], self._document.mpp)

    def _measure_text(self, roi: Roi) -> str:
        """What stands in place of an area: number of points, angle, or length."""
        if roi.kind == "point":
            return formats.points(point_count(roi))
        if roi.kind == "angle":
            return formats.degrees(angle_of(roi))
        return formats.exact_length(length_of(roi), self._document.mpp)

    def line(self, roi: Roi) -> RegionLine:
        """The user's class and the shown model's answer."""
        if not roi.has_area:
            return RegionLine(KINDS.get(roi.kind, ""), user_class=roi.user_class)
        model, own = self._library.shown, roi.user_class
        key = None if model is None else answer_key(self._document, roi, model)
        newest = model and self._document.results.newest_answer(roi.id, model.path)
        if model is None or key is None or not newest:
            waiting = key is not None and self.is_pending(key)
            # a model's class that came with a file stands where an answer would
            none = self._unanswered(roi, model) if own or not roi.class_name else roi.class_name
            return RegionLine(tr("Classifying…") if waiting else none, user_class=own)
        told = said(model.card, newest[1], own)
        return RegionLine(told.name, told, own, outdated=newest[0] != key)

    def _unanswered(self, roi: Roi, model: Model | None) -> str:
        if model is not None and needs_scale(self._document, roi, model):
            return tr("Not classified: select it to set the scale")
        return tr("Not classified")

    def tip(self, roi: Roi) -> str:
        """The note, and every model's answer where there are several."""
        models = self._library.in_use
        lines = [roi.note] if roi.note else []
        if len(models) > 1 and roi.has_area:
            named = zip(models, names_beside(models), strict=True)
            lines += [f"{name}: {self._answer_text(roi, model)}" for model, name in named]
        return "\n".join(lines)

    def _answer_text(self, roi: Roi, model: Model) -> str:
        newest = self._document.results.newest_answer(roi.id, model.path)
        if newest is None:
            return tr("not classified")
        return said(model.card, newest[1], roi.user_class).spoken
