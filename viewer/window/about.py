"""The About box: version, device, libraries and disclaimer."""

from __future__ import annotations

import platform

from PySide6.QtCore import qVersion
from PySide6.QtWidgets import QFormLayout, QWidget

from ssmamba.engine.messages import EngineReady
from viewer.text.stamps import RESEARCH_ONLY
from viewer.text.tr import tr, translated
from viewer.widgets.basic import label
from viewer.widgets.dialog import Dialog, selectable


def version() -> str:
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("ssmamba-viewer")
    except PackageNotFoundError:
        return tr("from source")


def facts(engine: EngineReady | None) -> list[tuple[str, str]]:
    """(term, text) pairs of the About box."""
    lines = [(tr("Version"), version())]
    if engine is None:
        lines.append((tr("Models run on"), tr("the model process has not started yet")))
    else:
        lines += [
            (tr("Models run on"), translated(engine.device_name)),
            (tr("Reason"), translated(engine.device_reason)),
            (tr("Selective scan"), translated(engine.scan_backend)),
            (tr("Libraries"), ", ".join(f"{k} {v}" for k, v in sorted(engine.versions.items()))),
        ]
    lines.append(("Qt", f"{qVersion()}, Python {platform.python_version()}"))
    return lines


class AboutDialog(Dialog):
    def __init__(self, engine: EngineReady | None, parent: QWidget | None = None) -> None:
        super().__init__(tr("About"), parent)
        self.setMinimumWidth(440)
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(6)
        for term, text in facts(engine):
            form.addRow(label(term, "muted"), selectable(label(text, wrap=True)))
        about_demo = tr(
            "The demo slide is computer-generated and shows no patient data. Licensed under "
            "Apache-2.0."
        )
        self.lay_out(
            label("SSMamba Viewer", "hero"),
            label(RESEARCH_ONLY, "muted"),
            form,
            label(about_demo, "small", wrap=True),
            None,
        )
