"""Dialogs of the window; only the one on closing is modal."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import shiboken6
from PIL.Image import Image
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QInputDialog, QMainWindow, QMessageBox

from ssmamba.slides.slide import Slide, SlideInfo
from viewer.actions.action import Action
from viewer.panels.beside import show_beside_menu
from viewer.services.notices import describe
from viewer.state.settings import SlideSettings
from viewer.text.tr import tr
from viewer.window.about import AboutDialog
from viewer.window.calibration import CalibrationDialog
from viewer.window.command_palette import CommandPalette, commands_of
from viewer.window.file_choosers import FileChoosers
from viewer.window.go_to import GoToDialog
from viewer.window.known_length import KnownLength
from viewer.window.preferences import PreferencesDialog
from viewer.window.rotate import RotateDialog
from viewer.window.shortcuts import ShortcutsDialog
from viewer.window.slide_details import SlideDetails
from viewer.workspace import Workspace


class Dialogs(FileChoosers):
    """Asks the user for files or values and passes them to the workspace."""

    def __init__(
        self, window: QMainWindow, workspace: Workspace, actions: Sequence[Action] = ()
    ) -> None:
        super().__init__(window, workspace)
        self._actions = actions  # for the list of shortcuts

    @cached_property
    def _known_length(self) -> KnownLength:
        return KnownLength(self._work.known_line, self._window)

    def preferences(self) -> None:
        if not self._raised(PreferencesDialog):
            PreferencesDialog(self._work, self._window).show()

    def find_command(self) -> None:
        names = {a.objectName(): a for a in self._window.findChildren(QAction) if a.objectName()}
        CommandPalette(self._window, commands_of(self._actions, names)).show()

    def choose_beside(self) -> None:
        """A menu of the slides that can stand beside the open one."""
        show_beside_menu(self._work, self.open_beside, self._window)

    def choose_reader(self) -> None:
        """Ask who reads from now on; the first entry is the first reader, who has no name."""
        work = self._work
        dialog = QInputDialog(self._window)
        dialog.setWindowTitle(tr("Another reader"))
        dialog.setLabelText(
            tr(
                "Name of the reader. Each reader has their own regions and answers on a slide, and "
                "starts without any. An empty name is the first reader."
            )
        )
        dialog.setComboBoxEditable(True)
        dialog.setComboBoxItems([work.sessions.reader, *work.workbench.readers, ""])
        dialog.textValueSelected.connect(lambda name: work.sessions.set_reader(name.strip()))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def measurements(self) -> None:
        """Area, perimeter, length and largest diameter of the selected regions, or of all."""
        from viewer.window.measurements import MeasurementsDialog

        if not self._raised(MeasurementsDialog):
            work = self._work
            MeasurementsDialog(
                work.document, work.background, self.export_measurements, self._window
            ).show()

    def slide_details(self) -> None:
        info = self._work.document.slide
        if info is None or self._raised(SlideDetails):
            return
        dialog = SlideDetails(info, self._window)
        open_dialog = weakref.ref(dialog)  # it may be closed before the pictures are read

        def then(pictures: dict[str, Image]) -> None:
            if (found := open_dialog()) is not None and shiboken6.isValid(found):
                found.show_pictures(pictures)

        def failed(error: BaseException) -> None:
            if (found := open_dialog()) is not None and shiboken6.isValid(found):
                found.say(describe(error).text)

        self._work.background.run(lambda: _pictures_of(info), then, failed)
        self._of_this_slide(dialog)
        dialog.show()

    def go_to(self) -> None:
        if self._work.document.slide is not None and not self._raised(GoToDialog):
            dialog = GoToDialog(self._work.canvas.camera, self._window)
            self._of_this_slide(dialog)
            dialog.show()

    def rotate(self) -> None:
        if self._work.document.slide is not None and not self._raised(RotateDialog):
            dialog = RotateDialog(self._work.beside.active, self._window)
            self._of_this_slide(dialog)
            dialog.show()

    def _of_this_slide(self, dialog: QDialog) -> None:
        """Another slide closes it."""
        event, leave = self._work.document.slide_changed, dialog.reject
        event.connect(leave)
        dialog.finished.connect(lambda _: event.disconnect(leave))

    def calibrate(self) -> None:
        document = self._work.document
        info = document.slide
        if info is None or self._known_length.end_drawing() or self._raised(CalibrationDialog):
            return

        def apply(settings: SlideSettings) -> None:
            if document.slide is info:  # nothing else of what was changed meanwhile is taken back
                now, new = document.slide_settings, settings
                document.set_slide_settings(
                    replace(now, mpp=new.mpp, field_px=new.field_px, icc=new.icc, fields=new.fields)
                )

        dialog = CalibrationDialog(info, document.slide_settings, apply, self._window)
        dialog.line_requested.connect(lambda: self._known_length.of_drawn_line(dialog))
        self._of_this_slide(dialog)
        dialog.show()

    def use_ruler(self) -> None:
        """Set the scale by the selected ruler, whose true length is asked for."""
        slide = self._work.document.slide
        if slide is not None:
            self._known_length.of_ruler(slide.mpp)

    def about(self) -> None:
        if not self._raised(AboutDialog):
            AboutDialog(self._work.bridge.state, self._window).show()

    def shortcuts(self) -> None:
        if not self._raised(ShortcutsDialog):
            ShortcutsDialog(self._actions, self._window).show()

    def leave_anyway(self, failures: list[str]) -> bool:
        """Ask whether to close the window although something could not be saved."""
        box = QMessageBox(QMessageBox.Icon.Warning, tr("Not saved"), "\n".join(failures))
        box.setParent(self._window, box.windowFlags())
        stay = box.addButton(tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)  # else the leftmost, which may be the other one
        leave = box.addButton(tr("Close without saving"), QMessageBox.ButtonRole.DestructiveRole)
        box.exec()
        return box.clickedButton() is leave

    def _raised(self, kind: type[QDialog]) -> bool:
        """Bring an open dialog of a kind to the front; False when there is none."""
        for dialog in self._window.findChildren(kind):
            if dialog.isVisible():
                dialog.raise_()
                dialog.activateWindow()
                return True
        return False


def _pictures_of(info: SlideInfo) -> dict[str, Image]:
    """On a worker. Raises SlideError."""
    with Slide.open(info.path) as slide:
        return slide.associated_images()
