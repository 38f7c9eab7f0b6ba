"""What unfolds under an answer: its reasons for doubt, all probabilities, notes, provenance."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ssmamba.engine.messages import ClassifyResult
from viewer.state.library import Model
from viewer.text.answers import left_out_line
from viewer.text.stamps import is_scale_note, sentence, stamp_lines
from viewer.text.tr import tr, tr_n
from viewer.widgets.bars import Bar, ProbabilityBars
from viewer.widgets.basic import label, link
from viewer.widgets.dialog import selectable
from viewer.widgets.layouts import column

FIRST_SHOWN = 3  # classes


class AnswerDetails(QWidget):
    """The details of one answer."""

    def __init__(self) -> None:
        super().__init__()
        self._reasons = label(role="reason", wrap=True)
        self._bars = ProbabilityBars()
        self._bars.set_first_shown(FIRST_SHOWN)
        self._all = link("")
        self._notes = label(role="small", wrap=True)
        self._origin = link("")
        self._stamp = selectable(label(role="small", wrap=True))
        parts = (self._reasons, self._bars, self._all, self._notes, self._origin, self._stamp)
        column(self, *parts, margin=0, spacing=6, upright=6)
        self._all.clicked.connect(lambda: self._expand(not self._bars.expanded))
        self._origin.clicked.connect(lambda: self._unfold_stamp(self._stamp.isHidden()))

    def show_result(self, model: Model, result: ClassifyResult, slide_mpp: float | None) -> None:
        """slide_mpp: µm per level-0 pixel, for the lengths in the provenance."""
        trust = result.trust
        reasons = [sentence(r) for r in trust.reasons if not trust.sure]
        self._reasons.setText("\n".join(reasons))
        self._reasons.setVisible(bool(reasons))
        shares = result.probabilities if trust.names_class else {}
        infos = {key: model.class_info(key) for key in shares}
        self._bars.set_bars([Bar(infos[k].name, shares[k], infos[k].color) for k in shares])
        self._bars.setVisible(bool(shares))
        self._expand(False)
        notes = [sentence(note) for note in result.notes if not is_scale_note(note)]
        left_out = left_out_line(result)
        notes += [sentence(left_out)] if left_out else []
        self._notes.setText("\n".join(notes))
        self._notes.setVisible(bool(notes))
        self._stamp.setText("\n".join(stamp_lines(result, slide_mpp)))
        self._unfold_stamp(False)

    def _expand(self, expanded: bool) -> None:
        self._bars.set_expanded(expanded)
        hidden = self._bars.hidden_count
        more = tr_n("Show {count} more class", "Show {count} more classes", hidden)
        self._all.setText(more.format(count=hidden) if hidden else tr("Show fewer classes"))
        self._all.setVisible(hidden > 0 or (expanded and self._bars.can_fold))

    def _unfold_stamp(self, unfolded: bool) -> None:
        self._stamp.setVisible(unfolded)
        self._origin.setText(tr("Hide provenance") if unfolded else tr("Show provenance"))
        self._origin.setToolTip(tr("Slide, model, scale, device and time"))
