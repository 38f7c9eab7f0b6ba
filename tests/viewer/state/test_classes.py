"""The palette of a slide, without a window."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ssmamba.rois.geojson import rois_from_geojson
from ssmamba.rois.roi import MODEL_CLASS
from tests.viewer.fakes import square, write_model
from tests.viewer.state.test_planning import INFO
from viewer.saving.contents import contents_of, settings_of
from viewer.state.classes import NO_COLOR, Classes
from viewer.state.document import Document
from viewer.state.library import ModelLibrary, read_model
from viewer.state.settings import ClassList, RegionClass, SlideSettings

TUMOUR, STROMA = RegionClass("Tumour", (200, 0, 0)), RegionClass("Stroma", (0, 120, 0))


@pytest.fixture
def document() -> Document:
    made = Document()
    made.set_slide(INFO)
    made.add([square(0, 0, 9, "A", "a"), square(20, 0, 9, "B", "b"), square(40, 0, 9, "C", "c")])
    return made


@pytest.fixture
def classes(document: Document) -> Classes:
    made = Classes(document, ModelLibrary())
    made.add(TUMOUR)
    made.add(STROMA)
    return made


def names(classes: Classes) -> list[str]:
    return [row.shown.name for row in classes.listed]


def of_regions(document: Document) -> dict[str, str]:
    return {roi.id: roi.class_name for roi in document.rois}


def test_a_models_classes_are_offered_and_keep_their_numbers_once_one_is_used(
    document: Document, tmp_path: Path
) -> None:
    library = ModelLibrary()
    library.add([read_model(write_model(tmp_path / "m.safetensors"))], use=True)
    classes = Classes(document, library)
    before = names(classes)
    assert before == ["Adenocarcinoma", "Squamous cell carcinoma", "Benign tissue"]
    classes.give(["b"], before[2])
    assert names(classes) == before
    library.set_in_use(library.models[0].path, False)
    assert names(classes) == before, "also without the model: they are the slide's own now"
    roi = document.roi("b")
    assert roi is not None and (roi.user_class, roi.color) == ("Benign tissue", (60, 150, 110))


def test_classes_of_imported_regions_are_in_the_palette_with_their_colours(
    classes: Classes, document: Document
) -> None:
    necrosis = {"name": "Necrosis", "color": [50, 50, 50]}
    ring = [[0, 0], [9, 0], [9, 7], [0, 0]]
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "properties": {"objectType": "annotation", "classification": classification},
        }
        for classification in (necrosis, {"name": "Unseen"})
    ]
    document.add(rois_from_geojson({"type": "FeatureCollection", "features": features}))
    assert [(r.shown.name, r.regions) for r in classes.listed] == [
        ("Tumour", 0), ("Stroma", 0), ("Necrosis", 1), ("Unseen", 1),
    ]  # fmt: skip
    assert classes.named("Necrosis") == RegionClass("Necrosis", (50, 50, 50))
    assert classes.named("Unseen") == RegionClass("Unseen", NO_COLOR)


def test_a_class_is_renamed_with_all_its_regions_and_back_in_one_step(
    classes: Classes, document: Document
) -> None:
    document.change(replace(document.rois[1], locked=True))
    classes.give(["a", "b"], "Tumour")
    document.change(replace(document.rois[1], class_name="Tumour", color=(200, 0, 0)))
    classes.draw_with("Tumour")
    classes.rename("Tumour", "Carcinoma")
    assert of_regions(document) == {"a": "Carcinoma", "b": "Carcinoma", "c": ""}
    assert names(classes) == ["Carcinoma", "Stroma"]
    assert classes.drawn == RegionClass("Carcinoma", (200, 0, 0))
    document.undo()
    assert of_regions(document) == {"a": "Tumour", "b": "Tumour", "c": ""}
    assert names(classes) == ["Tumour", "Stroma"]
    document.redo()
    assert names(classes) == ["Carcinoma", "Stroma"]


def test_a_new_name_joins_the_palette_with_a_colour_of_its_own_in_one_step(
    classes: Classes, document: Document
) -> None:
    assert classes.give(["a", "b"], "Necrosis") == 2
    made = classes.named("Necrosis")
    assert names(classes) == ["Tumour", "Stroma", "Necrosis"]
    assert made is not None and made.color not in (TUMOUR.color, STROMA.color, NO_COLOR)
    assert [roi.color for roi in document.rois] == [made.color, made.color, None]
    document.undo()
    assert names(classes) == ["Tumour", "Stroma"] and not any(of_regions(document).values())


def test_a_locked_region_keeps_its_class_when_one_is_given(
    classes: Classes, document: Document
) -> None:
    document.change(replace(document.rois[1], locked=True))
    assert classes.give(["a", "b"], "Tumour") == 1
    assert of_regions(document) == {"a": "Tumour", "b": "", "c": ""}


def test_a_name_that_is_taken_merges_two_classes(classes: Classes, document: Document) -> None:
    classes.give(["a"], "Tumour")
    classes.give(["b"], "Stroma")
    classes.rename("Stroma", "Tumour")
    assert of_regions(document) == {"a": "Tumour", "b": "Tumour", "c": ""}
    assert {roi.color for roi in document.rois[:2]} == {(200, 0, 0)}
    assert names(classes) == ["Tumour"]
    document.undo()
    assert of_regions(document) == {"a": "Tumour", "b": "Stroma", "c": ""}
    assert names(classes) == ["Tumour", "Stroma"]


def test_a_class_that_a_model_gave_stays_the_models_after_renaming(
    classes: Classes, document: Document
) -> None:
    given = replace(document.rois[0], class_name="Tumour", metadata={MODEL_CLASS: "Tumour"})
    document.change(given)
    classes.rename("Tumour", "Carcinoma")
    assert document.rois[0].class_name == "Carcinoma" and document.rois[0].user_class == ""


def test_another_colour_reaches_the_regions(classes: Classes, document: Document) -> None:
    classes.give(["a"], "Tumour")
    classes.recolor("Tumour", (1, 2, 3))
    assert document.rois[0].color == (1, 2, 3) and classes.named("Tumour").color == (1, 2, 3)
    document.undo()
    assert document.rois[0].color == (200, 0, 0) and classes.named("Tumour").color == (200, 0, 0)


def test_only_a_class_without_regions_is_removed(classes: Classes, document: Document) -> None:
    classes.give(["a"], "Tumour")
    assert not classes.remove("Tumour") and classes.remove("Stroma")
    assert names(classes) == ["Tumour"]
    document.undo()
    assert names(classes) == ["Tumour", "Stroma"]


def test_the_palette_is_kept_and_what_cannot_be_is_left_out() -> None:
    kept = SlideSettings(classes=ClassList((TUMOUR, STROMA), "Stroma"))
    assert settings_of(contents_of((), kept)) == kept
    odd = {"classes": [{"name": "A", "color": [300, 0, 0]}, {"name": "B", "color": [1, 2, 3]}]}
    found = settings_of({"setting/classes": {**odd, "drawn": "A"}})
    assert found.classes == ClassList((RegionClass("B", (1, 2, 3)),), "")


def test_choosing_the_class_of_new_regions_asks_no_model_again(
    classes: Classes, document: Document
) -> None:
    told: list[object] = []
    document.results_changed.connect(told.append)
    document.slide_settings_changed.connect(lambda: told.append("settings"))
    classes.draw_with("Tumour")
    assert told == [] and document.undo_stack.undo_text == "Add class"
