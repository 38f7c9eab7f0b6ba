"""The dialog that brings a place into view."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from viewer.canvas.camera import Camera
from viewer.text.tr import tr
from viewer.widgets.basic import label
from viewer.widgets.dialog import Button, Dialog
from viewer.widgets.form import inset
from viewer.widgets.number_box import NumberBox

FARTHEST = 1e9


class GoToDialog(Dialog):
    """x and y from the slide's top left, in pixels or µm; at first the middle of the view."""

    def __init__(self, camera: Camera, parent: QWidget | None = None) -> None:
        super().__init__(tr("Go to"), parent)
        self._camera = camera
        self.unit = QComboBox()
        self.unit.setAccessibleName(tr("Unit"))
        self.unit.addItem("px", 1.0)
        if camera.mpp is not None:
            self.unit.addItem("µm", camera.mpp)
        self.across, self.down = _box(tr("x, from the left")), _box(tr("y, from the top"))
        self._shown_in = 1.0
        self.across.setValue(camera.state.center_x)
        self.down.setValue(camera.state.center_y)
        self.unit.currentIndexChanged.connect(self._on_unit)
        form = QFormLayout()
        form.addRow(label(self.across.accessibleName()), self.across)
        form.addRow(label(self.down.accessibleName()), self.down)
        form.addRow(label(tr("Unit")), self.unit)
        self.lay_out(form, margin=16, buttons=Button.Ok | Button.Cancel)
        self.across.selectAll()

    def _on_unit(self) -> None:
        """The same place in the other unit."""
        new = float(self.unit.currentData())
        for box in (self.across, self.down):
            box.setValue(box.value() / self._shown_in * new)
        self._shown_in = new

    def accept(self) -> None:
        for box in (self.across, self.down):
            box.interpretText()
        self._camera.move_to(
            self.across.value() / self._shown_in, self.down.value() / self._shown_in
        )
        super().accept()


def _box(name: str) -> NumberBox:
    box = NumberBox()
    box.setRange(0.0, FARTHEST)
    box.setDecimals(1)
    box.setAccessibleName(name)
    inset(box)
    return box
