"""Settings of the evidence map (CAM)."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import QCheckBox, QComboBox, QSlider, QWidget

from ssmamba.explain.colormaps import COLORMAPS, lookup_table
from ssmamba.explain.methods import METHODS
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.text.tr import tr
from viewer.widgets.basic import Segmented, icon_button, label
from viewer.widgets.form import form, term, value_text
from viewer.widgets.layouts import column, row, section
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
RAMP_SIZE = QSize(48, 12)


class EvidencePanel(QWidget):
    """Class, method, detail, colours and opacity of the map."""

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self._filling = False
        self.visible_box = QCheckBox(tr("Show"))
        self.visible_box.setToolTip(tr("Show or hide the evidence map (E)"))
        self._class = QComboBox()
        self._method = QComboBox()
        self._stage = Segmented(STAGES, tr("Detail"))
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._opacity.setRange(0, 100)
        self._opacity_text = value_text()
        self._colors = QComboBox()
        self._fade = QCheckBox(tr("Fade"))
        self._scale = Segmented(SCALES, tr("Colour scale"))
        self.value_scale = ValueScale()
        self._caption = label(role="small", wrap=True)
        self._fill_choices()
        self._lay_out()
        self._connect()
        self.refresh_classes()
        self.refresh()

    def _fill_choices(self) -> None:
        for at, method in enumerate(METHODS.values()):
            self._method.addItem(method.name, method.name)
            self._method.setItemData(at, method.description, Qt.ItemDataRole.ToolTipRole)
        self._colors.setIconSize(RAMP_SIZE)
        for name in COLORMAPS:
            self._colors.addItem(_ramp(name), name.replace("-", " to ").capitalize(), name)
        for box, spoken in (
            (self._class, tr("Class to show evidence for")),
            (self._method, tr("Method")),
            (self._colors, tr("Colours")),
        ):
            box.setAccessibleName(spoken)
            box.setToolTip(spoken)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(5)
        self._opacity.setAccessibleName(tr("Opacity of the evidence map"))
        self._fade.setToolTip(tr("Make low values transparent so that the tissue shows through"))

    def _lay_out(self) -> None:
        look = self._look_rows()
        look.hide()
        more = icon_button("chevron-down", tr("Show colours and scale"), checkable=True)
        more.toggled.connect(look.setVisible)
        rows = form()
        for name, field in (
            (tr("Class"), self._class),
            (tr("Method"), self._method),
            (tr("Detail"), self._stage),
            (tr("Opacity"), row(self._opacity, self._opacity_text, wide=self._opacity)),
        ):
            rows.addRow(term(name), field)
        head = section(tr("Evidence map (CAM)"), self.visible_box, more)
        column(self, head, rows, look, self.value_scale, self._caption, upright=12)

    def _look_rows(self) -> QWidget:
        """The settings that are hidden at first: colours and scale."""
        look = QWidget()
        rows = form()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(term(tr("Colours")), row(self._colors, self._fade, wide=self._colors))
        rows.addRow(term(tr("Scale")), self._scale)
        look.setLayout(rows)
        return look

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

    def _set_painting(self, **changes: object) -> None:
        if not self._filling:
            painting = replace(self._document.map_painting, **changes)  # type: ignore[arg-type]
            self._document.set_map_painting(painting)

    def refresh_classes(self) -> None:
        """The classes of all models in use, after the predicted one."""
        self._class.clear()
        self._class.addItem(tr("Predicted by each model"), None)
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
        self._method.setToolTip(tr("Method: {text}").format(text=method.description))
        self._class.setEnabled(method.uses_class)
        self._class.setToolTip(
            tr("Class to show evidence for")
            if method.uses_class
            else tr("This method shows salient features regardless of class")
        )
        self._fade.setEnabled(not painting.signed)
        self._filling = False

    def show_caption(self, text: str) -> None:
        """Describe the map below its colour scale, or why there is none."""
        self._caption.setText(text)
        self._caption.setVisible(bool(text))


def _ramp(name: str) -> QIcon:
    table = lookup_table(name)
    image = QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image.scaled(RAMP_SIZE)))
