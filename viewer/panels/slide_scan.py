"""The whole slide as a model sees it: how far it is read, how it is shown, and areas by class."""

from __future__ import annotations

import math

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QFrame, QProgressBar, QPushButton, QScrollArea

from viewer.controllers.scan_painter import ScanPainter
from viewer.controllers.scan_tissue import ScanTissueController
from viewer.controllers.slide_scans import SlideScanController
from viewer.panels.scan_words import answer_text, progress_text
from viewer.state.document import Document
from viewer.state.slide_scan import STEPS, Area
from viewer.text import formats
from viewer.text.answers import doubt_name
from viewer.text.tr import tr
from viewer.widgets.area_table import AreaLine, AreaTable
from viewer.widgets.basic import ElidedLabel, icon_button, label, link, restyle
from viewer.widgets.flow import flowing
from viewer.widgets.form import form, slider, term, value_text
from viewer.widgets.layouts import column, row, section
from viewer.widgets.still_box import StillBox

REFRESH_MS = 250  # between two changes of the numbers while windows come


class SlideScanPanel(QFrame):
    """Hidden until a slide is to be read."""

    def __init__(
        self, controller: SlideScanController, painter: ScanPainter,
        tissue: ScanTissueController, document: Document,
    ) -> None:  # fmt: skip
        super().__init__()
        self._tissue = tissue
        self._controller, self._painter, self._document = controller, painter, document
        self._scans = controller.scans
        self._filling = False
        self._place: tuple[float, float] = (math.nan, math.nan)  # of the cursor
        self._model = ElidedLabel(role="muted")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.said = label(wrap=True)
        self.pause, self.stop = QPushButton(tr("Pause")), QPushButton(tr("Stop"))
        self.class_box, self._colors = StillBox(), StillBox()
        self.threshold, self._opacity = slider(STEPS), slider(100)
        self._threshold_text, self._opacity_text = value_text(), value_text()
        self.smooth = QCheckBox(tr("Smooth"))
        self.tissue = QCheckBox(tr("Show tissue"))
        self.as_found = link(
            tr("As it was found"), tr("Take back what was counted and left out by hand")
        )
        self._eye = icon_button("eye", tr("Show or hide the map on the slide"), checkable=True)
        self.close_button = icon_button("close", tr("Put the map away"))
        self.table = AreaTable()
        self._table_title = ElidedLabel(role="small")
        self.under_cursor = ElidedLabel()
        self.under_cursor.setMinimumHeight(28)  # as the other rows
        self.regions = link(tr("Make regions"), tr("One region for each part that is shown"))
        self._soon = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._soon.timeout.connect(self._show_numbers)
        self._spell_out()
        self._lay_out()
        self._connect()
        self.refresh()

    def _spell_out(self) -> None:
        self._colors.add_colormaps()
        for widget, spoken in (
            (self.progress, tr("How much of the slide is read")),
            (self.class_box, tr("Class to show")),
            (self._colors, tr("Colours of the map")),
            (self.threshold, tr("Hide what is less likely than this")),
            (self._opacity, tr("Opacity of the map")),
            (self.smooth, tr("Blend the colours of neighbours")),
            (self.tissue, tr("Shade what does not count as tissue: glass, pen and padding")),
            (self.stop, tr("Read no more; what was read stays")),
        ):
            widget.setAccessibleName(spoken)
            widget.setToolTip(spoken)
        for box in (self.class_box, self._colors):
            box.setSizeAdjustPolicy(StillBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(3)

    def _lay_out(self) -> None:
        fields = form()
        fields.addRow(term(tr("Show")), self.class_box)
        threshold = row(self.threshold, self._threshold_text, wide=self.threshold)
        fields.addRow(term(tr("From")), threshold)
        opacity = row(self._opacity, self._opacity_text, wide=self._opacity)
        fields.addRow(term(tr("Opacity")), opacity)
        fields.addRow(term(tr("Colours")), self._colors)
        fields.addRow(term(tr("Tissue")), flowing(self.tissue, self.as_found))
        fields.addRow("", self.smooth)
        fields.addRow(term(tr("Cursor")), self.under_cursor)
        head = section(tr("Whole slide"), self._eye, self.close_button)
        buttons = flowing(self.pause, self.stop)
        self._settings, self._results = QFrame(), QFrame()
        self._settings.setLayout(fields)
        fields.setContentsMargins(0, 0, 0, 0)
        foot = row(self._table_title, self.regions, wide=self._table_title)
        column(self._results, foot, self.table, margin=0)
        column(
            self, head, self._model, self.progress, self.said, buttons, self._settings,
            self._results,
        )  # fmt: skip

    def _connect(self) -> None:
        scans, controller = self._scans, self._controller
        self.class_box.activated.connect(lambda _: self._set(target=self.class_box.currentData()))
        self._colors.activated.connect(lambda _: self._set(colormap=self._colors.currentData()))
        self.threshold.valueChanged.connect(lambda step: self._set(threshold=step))
        self._opacity.valueChanged.connect(lambda value: self._set(opacity=value / 100))
        self.smooth.toggled.connect(lambda on: self._set(smooth=on))
        self.tissue.toggled.connect(lambda on: self._set(tissue=on))
        self.as_found.clicked.connect(self._tissue.take_back)
        self._eye.toggled.connect(lambda on: self._set(visible=on))
        self.close_button.clicked.connect(controller.put_away)
        self.pause.clicked.connect(self._on_pause)
        self.stop.clicked.connect(controller.stop)
        self.regions.clicked.connect(self._painter.make_regions)
        scans.changed.connect(self.refresh)
        controller.progressed.connect(self._later)
        self._document.slide_settings_changed.connect(self._later)

    def _set(self, **changes: object) -> None:
        if not self._filling:
            self._scans.set_look(**changes)

    def _on_pause(self) -> None:
        if self._scans.under_way:
            self._controller.pause()
        else:
            self._controller.start()

    def _later(self) -> None:
        if not self._soon.isActive():
            self._soon.start()

    def show_value(self, x: float, y: float) -> None:
        """What is known at a place, level-0 pixels; NaN off the slide."""
        self._place = x, y
        found, text = self._scans.map, ""
        if found is not None and math.isfinite(x):
            answer = found.answer_at(x, y)
            text = "" if answer is None else answer_text(answer, self._scans.look.target)
        self.under_cursor.setText(text)

    def refresh(self) -> None:
        """Follow the status, the look and the map."""
        scans, found, look = self._scans, self._scans.map, self._scans.look
        was_there, is_there = not self.isHidden(), bool(scans.status) or found is not None
        self.setVisible(is_there)
        if scans.status in ("looking", "scale") and not was_there:  # the user has just asked for it
            QTimer.singleShot(0, self, self._come_into_view)
        self._model.setText(scans.model_name)
        under_way = scans.under_way
        open_end = under_way or scans.status in ("paused", "stopped", "waiting")
        self.progress.setVisible(open_end)
        self.pause.setText(tr("Pause") if under_way else tr("Resume"))
        self.pause.setAccessibleName(self.pause.text())
        self.pause.setVisible(open_end and not scans.outdated)
        self.stop.setVisible(under_way or scans.status == "scale")
        self._settings.setVisible(found is not None)
        self._results.setVisible(found is not None)
        self._eye.setVisible(found is not None)
        self.close_button.setVisible(found is not None)
        if found is not None:
            self._filling = True
            self._fill_classes()
            self.class_box.setCurrentIndex(max(0, self.class_box.findData(look.target)))
            self._colors.setCurrentIndex(self._colors.findData(look.colormap))
            self._colors.setEnabled(bool(look.target))
            self.threshold.setValue(look.threshold)
            value = formats.value(look.threshold / STEPS)
            self._threshold_text.setText(tr("all") if not look.threshold else value)
            self._opacity.setValue(round(look.opacity * 100))
            self._opacity_text.setText(f"{look.opacity * 100:.0f} %")
            self.smooth.setChecked(look.smooth)
            self._eye.setChecked(look.visible)
            self.tissue.setChecked(look.tissue)
            self.tissue.setEnabled(found.head.tissue is not None)
            self.as_found.setVisible(self._controller.correction.is_any)
            self._filling = False
        self._show_numbers()

    def _come_into_view(self) -> None:
        area = self.parent()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parent()
        if area is not None:
            area.ensureWidgetVisible(self, 0, 0)

    def _fill_classes(self) -> None:
        assert self._scans.map is not None
        wanted = [("", tr("All classes"))]
        wanted += [(info.key, info.name) for info in self._scans.map.head.classes]
        there = [(self.class_box.itemData(n), self.class_box.itemText(n))
                 for n in range(self.class_box.count())]  # fmt: skip
        if there != wanted:
            self.class_box.clear()
            for key, name in wanted:
                self.class_box.addItem(name, key)

    def _show_numbers(self) -> None:
        self._soon.stop()
        scans, found = self._scans, self._scans.map
        self.said.setText(progress_text(scans))
        restyle(self.said, "role", "reason" if scans.outdated else "small")
        moving = found is None or not found.done
        self.progress.setRange(0, 0 if moving and scans.under_way else 1000)
        if found is not None and not moving:
            self.progress.setValue(int(1000 * found.done / max(1, found.head.windows)))
        if found is None:
            return
        complete = found.complete
        self._table_title.setText(tr("Area by class") if complete else tr("Area by class, so far"))
        self.table.show_lines([self._line(area) for area in found.areas()])
        self.show_value(*self._place)

    def _line(self, area: Area) -> AreaLine:
        size = formats.area_mm2(area.px2, self._document.mpp)
        name = doubt_name(area.key) if area.is_doubt else area.name
        return AreaLine(name, area.color, formats.percent(area.share), size, area.is_doubt)
