"""Checks of the installation: ``python main.py --doctor``.

Qt, fonts and folders are checked here, everything that needs torch in a child process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from PySide6.QtCore import qVersion
from PySide6.QtGui import QFontDatabase, QFontInfo
from PySide6.QtWidgets import QApplication

import resources
from ssmamba.checks import Check, report, writable
from viewer.saving.paths import cache_folder, user_folder


def run(app: QApplication, has_display: bool) -> int:
    """Print the report; returns 0 when all is well, 1 when something needs attention."""
    own = report(checks(app, has_display))
    child = [sys.executable, "-m", "ssmamba.doctor"]
    return own | (subprocess.run(child, cwd=resources.FOLDER.parent).returncode != 0)


def checks(app: QApplication, has_display: bool) -> Iterator[Check]:
    """The checks of the viewer's own process."""
    yield Check(f"Qt {qVersion()}, platform {app.platformName()}")
    if not has_display:
        yield Check("No display", "start the viewer on a desktop, or with --screenshot")
    families = QFontDatabase.families()
    if families:
        yield Check(f"Font: {QFontInfo(app.font()).family()} ({len(families)} families)")
    else:
        yield Check("No font", "install one, such as the package fonts-dejavu")
    yield writable("Settings and regions", user_folder())
    yield writable("Cache", cache_folder())
