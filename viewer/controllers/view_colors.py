"""The colours of the view: chosen in the panel and the menu, kept with the slide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal

from viewer.canvas import SlideCanvas
from viewer.canvas.tools.white import White
from viewer.controllers.shared import Controller, Shared
from viewer.state.settings import ViewColors
from viewer.text.tr import tr


class ViewColorController(Controller):
    """Changes the settings of the open slide; the canvas follows them."""

    changed = Signal()  # the colours, or whether they are in the panel or being picked

    def __init__(self, shared: Shared, canvas: SlideCanvas) -> None:
        super().__init__(shared)
        self._canvas = canvas
        self._tool_before = canvas.tool()
        self.opened = False  # the panel
        shared.document.look_changed.connect(self._on_look)
        shared.document.slide_changed.connect(self._on_look)
        canvas.white_picked.connect(self._on_white)
        canvas.tool_changed.connect(lambda _: self.changed.emit())

    @property
    def colors(self) -> ViewColors:
        return self._document.slide_settings.colors

    @property
    def picking(self) -> bool:
        """Whether the next click on the slide says what is white."""
        return self._canvas.tool() == White.id

    def open_panel(self, opened: bool) -> None:
        self.opened = opened
        if not opened:
            self._leave()
        self.changed.emit()

    def change(self, **changes: Any) -> None:
        """Fields of ``ViewColors``."""
        if self._document.slide is not None:
            self._set(replace(self.colors, **changes).checked())

    def reset(self) -> None:
        """The slide's own colours."""
        self._leave()
        self._set(ViewColors())

    def pick_white(self) -> None:
        """Begin or give up picking."""
        if self.picking:
            self._leave()
            return
        self._tool_before = self._canvas.tool()
        self._canvas.set_tool(White.id)
        self._canvas.setFocus()
        self._canvas.hint.emit(tr("Click a place of bare glass, or press Return for the middle."))

    def _on_white(self, rgb: tuple[int, int, int]) -> None:
        self._leave()
        self.change(white=rgb)

    def _leave(self) -> None:
        if self.picking:
            self._canvas.set_tool(self._tool_before)

    def _set(self, colors: ViewColors) -> None:
        settings = self._document.slide_settings
        self._document.set_slide_settings(replace(settings, colors=colors))

    def _on_look(self) -> None:
        """Colours that are not the slide's own are not shown without saying so."""
        self.opened = self.opened or self.colors != ViewColors()
        self.changed.emit()
