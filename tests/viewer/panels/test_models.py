"""The list of models."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from tests.viewer.fakes import write_model
from viewer.panels.models import ModelRow, ModelsPanel
from viewer.state.fits import Fits
from viewer.state.library import ModelLibrary, read_model


def test_models_are_listed_as_in_the_library_also_when_some_come_first(
    qtbot: QtBot, tmp_path: Path
) -> None:
    stems = ["lac", "pbc", "demo", "demo-mixer"]
    made = [read_model(write_model(tmp_path / f"{stem}.safetensors")) for stem in stems]
    library = ModelLibrary()
    panel = ModelsPanel(library, Fits())
    qtbot.addWidget(panel)

    def listed() -> list[str]:
        items = (panel.layout().itemAt(at) for at in range(panel.layout().count()))
        rows = [item.widget() for item in items if isinstance(item.widget(), ModelRow)]
        return [Path(row.path).stem for row in rows]

    library.add(made[:2])
    library.add(made[2:], first=True)
    assert listed() == ["demo", "demo-mixer", "lac", "pbc"]
    library.remove(made[3].path)
    assert listed() == ["demo", "lac", "pbc"]
