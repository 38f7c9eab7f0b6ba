"""One line of the table of answers: a model, its doubt or its class, and details on demand."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QEnterEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QWidget

from ssmamba.engine.messages import ClassifyResult
from viewer.panels.answer_details import AnswerDetails
from viewer.state.library import Model
from viewer.text.answers import NO_BREAK, Said, agreement_text, basis, said
from viewer.text.tr import tr
from viewer.widgets.basic import ElidedLabel, chevron, icon_button, label, link, restyle
from viewer.widgets.layouts import column, row
from viewer.widgets.mark import Mark

ROOMY_PX = 300  # from this width on percentages stand in a column


class AnswerLine(QFrame):
    """One model's answer for the selected region.

    The headline is the doubt where there is one, with the class in grey below it. Texts wrap, so
    that a class can be read at any width of the dock.
    """

    hovered = Signal(object)  # ClassifyResult or None
    show_requested = Signal(str)  # path of the model
    classify_requested = Signal()
    unfolded = Signal(str, bool)  # path of the model; whether its details are to be seen

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.result: ClassifyResult | None = None
        self.setProperty("answer", True)
        self._model_name = ElidedLabel(role="small", cut=Qt.TextElideMode.ElideMiddle)
        show = tr("Show this model's evidence map on the slide")
        self._eye = icon_button("eye", show, checkable=True)
        self._outdated = label(tr("Outdated"), "outdated")
        self._more = chevron(tr("Show details"), tr("Hide details"))
        self._headline = label(role="answer", wrap=True)
        self._share = label(role="answer")
        self._mark = Mark()
        self._aside = label(role="muted", wrap=True)
        self._basis = label(role="small", wrap=True)
        self._wait = label(role="small", wrap=True)
        self._again = link(tr("Classify again"))
        self.details = AnswerDetails()
        self._said = Said()
        self._lay_out()
        self._eye.clicked.connect(lambda: self.show_requested.emit(self.path))
        self._again.clicked.connect(self.classify_requested)
        self._more.clicked.connect(lambda on: self.unfolded.emit(self.path, on))
        self._more.toggled.connect(lambda _: self._show_details())

    def _lay_out(self) -> None:
        name = self._model_name
        top = row(name, self._outdated, self._eye, self._more, wide=name, spacing=4)
        top.setAlignment(self._outdated, Qt.AlignmentFlag.AlignVCenter)
        headline = row(self._headline, self._share, self._mark, wide=self._headline)
        for part in (self._share, self._mark):
            headline.setAlignment(part, Qt.AlignmentFlag.AlignTop)
        below = (self._aside, self._basis, self._wait, self._again, self.details)
        column(self, top, headline, *below, spacing=2).setContentsMargins(13, 4, 8, 10)

    def show_model(self, name: str, shown: bool, several: bool, unfolded: bool) -> None:
        """several: whether other models answer as well; unfolded: whether details are shown."""
        self._model_name.setText(name)
        self._eye.setChecked(shown)
        self._eye.setVisible(several)
        self._more.setChecked(unfolded)
        restyle(self, "chosen", shown and several)

    def show_wait(self, text: str, request: str = "") -> None:
        """Show why there is no answer (yet). request: text of the link that asks for one."""
        self.result = None
        self._wait.setText(text)
        self._wait.show()
        self._again.setText(request)
        self._again.setVisible(bool(request))
        parts: tuple[QWidget, ...] = (
            self._headline, self._share, self._mark, self._aside, self._basis, self._outdated,
            self._more,
        )  # fmt: skip
        for widget in parts:
            widget.hide()
        self._show_details()

    def show_result(
        self,
        model: Model,
        result: ClassifyResult,
        user_class: str,
        outdated: bool,
        slide_mpp: float | None,
    ) -> None:
        """slide_mpp: µm per level-0 pixel, for the lengths in the provenance."""
        fresh = result is not self.result
        self.result = result
        self._wait.hide()
        self._say(said(model.card, result, user_class))
        self._basis.setText(basis(result))
        self._basis.show()
        self._outdated.setVisible(outdated)
        self._again.setText(tr("Classify again"))
        self._again.setVisible(outdated)
        self._more.show()
        if fresh:
            self.details.show_result(model, result, slide_mpp)
        self._show_details()

    def _say(self, said: Said) -> None:
        self._said = said
        self._headline.show()
        restyle(self._headline, "role", "doubt" if said.doubt else "answer")
        aside = f"{said.aside}, {said.share.replace(' ', NO_BREAK)}" if said.aside else ""
        self._aside.setText(aside)
        self._aside.setVisible(bool(aside))
        self._mark.show_agreement(said.agrees, agreement_text(said.agrees))
        self.setAccessibleName(f"{self._model_name.text()}: {said.spoken}")
        self._place_share()

    def _place_share(self) -> None:
        """The percentage has a column of its own where there is room, else it follows the class."""
        said, share = self._said, self._said.share.replace(" ", NO_BREAK)
        sure = bool(share) and not said.doubt
        apart = self.width() >= ROOMY_PX
        self._share.setText(share)
        self._share.setVisible(sure and apart and self.result is not None)
        self._headline.setText(f"{said.name}, {share}" if sure and not apart else said.headline)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.result is not None:
            self._place_share()

    def _show_details(self) -> None:
        self.details.setVisible(self.result is not None and self._more.isChecked())

    def enterEvent(self, event: QEnterEvent) -> None:
        self.hovered.emit(self.result)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.hovered.emit(None)
        super().leaveEvent(event)
