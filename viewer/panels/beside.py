"""The bar above two slides: their names, how they are linked, and what can be done with them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QGridLayout, QMenu, QWidget

from viewer.controllers.beside import BesideController
from viewer.look.sizes import scaled
from viewer.state.document import Document
from viewer.text import formats
from viewer.text.tr import tr, tr_n
from viewer.widgets.basic import ElidedLabel, action_button, icon_button
from viewer.widgets.layouts import row
from viewer.workspace import Workspace

BUTTONS = ("link_slides", "mark_places", "copy_across", "swap_slides")
BAR_PX = 54  # for letters of 13 px
MENU_AT = QPoint(16, 16)  # on the slide


class BesideBar(QFrame):
    """Hidden while there is one slide."""

    def __init__(
        self, beside: BesideController, document: Document, buttons: Sequence[QAction]
    ) -> None:
        super().__init__()
        self._beside = beside
        self._document = document
        self.setProperty("panelTitle", True)
        self.setFixedHeight(max(BAR_PX, scaled(BAR_PX - 8)))
        self._here, self._there = ElidedLabel("", "title"), ElidedLabel("", "title")
        self.state = ElidedLabel("", "small")
        self._close = icon_button("close", tr("Close the second slide"))
        self._close.clicked.connect(beside.close)
        right = row(
            self._there, *map(action_button, buttons), self._close, wide=self._there, spacing=2
        )
        layout = QGridLayout(self)
        layout.setContentsMargins(12, 2, 8, 4)
        layout.setVerticalSpacing(0)
        layout.addWidget(self._here, 0, 0)
        layout.addLayout(right, 0, 1)
        layout.addWidget(self.state, 1, 0, 1, 2)
        for half in (0, 1):
            layout.setColumnMinimumWidth(half, 1)
            layout.setColumnStretch(half, 1)
        for changed in (beside.changed, document.slide_changed):
            changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        self.setVisible(self._beside.is_open)
        slide = self._document.slide
        self._here.setText("" if slide is None else slide.name)
        self._there.setText(Path(self._beside.path).name)
        self.state.setText(state_text(self._beside))
        self.setAccessibleName(self.state.text())


def state_text(beside: BesideController) -> str:
    """What to do, or how the two slides are linked."""
    link, found = beside.link, beside.similarity
    if beside.info is None:
        return tr("Opening…") if beside.is_open else ""
    if beside.landmarks.active:
        if beside.landmarks.has_one:
            return tr("Now click the same place on the other slide.")
        return tr("Click the same place on both slides (Return takes the middle, Esc cancels).")
    if not link.pairs:
        return tr("Not linked. Mark the same place on both slides to link them.")
    if found is None:
        return tr("The link is off.")
    if not beside.can_forget:
        return tr("Linked: both are the same slide.")
    parts = [tr_n("Linked by {count} place", "Linked by {count} places", len(link.pairs))]
    parts[0] = parts[0].format(count=len(link.pairs))
    if len(link.pairs) == 1:
        known = beside.scale is not None
        parts.append(tr("scale by µm/px") if known else tr("pixel by pixel, µm/px unknown"))
    if len(link.pairs) > 1 or round(math.degrees(found.turn), 1):
        turn = formats.rotation(abs(math.degrees(found.turn)))
        parts.append(tr("rotated by {degrees}").format(degrees=turn))
    if len(link.pairs) > 2:
        error = formats.length(link.error_px(), beside.there_mpp)
        parts.append(tr("off by up to {length}").format(length=error))
    return ", ".join(parts)


def beside_menu(work: Workspace, other: Callable[[], object], parent: QWidget) -> QMenu:
    """The slides of the list, one of which is to be shown beside the open one; ``other`` asks."""
    menu = QMenu(parent)
    slides = work.slides.list
    for path in (path for path in slides.paths if not slides.is_missing(path)):
        name = Path(path).name.replace("&", "&&")
        same = path == work.slides.current
        text = tr("{name} (the same slide)").format(name=name) if same else name
        menu.addAction(text, partial(work.beside.open, path))
    menu.addSeparator()
    menu.addAction(tr("Another slide…"), other)
    if work.beside.is_open:
        menu.addAction(tr("Close the second slide"), work.beside.close)
    return menu


def show_beside_menu(work: Workspace, other: Callable[[], object], parent: QWidget) -> None:
    """At the corner of the slide, for the mouse and the keyboard."""
    menu = beside_menu(work, other, parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(work.canvas.mapToGlobal(MENU_AT))
    menu.setActiveAction(menu.actions()[0])
