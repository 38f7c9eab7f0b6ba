"""The QActions of one window, kept in step with its state."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from viewer.actions.action import Action, Host
from viewer.look.icons import set_icon


class LiveActions:
    """Runs actions and keeps them enabled and checked as their records say."""

    def __init__(self, records: Iterable[Action], host: Host) -> None:
        self._host = host
        self._records = [record for record in records if record.submenu is None]
        self._choices: dict[str, QActionGroup] = {}
        self.by_name = {record.id: self._make(record) for record in self._records}
        document, analysis = host.workspace.document, host.workspace.analysis
        for event in (
            document.slide_changed,
            document.rois_changed,
            document.selection_changed,
            document.map_painting_changed,
            document.seen_changed,
            document.steps_lost,
            host.workspace.preferences.changed,
            host.workspace.classes.changed,
            host.workspace.slides.list.changed,
            host.workspace.view_colors.changed,
            host.workspace.beside.changed,
            analysis.activity_changed,
            host.workspace.exports.progressed,
            host.workspace.slide_scans.scans.changed,
            host.workspace.slide_answers.answers.changed,
            host.canvas.tool_changed,
            host.compare.opened_changed,
            host.compare.state.changed,
        ):
            event.connect(self.refresh)
        self.refresh()

    def _make(self, record: Action) -> QAction:
        """The QAction belongs to the window, so that its shortcut works there."""
        window = self._host
        assert isinstance(window, QWidget)
        made = QAction(record.text, window)
        if record.icon:
            set_icon(made, record.icon)
        if record.keys:
            made.setShortcut(QKeySequence(record.keys))
        made.setToolTip(tool_tip(record))
        made.setCheckable(record.checked is not None)
        made.setObjectName(record.id)
        if record.choice:
            if record.choice not in self._choices:
                self._choices[record.choice] = QActionGroup(window)
            self._choices[record.choice].addAction(made)
        if record.on_slide:
            made.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            for canvas in (window.canvas, window.workspace.beside.canvas):
                canvas.addAction(made)
        else:
            window.addAction(made)
        made.triggered.connect(lambda _=False: self._run(record))
        return made

    def _run(self, record: Action) -> None:
        record.run(self._host)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Enable, check and rename the actions by the window's state."""
        for record, action in zip(self._records, self.by_name.values(), strict=True):
            action.setEnabled(record.enabled(self._host))
            if record.checked is not None:
                action.setChecked(record.checked(self._host))
            if record.shown_text is not None:
                action.setText(record.shown_text(self._host))


def tool_tip(record: Action) -> str:
    """Description of an action, with its shortcut."""
    tip = record.tip or record.text.rstrip("…")
    return f"{tip} ({record.keys})" if record.keys else tip
