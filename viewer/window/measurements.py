"""The window with the measurements of regions."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QPushButton, QTableWidget, QTableWidgetItem, QWidget

from viewer.exporting.measurements import Measurements, as_text, measurements
from viewer.state.document import Document
from viewer.text.tr import decimal, tr
from viewer.widgets.basic import label
from viewer.widgets.dialog import Dialog
from viewer.widgets.layouts import row

MOST_ROWS = 20_000  # that are shown; all are copied and exported


class MeasurementsDialog(Dialog):
    """Shows the selected regions, or all where none is selected; follows the document."""

    def __init__(
        self,
        document: Document,
        export: Callable[[Measurements], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Measurements"), parent)
        self._document = document
        self._about = label("", "muted", wrap=True)
        self.table = QTableWidget()
        self.table.setAccessibleName(tr("Measurements"))
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.verticalHeader().setVisible(False)
        self.table.setMinimumSize(860, 320)
        self.copy_button = QPushButton(tr("Copy table"))
        self.copy_button.clicked.connect(self.copy)
        export_button = QPushButton(tr("Export…"))
        export_button.clicked.connect(lambda: export(self.found))
        copy = QAction(self, shortcut=QKeySequence(QKeySequence.StandardKey.Copy))
        copy.triggered.connect(self.copy)
        self.addAction(copy)
        self.lay_out(self._about, self.table, row(self.copy_button, export_button, None))
        self._events = (document.rois_changed, document.selection_changed,
                        document.slide_settings_changed)  # fmt: skip
        for event in self._events:
            event.connect(self.refresh)
        self.destroyed.connect(self._disconnect)
        self.refresh()

    def _disconnect(self, *_: object) -> None:
        for event in self._events:
            event.disconnect(self.refresh)

    def refresh(self, *_: object) -> None:
        chosen = self._document.chosen
        self.found = measurements(chosen or self._document.rois, self._document.mpp)
        self._about.setText(
            tr("The selected regions.") if chosen else tr("All regions of this slide.")
        )
        shown = self.found.rows[:MOST_ROWS]
        self.table.setColumnCount(len(self.found.columns))
        self.table.setHorizontalHeaderLabels(list(self.found.columns))
        self.table.setRowCount(len(shown))
        for at, values in enumerate(shown):
            for column, value in enumerate(values):
                item = QTableWidgetItem(_text(value))
                if isinstance(value, int | float):
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.table.setItem(at, column, item)
        self.table.resizeColumnsToContents()

    def copy(self) -> None:
        """All rows as text with tabs, which spreadsheets take."""
        QGuiApplication.clipboard().setText(as_text(self.found))
        self._about.setText(tr("Copied the table."))


def _text(value: object) -> str:
    if value is None:
        return ""
    return (
        decimal(f"{value:,.3f}".replace(",", "\u202f")) if isinstance(value, float) else f"{value}"
    )
