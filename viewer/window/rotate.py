"""The dialog that turns the slide by any angle."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFormLayout, QSlider, QWidget

from viewer.canvas import SlideCanvas
from viewer.canvas.types import ViewState
from viewer.text.tr import tr
from viewer.widgets.basic import icon_button, label
from viewer.widgets.dialog import Button, Dialog
from viewer.widgets.form import inset
from viewer.widgets.layouts import row
from viewer.widgets.number_box import NumberBox

HALF_TURN = 180
TICK_DEG = 45
SLIDER_PX = 300
FROM_EDGE_PX = 48  # of the slide


class RotateDialog(Dialog):
    """The slide follows at once; Cancel takes it back."""

    def __init__(self, canvas: SlideCanvas, parent: QWidget | None = None) -> None:
        super().__init__(tr("Rotate"), parent)
        self._camera = camera = canvas.camera
        self._info, self._before = camera.info, camera.state.rotation
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(-HALF_TURN, HALF_TURN)
        self.slider.setPageStep(TICK_DEG)
        self.slider.setTickInterval(TICK_DEG)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setMinimumWidth(SLIDER_PX)
        self.slider.setAccessibleName(tr("Rotation of the slide"))
        self.angle = NumberBox()
        self.angle.setRange(-HALF_TURN, HALF_TURN)
        self.angle.setDecimals(1)
        self.angle.setSuffix("°")
        self.angle.setWrapping(True)
        self.angle.setKeyboardTracking(False)  # a number is typed digit by digit
        self.angle.setAccessibleName(tr("Rotation of the slide, degrees clockwise"))
        inset(self.angle)
        self._show(camera.state)
        self.slider.valueChanged.connect(self._on_chosen)
        self.angle.valueChanged.connect(self._on_chosen)
        camera.changed.connect(self._show)
        form = QFormLayout()
        reset = icon_button("undo", tr("Reset rotation"))
        reset.clicked.connect(lambda: camera.turn_to(0.0))
        angle = row(self.slider, self.angle, reset, wide=self.slider)
        form.addRow(label(tr("Angle, clockwise")), angle)
        self.lay_out(form, margin=16, buttons=Button.Ok | Button.Cancel)
        self.angle.selectAll()
        self.angle.setFocus()
        self._move_below(canvas)

    def _move_below(self, canvas: SlideCanvas) -> None:
        """Leave the middle of the slide free."""
        self.adjustSize()
        x = (canvas.width() - self.width()) // 2
        self.move(canvas.mapToGlobal(QPoint(x, canvas.height() - self.height() - FROM_EDGE_PX)))

    def _on_chosen(self, degrees: float) -> None:
        if not self._filling:
            self._camera.turn_to(degrees)

    def _show(self, state: ViewState) -> None:
        """The rotation of now, which may also be changed beside the dialog."""
        signed = HALF_TURN - (HALF_TURN - state.rotation) % 360.0
        self._filling = True
        if abs(self.slider.value()) != HALF_TURN or signed != HALF_TURN:  # both ends are the same
            self.slider.setValue(round(signed))
        self.angle.setValue(signed)
        self._filling = False

    def reject(self) -> None:
        if self._camera.info is self._info:  # else another slide closes it
            self._camera.turn_to(self._before)
        super().reject()
