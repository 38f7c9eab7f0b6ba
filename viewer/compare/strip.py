"""The comparison's settings: what its columns are, which detail, where evidence is counted, and how
it is looked at; pages and the shared colour scale."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QFrame, QMenu, QToolButton, QWidget

from viewer.compare.footer import Scale
from viewer.look.icons import set_icon
from viewer.look.sizes import scaled
from viewer.state.comparison import Comparison
from viewer.state.document import Document
from viewer.state.matrix import CLASS, OWN, REGION, SAME
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, Segmented, icon_button, label
from viewer.widgets.flow import Flow
from viewer.widgets.layouts import column, row
from viewer.widgets.still_box import StillBox

AXES = (
    ("models", tr("None: one map each")),
    ("classes", tr("Classes")),
    ("methods", tr("Methods")),
    ("stages", tr("Details")),
)
DETAILS = (
    (SAME, tr("Same for all"), tr("The detail on the slide; for “Auto”, that of the model there")),
    (OWN, tr("Each its own"), tr("The detail at which each model's maps localised best")),
    *((stage, str(stage), tr("The same detail for all models")) for stage in (1, 2, 3, 4)),
)
LOOKS = (
    ("grid", tr("Grid"), tr("All maps beside each other")),
    ("swipe", tr("Swipe"), tr("Map A left of a line and map B right of it; drag the line")),
    ("blink", tr("Blink"), tr("Map A and map B in turn, at the same place")),
    ("difference", tr("A \u2212 B"), tr("The difference of map A and map B, zero in the middle")),
)
PAGE_TEXT_PX = 270  # "Models 9 to 16 of 23 · Columns 1 to 4 of 12"
MOST_REGIONS = 200  # in the list of places where evidence is counted


class InsideBox(StillBox):
    """Where evidence is counted; the regions are listed when the list is about to be used."""

    filling = Signal()

    def showPopup(self) -> None:
        self.filling.emit()
        super().showPopup()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.filling.emit()
        super().focusInEvent(event)


class CompareStrip(QFrame):
    """One row of settings, folded where it is narrow."""

    enlarge_requested = Signal()

    def __init__(self, state: Comparison, document: Document) -> None:
        super().__init__()
        self._state = state
        self._document = document
        self.setProperty("strip", True)
        self._axis = StillBox()
        self._columns = QToolButton()
        self._menu = QMenu(self)
        self._detail = StillBox()
        self._inside = InsideBox()
        self._look = Segmented(LOOKS, tr("Look at"))
        self.scale = Scale()
        self._page_text = ElidedLabel(role="small")
        self._page_text.setFixedWidth(scaled(PAGE_TEXT_PX))
        self._back = icon_button("chevron-left", tr("Previous page of the comparison"))
        self._on = icon_button("chevron-right", tr("Next page of the comparison"))
        self.enlarge = icon_button(
            "enlarge", tr("Let the comparison fill the window"), checkable=True
        )
        self._fill()
        self._lay_out()
        self._connect()
        self.refresh()

    def _fill(self) -> None:
        for key, text in AXES:
            self._axis.addItem(text, key)
        for value, text, tip in DETAILS:
            self._detail.addItem(text, value)
            self._detail.setItemData(self._detail.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        for box, spoken in (
            (self._axis, tr("Columns of the comparison")),
            (self._detail, tr("Detail of the compared maps")),
            (self._inside, tr("Where the share of the evidence is counted")),
        ):
            box.setAccessibleName(spoken)
            box.setToolTip(spoken)
        self._columns.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._columns.setMenu(self._menu)
        set_icon(self._columns, "chevron-down")
        self._columns.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._columns.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow after the text
        self._columns.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._columns.setAccessibleName(tr("Which columns are shown"))
        self._inside.setMinimumContentsLength(12)
        policy = StillBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self._inside.setSizeAdjustPolicy(policy)
        self.scale.setMinimumWidth(150)
        self.scale.hide()  # until maps share one

    def _lay_out(self) -> None:
        body = QWidget()
        flow = Flow(body)
        pager = _field(self._back, self._page_text, self._on)
        for part in (
            _field(label(tr("Columns"), "muted"), self._axis, self._columns),
            _field(label(tr("Detail"), "muted"), self._detail),
            _field(label(tr("Inside"), "muted"), self._inside),
            self._look,
            self.scale,
            pager,
        ):
            flow.addWidget(part)
        self._pager = pager
        column(self, row(body, self.enlarge, wide=body), margin=12, upright=4, spacing=0)

    def _connect(self) -> None:
        state = self._state
        self._axis.activated.connect(lambda _: self._choose(axis=self._axis.currentData()))
        self._detail.activated.connect(lambda _: self._choose(detail=self._detail.currentData()))
        self._inside.activated.connect(lambda _: self._choose(inside=self._inside.currentData()))
        self._inside.filling.connect(self._fill_regions)
        self._look.chosen.connect(lambda look: self._choose(look=look))
        self._back.clicked.connect(state.previous_page)
        self._on.clicked.connect(state.next_page)
        self.enlarge.clicked.connect(self.enlarge_requested)
        self._menu.aboutToShow.connect(self._fill_menu)
        state.changed.connect(self.refresh)
        self._document.selection_changed.connect(self.refresh)

    def _choose(self, **changes: object) -> None:
        self._state.choose(replace(self._state.choice, **changes))  # type: ignore[arg-type]

    # --- following
    def refresh(self) -> None:
        state, choice = self._state, self._state.choice
        self._axis.setCurrentIndex(self._axis.findData(choice.axis))
        self._detail.setCurrentIndex(self._detail.findData(choice.detail))
        self._detail.setEnabled(choice.axis != "stages")
        self._look.set_value(choice.look)
        several = len(state.all_columns) > 1
        self._columns.setVisible(several)
        text = tr("{shown} of {all}")
        self._columns.setText(text.format(shown=len(state.columns), all=len(state.all_columns)))
        if self._inside.findData(state.inside) < 0:
            self._fill_regions()
        self._inside.setCurrentIndex(self._inside.findData(state.inside))
        page = state.page
        self._page_text.setText(page.text)
        self._back.setEnabled(state.can_go_back)
        self._on.setEnabled(state.can_go_on)
        self._pager.setVisible(choice.look == "grid")
        for (look, *_), button in zip(LOOKS, self._look.buttons, strict=True):
            button.setEnabled(look == "grid" or state.pair is not None)

    def _fill_regions(self) -> None:
        """The selected region, those of the map's class, and each that lies in the selected one."""
        chosen = self._state.inside
        self._inside.clear()
        self._inside.addItem(tr("the region"), REGION)
        self._inside.addItem(tr("regions of its class"), CLASS)
        selected = self._document.selected
        if selected is not None:
            left, top, right, bottom = selected.bounds
            near = (
                roi
                for roi in self._document.rois
                if roi is not selected and roi.has_area
                and roi.bounds[0] < right and roi.bounds[2] > left
                and roi.bounds[1] < bottom and roi.bounds[3] > top
            )  # fmt: skip
            for roi, _ in zip(near, range(MOST_REGIONS), strict=False):
                self._inside.addItem(roi.name or tr("Unnamed region"), roi.id)
        kept = self._document.roi(chosen)
        if kept is not None and self._inside.findData(chosen) < 0:
            self._inside.addItem(kept.name or tr("Unnamed region"), chosen)
        self._inside.setCurrentIndex(self._inside.findData(chosen))

    def _fill_menu(self) -> None:
        """The columns, each to be ticked."""
        self._menu.clear()
        hidden = self._state.choice.hidden
        for item in self._state.all_columns:
            action = self._menu.addAction(item.title.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(item.key not in hidden)
            action.triggered.connect(lambda on, key=item.key: self._tick(key, on))

    def _tick(self, key: str, shown: bool) -> None:
        choice = self._state.choice
        hidden = choice.hidden - {key} if shown else choice.hidden | {key}
        if hidden < {item.key for item in self._state.all_columns}:  # one stays
            self._state.choose(choice.hiding(hidden))


def _field(*parts: QWidget) -> QWidget:
    made = QWidget()
    line = row(*parts, spacing=6)
    line.setContentsMargins(0, 0, 0, 0)
    made.setLayout(line)
    return made
