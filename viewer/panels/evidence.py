"""The strip under the slide with the settings of the evidence map (CAM)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QFrame, QSizePolicy, QSlider, QWidget

from ssmamba.explain.methods import METHODS
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.text.tr import tr, translated
from viewer.widgets.basic import ElidedLabel, Segmented, chevron, label
from viewer.widgets.flow import Flow
from viewer.widgets.form import value_text
from viewer.widgets.layouts import column, row
from viewer.widgets.still_box import StillBox
from viewer.widgets.value_scale import ValueScale

STAGES = (
    (None, tr("Auto"), tr("The detail at which each model's maps localised best in training")),
    (1, "1", tr("Finest detail, simple patterns (4 px of model input per cell)")),
    (2, "2", tr("Fine detail (8 px per cell)")),
    (3, "3", tr("Coarse detail (16 px per cell)")),
    (4, "4", tr("Coarsest detail, closest to the answer (32 px per cell)")),
)
SCALES = (
    ("own", tr("Per map"), tr("Full colour scale for each map; strengths are not comparable")),
    ("shared", tr("Shared"), tr("One colour scale for all models; strengths are comparable")),
)
SCALE_PX = 260  # width of the histogram
LEAST_PX = 240
NARROW_PX, WIDE_PX, ROOMY_PX = 420, 740, 930  # of the strip; see EvidencePanel.resizeEvent


class EvidencePanel(QFrame):
    """One row of settings and one of words; method and detail unfold where there is no room."""

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self._filling = False
        self.setProperty("strip", True)
        self.setMinimumWidth(LEAST_PX)  # not what its rows ask for: they fold
        self.visible_box = QCheckBox(tr("Evidence map"))
        self.visible_box.setToolTip(tr("Show or hide the evidence map (E)"))
        self._class = StillBox()
        self._method = StillBox()
        self._stage = Segmented(STAGES, tr("Detail"))
        self._stage.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._opacity.setRange(0, 100)
        self._opacity_text = value_text()
        self._colors = StillBox()
        self._fade = QCheckBox(tr("Fade"))
        self._scale = Segmented(SCALES, tr("Colour scale"))
        self.value_scale = ValueScale()
        self._caption = ElidedLabel(role="small")
        self._method_name = label(tr("Method"), "muted")
        self._detail_name = label(tr("Detail"), "muted")
        self._more = chevron(tr("Show more settings"), tr("Show fewer settings"))
        self._fill_choices()
        self._lay_out()
        self._connect()
        self.refresh_classes()
        self.refresh()

    def _fill_choices(self) -> None:
        for at, method in enumerate(METHODS.values()):
            self._method.addItem(method.name, method.name)
            self._method.setItemData(at, method.description, Qt.ItemDataRole.ToolTipRole)
        self._colors.add_colormaps()
        for box, spoken, letters in (
            (self._class, tr("Class to show evidence for"), 10),
            (self._method, tr("Method"), 9),
            (self._colors, tr("Colours"), 5),
        ):
            box.setAccessibleName(spoken)
            box.setToolTip(spoken)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(letters)
        self._opacity.setAccessibleName(tr("Opacity of the evidence map"))
        self._opacity.setToolTip(tr("Opacity of the evidence map"))
        self._opacity.setMinimumWidth(48)
        self._opacity.setMaximumWidth(160)
        self._fade.setToolTip(tr("Make low values transparent so that the tissue shows through"))

    def _lay_out(self) -> None:
        opacity = row(self._opacity, self._opacity_text, wide=self._opacity, spacing=0)
        self._first = row(self.visible_box, self._class, opacity, self._more, wide=self._class)
        self._unfolding = QWidget()
        self._moving = (
            _field(self._method_name, self._method),
            _field(self._detail_name, self._stage),
        )
        self._flow = Flow(self._unfolding)
        for part in (
            *self._moving,
            _field(label(tr("Colours"), "muted"), self._colors, self._fade),
            _field(label(tr("Scale"), "muted"), self._scale),
            self.value_scale,
        ):
            self._flow.addWidget(part)
        self.value_scale.setFixedWidth(SCALE_PX)
        self._unfolding.hide()
        self._more.toggled.connect(self._unfolding.setVisible)
        column(self, self._first, self._unfolding, self._caption, margin=12, upright=6, spacing=4)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Method and detail stand in the first row where there is room for them."""
        super().resizeEvent(event)
        width = self.width()
        wide, roomy = width >= WIDE_PX, width >= ROOMY_PX
        spelled_out = roomy or NARROW_PX <= width < WIDE_PX
        self.visible_box.setText(tr("Evidence map") if spelled_out else tr("Map"))
        for name in (self._method_name, self._detail_name):
            name.setVisible(roomy or not wide)
        for at, part in enumerate(self._moving):
            stands = self._first.indexOf(part) >= 0
            if wide and not stands:
                self._flow.removeWidget(part)
                self._first.insertWidget(2 + at, part)
            elif stands and not wide:
                self._first.removeWidget(part)
                self._flow.insert_widget(at, part)
            part.show()
        self._order_tabs(wide)

    def _order_tabs(self, wide: bool) -> None:
        """The Tab key follows the eye."""
        moving = [self._method, *self._stage.buttons]
        last = [self._opacity, self._more]
        order = [self.visible_box, self._class, *(moving + last if wide else last + moving)]
        for first, second in pairwise([*order, self._colors, self._fade, *self._scale.buttons]):
            QWidget.setTabOrder(first, second)

    def _connect(self) -> None:
        choose, paint = self._document.maps.choose, self._set_painting
        self._class.activated.connect(lambda _: choose(target=self._class.currentData()))
        self._method.activated.connect(lambda _: choose(method=self._method.currentData()))
        self._stage.chosen.connect(lambda stage: choose(stage=stage))
        self.visible_box.toggled.connect(lambda on: paint(visible=on))
        self._colors.activated.connect(lambda _: paint(colormap=self._colors.currentData()))
        self._fade.toggled.connect(lambda on: paint(fade=on))
        self._scale.chosen.connect(lambda scale: paint(scale=scale))
        self._opacity.valueChanged.connect(lambda value: paint(opacity=value / 100))
        self._document.maps.changed.connect(self.refresh)
        self._document.map_painting_changed.connect(self.refresh)
        self._library.changed.connect(self.refresh_classes)
        self._library.shown_changed.connect(self.refresh)
        self._library.changed.connect(self._show_strip)
        self._show_strip()

    def _show_strip(self) -> None:
        """There is nothing to set before a model is in use."""
        self.setVisible(bool(self._library.in_use))

    def _set_painting(self, **changes: object) -> None:
        if not self._filling:
            painting = replace(self._document.map_painting, **changes)  # type: ignore[arg-type]
            self._document.set_map_painting(painting)

    def refresh_classes(self) -> None:
        """The classes of all models in use, after the predicted one."""
        self._class.clear()
        self._class.addItem(tr("Predicted class"), None)
        for info in self._library.classes_in_use():
            self._class.addItem(info.name, info.key)
        self.refresh()

    def refresh(self) -> None:
        shown = self._library.shown
        spec = self._document.maps.of("" if shown is None else shown.path)
        painting = self._document.map_painting
        self._filling = True
        self.visible_box.setChecked(painting.visible)
        self._class.setCurrentIndex(max(0, self._class.findData(spec.target)))
        self._method.setCurrentIndex(self._method.findData(spec.method))
        self._stage.set_value(spec.stage)
        self._opacity.setValue(round(painting.opacity * 100))
        self._opacity_text.setText(f"{painting.opacity * 100:.0f} %")
        self._colors.setCurrentIndex(self._colors.findData(painting.colormap))
        self._fade.setChecked(painting.fade)
        self._scale.set_value(painting.scale)
        method = METHODS[spec.method]
        self._method.setToolTip(tr("Method: {text}").format(text=translated(method.description)))
        self._class.setEnabled(method.uses_class)
        self._class.setToolTip(
            tr("Class to show evidence for")
            if method.uses_class
            else tr("This method shows salient features regardless of class")
        )
        self._fade.setEnabled(not painting.signed)
        self._filling = False

    def show_caption(self, text: str) -> None:
        """Describe the map, or why there is none.

        The line stays when it is empty, so that the slide does not move.
        """
        self._caption.setText(text)


def _field(*parts: QWidget) -> QWidget:
    """A setting: its name, then its controls."""
    made = QWidget()
    line = row(*parts, wide=parts[1])
    line.setContentsMargins(0, 0, 0, 0)
    made.setLayout(line)
    return made
