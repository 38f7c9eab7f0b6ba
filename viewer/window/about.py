"""What the viewer is, what it runs on, and what it is not."""

from __future__ import annotations

import platform

from PySide6.QtCore import Qt, qVersion
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QWidget

from ssmamba.engine.messages import EngineReady
from viewer.widgets.basic import label
from viewer.widgets.layouts import column

NOT_A_DEVICE = "Research use only, not a medical device."


def version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("ssmamba-viewer")
    except PackageNotFoundError:
        return "from source"


def facts(engine: EngineReady | None) -> list[tuple[str, str]]:
    """(term, text) pairs of the About box."""
    lines = [("Version", version())]
    if engine is None:
        lines.append(("Models run on", "the model process has not started yet"))
    else:
        lines += [
            ("Models run on", engine.device_name),
            ("Because", engine.device_reason),
            ("Selective scan", engine.scan_backend),
            ("Libraries", ", ".join(f"{k} {v}" for k, v in sorted(engine.versions.items()))),
        ]
    lines.append(("Qt", f"{qVersion()}, Python {platform.python_version()}"))
    return lines


class AboutDialog(QDialog):
    def __init__(self, engine: EngineReady | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("About")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(440)
        layout = column(self, margin=24, spacing=12)
        layout.addWidget(label("SSMamba Viewer", "hero"))
        layout.addWidget(label(NOT_A_DEVICE, "muted"))
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(6)
        for term, text in facts(engine):
            value = label(text, wrap=True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            form.addRow(label(term, "muted"), value)
        layout.addLayout(form)
        layout.addWidget(
            label(
                "The demo slide is synthetic: it was drawn by a program and shows no patient. "
                "Icons and colour maps are our own. Licensed under Apache-2.0.",
                "small",
                wrap=True,
            )
        )
        layout.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
