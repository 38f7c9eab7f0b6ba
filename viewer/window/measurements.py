"""The window with the measurements of regions."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QPushButton, QTableView, QWidget

from ssmamba.rois.roi import Roi
from viewer.exporting.measurements import Measurements, Row, as_text, measurements
from viewer.services.background import Background
from viewer.state.document import Document
from viewer.text.tr import decimal, tr
from viewer.widgets.basic import label
from viewer.widgets.dialog import Dialog
from viewer.widgets.layouts import row

ModelIndex = QModelIndex | QPersistentModelIndex
NO_PARENT = QModelIndex()
BATCH = 1000  # regions that are measured at once
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class MeasurementModel(QAbstractTableModel):
    """The table as Qt shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Measurements((), ())

    def show_table(self, table: Measurements) -> None:
        self.beginResetModel()
        self.table = table
        self.endResetModel()

    # --- Qt's interface
    def rowCount(self, parent: ModelIndex = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.table.rows)

    def columnCount(self, parent: ModelIndex = NO_PARENT) -> int:
        return 0 if parent.isValid() else len(self.table.columns)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if role != Qt.ItemDataRole.DisplayRole or orientation != Qt.Orientation.Horizontal:
            return None
        return self.table.columns[section]

    def data(self, index: ModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        value = self.table.rows[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(value)
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(value, int | float):
            return RIGHT
        return None


class MeasurementsDialog(Dialog):
    """Shows the selected regions, or all where none is selected; follows the document.

    Regions are measured on a worker, each once, as there may be 100,000 of them.
    """

    def __init__(
        self,
        document: Document,
        background: Background,
        export: Callable[[Measurements], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Measurements"), parent)
        self._document = document
        self._background = background
        self._kept: dict[str, tuple[Roi, float | None, Row]] = {}  # the worker's alone
        self._measuring = self._again = False
        self._about = label("", "muted", wrap=True)
        self.model = MeasurementModel()
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(tr("Measurements"))
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().setVisible(False)
        self.table.setMinimumSize(860, 320)
        self.copy_button = QPushButton(tr("Copy table"))
        self.copy_button.clicked.connect(self.copy)
        self._export_button = QPushButton(tr("Export…"))
        self._export_button.clicked.connect(lambda: export(self.model.table))
        copy = QAction(self, shortcut=QKeySequence(QKeySequence.StandardKey.Copy))
        copy.triggered.connect(self.copy_button.click)
        self.addAction(copy)
        self.lay_out(self._about, self.table, row(self.copy_button, self._export_button, None))
        self._events = (document.rois_changed, document.selection_changed,
                        document.slide_settings_changed)  # fmt: skip
        for event in self._events:
            event.connect(self.refresh)
        self.finished.connect(self._disconnect)
        self.refresh()

    def _disconnect(self) -> None:
        for event in self._events:
            event.disconnect(self.refresh)

    @property
    def busy(self) -> bool:
        return self._measuring

    def refresh(self) -> None:
        if self._measuring:
            self._again = True
            return
        chosen = self._document.chosen
        self._rois, self._mpp = chosen or self._document.rois, self._document.mpp
        self._told = tr("The selected regions.") if chosen else tr("All regions of this slide.")
        self._rows: list[Row] = []
        self._set_measuring(True)
        self._measure()

    def _measure(self) -> None:
        """The next ones: the program can end between two batches."""
        done, mpp, kept = len(self._rows), self._mpp, self._kept
        batch = self._rois[done : done + BATCH]
        self._background.run(lambda: measurements(batch, mpp, kept), self._take, self._on_failed)

    def _take(self, found: Measurements) -> None:
        if not shiboken6.isValid(self):  # closed meanwhile
            return
        self._rows += found.rows
        if self._again:
            self._set_measuring(False)
            self.refresh()
        elif len(self._rows) < len(self._rois):
            self._measure()
        else:
            self._set_measuring(False)
            self.model.show_table(Measurements(found.columns, self._rows))
            self._about.setText(self._told)
            self.table.resizeColumnsToContents()

    def _on_failed(self, error: BaseException) -> None:
        if shiboken6.isValid(self):
            self._set_measuring(False)
        raise error  # as any error of a window

    def _set_measuring(self, measuring: bool) -> None:
        self._measuring, self._again = measuring, False
        for button in (self.copy_button, self._export_button):
            button.setEnabled(not measuring)  # never another table than the one that is meant
        if measuring:
            self._about.setText(tr("Measuring the regions…"))

    def copy(self) -> None:
        """All rows as text with tabs, which spreadsheets take."""
        QGuiApplication.clipboard().setText(as_text(self.model.table))
        self._about.setText(tr("Copied the table."))


def _text(value: object) -> str:
    if value is None:
        return ""
    return decimal(f"{value:,.3f}") if isinstance(value, float) else f"{value}"
