"""Regions between the canvas, the document and files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from ssmamba.errors import RoiError
from ssmamba.rois.geojson import write_rois
from tests.viewer.fakes import square
from tests.viewer.state.test_planning import INFO
from viewer.canvas import SlideCanvas
from viewer.controllers.regions import RegionController, read_for_slide
from viewer.controllers.shared import Shared
from viewer.services.notices import Message

ONE, TWO = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2))  # ids as QuPath has them


@pytest.fixture
def regions(shared: Shared, canvas: SlideCanvas) -> RegionController:
    return RegionController(shared, canvas)


def test_a_drawn_region_is_named_selected_and_one_step_to_undo(
    regions: RegionController, shared: Shared, canvas: SlideCanvas
) -> None:
    shared.document.add([square(0, 0, 5, "Region 1")])
    canvas.roi_drawn.emit(square(10, 10, 50, roi_id="new"))
    drawn = shared.document.selected
    assert drawn is not None and (drawn.id, drawn.name) == ("new", "Region 2")
    assert canvas.scene.rois.get("new") is drawn and canvas.scene.rois.selected == "new"
    shared.document.undo()
    assert shared.document.roi("new") is None and shared.document.selected is None
    assert canvas.scene.rois.get("new") is None and canvas.scene.rois.selected is None


def test_an_edit_changes_the_shape_and_nothing_that_was_said_of_the_region(
    regions: RegionController, shared: Shared, canvas: SlideCanvas
) -> None:
    shared.document.add([replace(square(0, 0, 50, "A", "a"), class_name="Tumour")])
    canvas.rois_edited.emit([square(5, 5, 40, "", "a")])
    edited = shared.document.roi("a")
    assert edited is not None and edited.bounds == (5, 5, 45, 45)
    assert (edited.name, edited.class_name) == ("A", "Tumour")


def test_a_locked_region_is_neither_edited_nor_deleted_on_the_slide(
    regions: RegionController, shared: Shared, canvas: SlideCanvas, told: list[Message]
) -> None:
    locked = replace(square(0, 0, 50, "A", "a"), locked=True)
    shared.document.add([locked])
    canvas.rois_edited.emit([square(5, 5, 40, "", "a")])
    canvas.rois_delete_requested.emit(["a"])
    assert shared.document.rois == (locked,)
    assert len(told) == 1 and "locked" in told[0].text


def test_imported_regions_are_named_and_the_first_is_selected(
    regions: RegionController, shared: Shared, qtbot: QtBot, tmp_path: Path, told: list[Message]
) -> None:
    shared.document.add([square(0, 0, 5, "Region 1")])
    file = tmp_path / "regions.geojson"
    write_rois(file, [square(10, 10, 20, "", ONE), square(50, 50, 20, "Own name", TWO)])
    with qtbot.waitSignal(regions.imported) as imported:
        regions.import_file(str(file))
    assert imported.args == [2]
    assert [roi.name for roi in shared.document.rois] == ["Region 1", "Region 2", "Own name"]
    assert shared.document.selected is not None and shared.document.selected.id == ONE
    assert not told
    shared.document.undo()
    assert len(shared.document.rois) == 1


def test_regions_that_come_when_another_slide_is_open_are_not_put_on_it(
    regions: RegionController, shared: Shared, qtbot: QtBot, tmp_path: Path
) -> None:
    write_rois(tmp_path / "regions.geojson", [square(10, 10, 20)])
    regions.import_file(str(tmp_path / "regions.geojson"))
    shared.document.set_slide(replace(INFO, name="b.svs", quick_hash="other"))
    qtbot.waitUntil(lambda: not shared.background.busy)
    assert shared.document.rois == ()


def test_regions_off_the_slide_are_imported_with_a_warning(
    regions: RegionController, shared: Shared, qtbot: QtBot, tmp_path: Path, told: list[Message]
) -> None:
    places = ((900, 900), (1000, 0), (0, 1000), (-30, 0))  # the first one reaches over the edge
    write_rois(tmp_path / "far.geojson", [square(*place, 25) for place in places])
    with qtbot.waitSignal(regions.imported):
        regions.import_file(str(tmp_path / "far.geojson"))
    assert len(shared.document.rois) == 4
    assert [m.level for m in told] == ["warning"] and told[0].text.startswith("3 imported regions")


def test_a_file_without_regions_says_so_and_changes_nothing(
    regions: RegionController, shared: Shared, qtbot: QtBot, tmp_path: Path, told: list[Message]
) -> None:
    write_rois(tmp_path / "none.geojson", [])
    with qtbot.waitSignal(regions.import_failed) as failed:
        regions.import_file(str(tmp_path / "none.geojson"))
    assert failed.args == [told[0].text] and "none.geojson" in told[0].text
    assert not shared.document.undo_stack.undo_text


def test_a_region_of_the_same_id_keeps_its_name_when_the_file_has_none(tmp_path: Path) -> None:
    file = tmp_path / "regions.geojson"
    write_rois(file, [square(0, 0, 5, "", ONE), square(9, 9, 5, "", TWO)])
    known = {ONE: square(0, 0, 5, "Tumour edge", ONE), "x": square(0, 0, 5, "Region 1", "x")}
    found = read_for_slide(str(file), INFO, known)
    assert [roi.name for roi in found.rois] == ["Tumour edge", "Region 2"]
    with pytest.raises(RoiError):
        read_for_slide(str(tmp_path / "missing.geojson"), INFO, {})


def test_annotations_of_asap_come_in_with_their_groups_as_classes(tmp_path: Path) -> None:
    corners = ((5, 5), (25, 5), (25, 25))
    places = "".join(f'<Coordinate Order="{n}" X="{x}" Y="{y}"/>'
                     for n, (x, y) in enumerate(corners))  # fmt: skip
    (tmp_path / "a.xml").write_text(
        f'<ASAP_Annotations><Annotation Name="A" Type="Polygon" PartOfGroup="Tumor"><Coordinates>'
        f"{places}</Coordinates></Annotation></ASAP_Annotations>"
    )
    (roi,) = read_for_slide(str(tmp_path / "a.xml"), replace(INFO, bounds=(3, 3, 9, 9)), {}).rois
    assert (roi.name, roi.class_name, roi.polygons) == ("A", "Tumor", ((corners,),))


SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9]]]}
FAR = {"type": "Polygon", "coordinates": [[[20, 20], [29, 20], [29, 29], [20, 29]]]}


def feature(geometry: dict, **members: object) -> dict:
    return {"type": "Feature", "geometry": geometry, "properties": {"score": 1}, **members}


@pytest.mark.parametrize(
    "features",
    [
        [feature(SQUARE), feature(FAR)],
        [feature(SQUARE), feature(SQUARE)],
        [feature(SQUARE, id=7), feature(FAR, id="PathAnnotationObject")],
        [feature(SQUARE, id=ONE), feature(FAR, id=ONE)],
        [feature({"type": "GeometryCollection", "geometries": [SQUARE, FAR]}, id=ONE)],
    ],
    ids=["no ids", "one place twice", "other ids", "one id twice", "collection"],
)
def test_a_file_imported_again_doubles_nothing_and_says_so(
    features: list,
    regions: RegionController,
    shared: Shared,
    qtbot: QtBot,
    tmp_path: Path,
    told: list[Message],
) -> None:
    file = tmp_path / "regions.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))

    def bring_in() -> None:
        with qtbot.waitSignal(regions.imported):
            regions.import_file(str(file))

    bring_in()
    first = shared.document.rois
    assert len(first) == 2 and not told
    bring_in()
    assert shared.document.rois == first
    assert told[-1].text.startswith("Already here: 2 regions")
    shared.document.change(replace(first[0], class_name="mine"), "Change class")
    bring_in()
    assert [roi.id for roi in shared.document.rois] == [roi.id for roi in first]
    assert told[-1].text.startswith("Replaced by the file: 1 region ")
    shared.document.undo()
    assert shared.document.rois[0].class_name == "mine"


def test_what_is_skipped_is_said_and_the_rest_is_imported(
    regions: RegionController, shared: Shared, qtbot: QtBot, tmp_path: Path, told: list[Message]
) -> None:
    odd = feature({"type": "Polygon", "coordinates": [["0,0", "9,0", "9,9"]]})
    file = tmp_path / "regions.geojson"
    file.write_text(json.dumps([feature(SQUARE), odd, feature(FAR)]))
    with qtbot.waitSignal(regions.imported):
        regions.import_file(str(file))
    assert len(shared.document.rois) == 2
    assert [m.level for m in told] == ["warning"]
    assert told[0].text.startswith("1 of 3 features were skipped: feature 2: ")


def test_regions_of_other_programs_are_counted_from_the_corner_of_the_slide(
    regions: RegionController, tmp_path: Path
) -> None:
    info = replace(INFO, bounds=(300, 40, 500, 500))
    file = tmp_path / "halo.geojson"
    file.write_text(json.dumps(feature(FAR)))
    (moved,) = read_for_slide(str(file), info, {}).rois
    (there,) = read_for_slide(str(file), info, {}, from_corner=True).rois
    assert (moved.bounds, there.bounds) == ((320, 60, 329, 69), (20, 20, 29, 29))
