"""Base of the parts of a canvas that handle its input."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QEvent


class Inputs:
    """Handles events of some types, each with a method of its own."""

    HANDLERS: ClassVar[dict[QEvent.Type, str]] = {}  # names of the methods

    def handle(self, event: QEvent) -> bool:
        """Handle one of the events in HANDLERS; False if Qt should handle it."""
        return getattr(self, self.HANDLERS[event.type()])(event) is not False
