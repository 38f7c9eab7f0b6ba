"""Sets the scale of the slide by a line of known length."""

from __future__ import annotations

from PySide6.QtCore import Signal

from ssmamba.rois.measures import length_of
from ssmamba.rois.roi import Roi
from viewer.canvas import SlideCanvas
from viewer.canvas.tools.known_line import KnownLine
from viewer.controllers.shared import Controller, Shared
from viewer.state.calibration import MPP_DECIMALS, CalibrationDraft
from viewer.text.tr import decimal, tr


class KnownLineController(Controller):
    """Lends the canvas the tool for the line, and takes the scale that it gives."""

    drawn = Signal(float)  # length of the line, level-0 pixels
    left = Signal()  # no line is drawn any more

    def __init__(self, shared: Shared, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        self._canvas = canvas
        self._tool_before = canvas.tool()
        self._drawing = False
        canvas.line_drawn.connect(self.drawn)
        canvas.tool_changed.connect(self._on_tool)
        shared.document.slide_changed.connect(self._on_slide)

    @property
    def ruler_px(self) -> float | None:
        """Length of the selected ruler, level-0 pixels; None unless one ruler is selected."""
        ruler = self._ruler()
        return None if ruler is None else length_of(ruler)

    def _ruler(self) -> Roi | None:
        chosen = self._document.chosen
        return chosen[0] if len(chosen) == 1 and chosen[0].kind == "ruler" else None

    def draw(self) -> None:
        """Have a line drawn; ``drawn`` follows, again when it is drawn anew, then ``left``."""
        if self._document.slide is None:
            return
        self._tool_before = self._canvas.tool()
        self._drawing = True
        self._canvas.set_tool(KnownLine.id)
        self._canvas.setFocus()
        self._canvas.hint.emit(
            tr("Drag along something of known length, such as a scale bar; Esc cancels.")
        )

    def leave(self) -> None:
        if self._drawing:
            self._canvas.set_tool(self._tool_before)

    def set_scale(self, mpp: float) -> None:
        """As if it was typed under Calibration. mpp: µm per level-0 pixel."""
        slide = self._document.slide
        if slide is None:
            return
        draft = CalibrationDraft(self._document.slide_settings, slide.mpp)
        draft.set_mpp(mpp)
        self._document.set_slide_settings(draft.settings)
        text = tr("One slide pixel is now {mpp} µm; change it back under Slide ▸ Calibration.")
        self._messages.info(text.format(mpp=decimal(f"{mpp:.{MPP_DECIMALS}f}")))

    def _on_slide(self) -> None:
        """A line on another slide says nothing about this one."""
        self.leave()
        self.left.emit()

    def _on_tool(self, tool_id: str) -> None:
        if self._drawing and tool_id != KnownLine.id:
            self._drawing = False
            self.left.emit()
