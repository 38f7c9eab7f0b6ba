"""How the evidence map (CAM) is made and painted."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QSlider,
    QWidget,
)

from ssmamba.explain.colormaps import COLORMAPS, lookup_table
from ssmamba.explain.methods import METHODS
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.widgets.basic import Segmented, icon_button, label
from viewer.widgets.form import form, term, value_text
from viewer.widgets.layouts import column, row, section
from viewer.widgets.value_scale import ValueScale

STAGES = (
    (
        None,
        "Auto",
        "For each model the detail at which its maps pointed best in training",
    ),
    (1, "1", "Finest detail, simple patterns (4 px of the model's input)"),
    (2, "2", "Fine detail (8 px)"),
    (3, "3", "Coarse detail (16 px)"),
    (4, "4", "Coarsest, closest to the answer (32 px)"),
)
SCALES = (
    ("own", "Each its own", "Every map uses the whole colour scale; strengths do not compare"),
    ("shared", "Shared", "One colour scale for all models: strengths compare"),
)
RAMP_SIZE = QSize(48, 12)


class EvidencePanel(QWidget):
    """Class, method, detail, colours and opacity of the map."""

    def __init__(self, document: Document, library: ModelLibrary) -> None:
        super().__init__()
        self._document = document
        self._library = library
        self._filling = False
        self.visible_box = QCheckBox("Show")
        self.visible_box.setToolTip("Show or hide the evidence map (E)")
        self._class = QComboBox()
        self._method = QComboBox()
        self._stage = Segmented(STAGES, "Detail")
        self._opacity = QSlider(Qt.Orientation.Horizontal)
        self._opacity.setRange(0, 100)
        self._opacity_text = value_text()
        self._colors = QComboBox()
        self._fade = QCheckBox("Fade")
        self._scale = Segmented(SCALES, "Colour scale")
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
            (self._class, "Class whose evidence is shown"),
            (self._method, "Method"),
            (self._colors, "Colours"),
        ):
            box.setAccessibleName(spoken)
            box.setToolTip(spoken)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(5)
        self._opacity.setAccessibleName("Opacity of the map")
        self._fade.setToolTip("Low values are clear, so that the tissue shows through")

    def _lay_out(self) -> None:
        look = self._look_rows()
        look.hide()
        more = icon_button("chevron-down", "Colours and scale of the map", checkable=True)
        more.toggled.connect(look.setVisible)
        rows = form()
        for name, field in (
            ("Class", self._class),
            ("Method", self._method),
            ("Detail", self._stage),
            ("Opacity", row(self._opacity, self._opacity_text, wide=self._opacity)),
        ):
            rows.addRow(term(name), field)
        head = section("Evidence map (CAM)", self.visible_box, more)
        column(self, head, rows, look, self.value_scale, self._caption, upright=12)

    def _look_rows(self) -> QWidget:
        """What changes seldom: colours and scale."""
        look = QWidget()
        rows = form()
        rows.setContentsMargins(0, 0, 0, 0)
        rows.addRow(term("Colours"), row(self._colors, self._fade, wide=self._colors))
        rows.addRow(term("Scale"), self._scale)
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
        """The classes of all models in use, and "predicted" first."""
        self._class.clear()
        self._class.addItem("Predicted by each model", None)
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
        self._method.setToolTip(f"Method: {method.description}")
        self._class.setEnabled(method.uses_class)
        self._class.setToolTip(
            "Class whose evidence is shown"
            if method.uses_class
            else "This method shows what stands out, whatever the class"
        )
        self._fade.setEnabled(not painting.signed)
        self._filling = False

    def show_caption(self, text: str) -> None:
        """What the map under the scale is, or why there is none."""
        self._caption.setText(text)
        self._caption.setVisible(bool(text))


def _ramp(name: str) -> QIcon:
    table = lookup_table(name)
    image = QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888)
    return QIcon(QPixmap.fromImage(image.scaled(RAMP_SIZE)))
