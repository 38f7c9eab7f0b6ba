"""Tells on the minimap how near a place was seen."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QToolTip

from viewer.canvas.base import CanvasBase
from viewer.canvas.inputs import Inputs
from viewer.canvas.layers.scale_bar import magnification_text
from viewer.canvas.layers.seen import strength
from viewer.text.tr import tr


class MinimapTip(Inputs):
    HANDLERS = {QEvent.Type.ToolTip: "tell"}

    def __init__(self, canvas: CanvasBase) -> None:
        self._canvas = canvas

    def tell(self, event: QHelpEvent) -> bool:
        at = QPointF(event.pos()) * self._canvas.scene.dpr
        if not self._canvas.scene.on_minimap(at):
            QToolTip.hideText()
            return False
        how = tr("Drag to move the view; right-click for other corners and more")
        text = "\n".join(part for part in (self.text_at(at), how) if part)
        QToolTip.showText(event.globalPos(), text, self._canvas)
        return True

    def text_at(self, at: QPointF) -> str:
        """at: a device pixel on the minimap; empty where nobody notes what was seen."""
        scene = self._canvas.scene
        seen, full = scene.minimap.seen, scene.camera.full_magnification
        place = scene.minimap_slide_place(at)
        if seen is None or place is None:
            return ""
        near = seen.at(place.x(), place.y())
        if near is None or strength(full, near) == 0:
            return tr("Not looked at closely yet")
        told = magnification_text(None if full is None else full / near, 1 / near)
        return tr("Seen at {magnification} or closer").format(magnification=told)
