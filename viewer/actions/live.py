"""The actions of one window: Qt's objects, kept in step with its state."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from viewer.actions.action import Action, Host
from viewer.look.icons import set_icon


class LiveActions:
    """Runs actions for a window and shows which can be run, and which are checked."""

    def __init__(self, records: Iterable[Action], host: Host) -> None:
        self._host = host
        self._records = [record for record in records if record.submenu is None]
        self._choices: dict[str, QActionGroup] = {}
        self.by_name = {record.id: self._make(record) for record in self._records}
        document, analysis = host.workspace.document, host.workspace.analysis
        for event in (
            document.slide_changed,
            document.rois_changed,
            document.map_painting_changed,
            analysis.activity_changed,
            host.canvas.tool_changed,
            host.compare.opened_changed,
        ):
            event.connect(self.refresh)
        self.refresh()

    def _make(self, record: Action) -> QAction:
        """Belongs to the window, so that its keys work there."""
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
        window.addAction(made)
        made.triggered.connect(lambda _=False: self._run(record))
        return made

    def _run(self, record: Action) -> None:
        record.run(self._host)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show the state that the actions' records read from the window."""
        for record, action in zip(self._records, self.by_name.values(), strict=True):
            action.setEnabled(record.enabled(self._host))
            if record.checked is not None:
                action.setChecked(record.checked(self._host))
            if record.shown_text is not None:
                action.setText(record.shown_text(self._host))


def tool_tip(record: Action) -> str:
    """What an action does, with its keys."""
    tip = record.tip or record.text.rstrip("…")
    return f"{tip} ({record.keys})" if record.keys else tip
