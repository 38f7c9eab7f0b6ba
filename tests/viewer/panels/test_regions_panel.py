"""What the list of regions changes, and how others read it."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from ssmamba.rois.geojson import rois_from_geojson, rois_to_geojson
from viewer.panels.regions import RegionsPanel
from viewer.state.document import Document
from viewer.state.library import ModelLibrary


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
    panel = RegionsPanel(document, ModelLibrary())
    qtbot.addWidget(panel)
    panel.view.selectAll()
    panel.set_class("Tumor", (200, 0, 0))
    (written,) = rois_to_geojson(document.rois)["features"]
    assert written["properties"]["classification"] == {"name": "Tumor", "color": [200, 0, 0]}
