"""What the list of regions changes, and how others read it."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from ssmamba.rois.geojson import rois_from_geojson, rois_to_geojson
from tests.viewer.fakes import square
from viewer.panels.regions import RegionsPanel
from viewer.state.classes import Classes
from viewer.state.document import Document
from viewer.state.library import ModelLibrary
from viewer.state.settings import RegionClass


@pytest.mark.parametrize("own_color", [None, [0, 0, 255]])
def test_a_new_class_is_written_with_its_own_colour(
    qtbot: QtBot, own_color: list[int] | None
) -> None:
    stroma = {"name": "Stroma", "color": [0, 128, 0], "names": ["Stroma"]}
    properties = {"objectType": "annotation", "classification": stroma}
    feature = {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 7], [0, 0]]]},
        "properties": properties if own_color is None else {**properties, "color": own_color},
    }
    document = Document()
    document.add(rois_from_geojson(feature))
    library = ModelLibrary()
    classes = Classes(document, library)
    classes.add(RegionClass("Tumor", (200, 0, 0)))
    panel = RegionsPanel(document, library, classes)
    qtbot.addWidget(panel)
    panel.view.selectAll()
    panel.set_class("Tumor")
    (written,) = rois_to_geojson(document.rois)["features"]
    assert written["properties"]["classification"] == {"name": "Tumor", "color": [200, 0, 0]}


def test_the_menu_offers_the_palette_letter_by_letter(qtbot: QtBot) -> None:
    document, library = Document(), ModelLibrary()
    document.add([square(0, 0, 9, "A", "a")])
    classes = Classes(document, library)
    classes.add(RegionClass("H&E artefact", (200, 0, 0)))
    panel = RegionsPanel(document, library, classes)
    qtbot.addWidget(panel)
    document.select("a")
    menu = QMenu(panel)
    panel._add_classes(menu)
    shown = menu.actions()[0]
    assert shown.text() == "H&&E artefact"  # one & would underline the E
    shown.trigger()
    assert [roi.class_name for roi in document.rois] == ["H&E artefact"]
