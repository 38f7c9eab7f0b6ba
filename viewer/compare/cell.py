"""One cell of the comparison: a linked view under a title, above its scale and numbers."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QMenu, QSizePolicy

from viewer.canvas import SlideCanvas
from viewer.compare.canvas import CellCanvas
from viewer.compare.captions import Caption
from viewer.compare.footer import MapFooter
from viewer.look.sizes import scaled
from viewer.text.answers import agreement_text
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, label, restyle
from viewer.widgets.layouts import column, row
from viewer.widgets.mark import SIDE_PX, Mark

HEADER_PX, TALL_HEADER_PX, TALLEST_HEADER_PX = 50, 72, 94  # for letters of 13 px
LEAST_PX = 96
NARROW_PX = 300  # in a narrower cell the class stands below the doubt
SLIM_PX = 220  # and in a still narrower one the remarks below the class
BADGE_AT = QPoint(6, 6)


class CompareCell(QFrame):
    """Title, the model's answer, and a canvas that shares the slide's tiles."""

    chosen = Signal(str)  # "a" or "b": this map is to be that one

    def __init__(self, source: SlideCanvas) -> None:
        super().__init__()
        self.setProperty("panel", True)
        self._title = ElidedLabel("", "title", cut=Qt.TextElideMode.ElideMiddle)
        self._mark = Mark()
        self._badge = label(role="badge")
        self._badge.hide()
        self._answer = ElidedLabel(role="small")
        self._remarks = ElidedLabel(role="small")
        self._remarks.hide()
        self.canvas = CellCanvas(source)
        self.canvas.pair_chosen.connect(self.chosen)
        self.canvas.installEventFilter(self)
        self.footer = MapFooter()
        self._letter = label(role="letter")
        self._letter.setParent(self.canvas)
        self._letter.move(BADGE_AT)
        self._letter.hide()
        self._has_map = False
        self._header = QFrame()
        self._texts = QGridLayout()
        self._texts.setHorizontalSpacing(4)
        self._texts.setVerticalSpacing(2)
        top = row(self._title, self._mark, wide=self._title)
        top.addStrut(SIDE_PX)  # lines stand at the same height with and without a mark
        column(self._header, top, self._texts, None, margin=12, upright=4, spacing=2)
        self._fold(self.width())
        column(self, self._header, self.canvas, self.footer, wide=self.canvas, margin=0, spacing=0)
        self.setMinimumWidth(LEAST_PX)  # not what its texts ask for: all cells are equally wide

    def set_title(self, title: str) -> None:
        self._title.setText(title)
        self.canvas.setAccessibleName(tr("Comparison: {title}").format(title=title))

    def set_header_shown(self, shown: bool) -> None:
        """Not in a matrix: its rows and columns have headings."""
        self._header.setVisible(shown)

    def set_has_map(self, has: bool) -> None:
        """Whether this cell stands for a map; the original does not."""
        self._has_map = has
        self.footer.set_empty(not has)

    def set_letter(self, letter: str) -> None:
        """ "A", "B" or neither."""
        self._letter.setText(letter)
        self._letter.adjustSize()
        self._letter.setVisible(bool(letter))

    @property
    def letter(self) -> str:
        return self._letter.text()

    def set_caption(self, caption: Caption) -> None:
        """Show the doubt first, then the class in grey; without doubt the class alone."""
        self._badge.setText(caption.doubt)
        self._badge.setVisible(bool(caption.doubt))
        restyle(self._answer, "role", "small" if caption.doubt else "said")
        self._answer.set_texts(caption.text, f" · {caption.share}" if caption.share else "")
        self._remarks.setText(caption.remarks)
        self._remarks.setVisible(bool(caption.remarks))
        self._mark.show_agreement(caption.agrees, agreement_text(caption.agrees))
        self.setAccessibleName(f"{self._title.text()}: {caption.spoken}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold(self.width())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ContextMenu and self._has_map:
            assert isinstance(event, QContextMenuEvent)
            self.menu().popup(event.globalPos())
            return True
        return super().eventFilter(watched, event)

    def menu(self) -> QMenu:
        """What can be done with this map."""
        made = QMenu(self)
        made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for letter, text in (("a", tr("Take as map A\tA")), ("b", tr("Take as map B\tB"))):
            made.addAction(text).triggered.connect(
                lambda _=False, letter=letter: self.chosen.emit(letter)
            )
        return made

    def _fold(self, width: int) -> None:
        """All cells of the grid are equally wide, so their canvases stay aligned."""
        narrow, slim = width < NARROW_PX, width < SLIM_PX
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        self._texts.addWidget(self._badge, 0, 0, left)
        policy = QSizePolicy.Policy
        self._remarks.setSizePolicy(policy.Ignored if narrow else policy.Fixed, policy.Fixed)
        if narrow:
            self._texts.addWidget(self._remarks, *((2, 0, 1, 3) if slim else (0, 1, 1, 1)))
            self._texts.addWidget(self._answer, 1, 0, 1, 3)
        else:
            self._texts.addWidget(self._answer, 0, 1)
            self._texts.addWidget(self._remarks, 0, 2)
        self._texts.setColumnStretch(1, 1)
        tall = TALLEST_HEADER_PX if slim else TALL_HEADER_PX
        self._header.setFixedHeight(scaled(tall if narrow else HEADER_PX))
