"""The small inputs that were once got wrong: none is forgotten, and their pixels and areas hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmamba.errors import RoiError, SlideError
from ssmamba.reading.tissue_rois import tissue_rois
from ssmamba.rois.geometry import area_of
from ssmamba.rois.reading import read_regions
from ssmamba.slides.picture import UnreadableImage
from ssmamba.slides.slide import Slide
from tests.slides import SHARED_CASES
from training.data.images import read_rgb

ROOT = Path(__file__).resolve().parents[2]
DECODE, PAGES = "ssmamba/slides/test_decode.py", "ssmamba/slides/test_decode_pages.py"
TIFFS, ODD = "ssmamba/slides/test_tiff_slides.py", "ssmamba/rois/test_odd_features.py"
SCALE = "ssmamba/slides/test_tiff_scale.py"
TISSUE, WINDOWS = "ssmamba/reading/test_tissue_rois.py", "ssmamba/reading/test_windows.py"
STRICT, TRUTH = "training/data/test_strict_reading.py", "training/prepare/test_truth.py"
ANSWERS = "ssmamba/predict/test_answers.py"
HELD = {  # case: the test that holds its kind
    "alpha-overflow": f"{DECODE}::test_colours_brighter_than_their_alpha_end_at_white",
    "asap-xml": f"{TRUTH}::test_foreign_annotations",
    "batch-of-one": "training/runs/test_plan.py::test_one_image_with_one_cell_is_refused",
    "black-padding": f"{TISSUE}::test_padding_of_any_grey_is_no_tissue_and_costs_none",
    "cam-layout": "ssmamba/explain/test_measured.py::test_layouts_that_names_do_not_tell",
    "class-overwritten": f"{ANSWERS}::test_the_class_of_a_person_stays_and_is_compared",
    "convert-wrappers": "training/convert/test_convert.py"
    "::test_wrappers_are_taken_off_and_floats_are_float32",
    "coordinate-strings": f"{ODD}::test_a_feature_that_cannot_be_read_is_skipped",
    "deep-miniswhite": f"{DECODE}::test_deep_grey_whose_white_is_zero_is_no_negative",
    "deep-planar": f"{DECODE}::test_deep_planes_of_colour_are_put_together",
    "deep-tiled": f"{DECODE}::test_twelve_bits_are_as_bright_in_tiles_as_in_strips",
    "first-page-only": f"{PAGES}::test_red_green_and_blue_pages_are_one_picture",
    "float-bigendian-deflate": "ssmamba/slides/test_decode_sweep.py"
    "::test_known_pixels_at_every_door",
    "float-over-one": f"{DECODE}::test_fractions_that_end_a_little_above_one_are_not_black",
    "float64-rgb": f"{DECODE}::test_colour_in_floats_is_shown",
    "foreign-geojson": f"{ANSWERS}::test_classes_and_colours_of_other_programs_stay",
    "geojson-one-bad": f"{ODD}::test_a_member_that_is_not_understood_does_not_cost_its_region",
    "geojson-silent": f"{ODD}::test_what_means_unlocked_is_unlocked",
    "hash-collision": "ssmamba/slides/test_identity.py"
    "::test_slides_whose_pyramids_end_alike_are_told_apart",
    "hostile-cards": "ssmamba/checkpoints/test_impossible_cards.py"
    "::test_a_small_file_whose_card_asks_for_a_gigantic_network",
    "hostile-geojson": f"{ODD}::test_what_nests_deeply_is_left_out_and_can_be_saved",
    "hostile-yaml": "training/cli/test_yaml_file.py::test_odd_values_are_named",
    "huge-polygon": f"{WINDOWS}::test_an_outline_of_many_vertices_is_read_like_any_other",
    "import-twice": "ssmamba/rois/test_geojson.py::test_twice_the_same_id_becomes_two_regions",
    "long-names": f"{ANSWERS}::test_long_names_of_regions_are_shortened_and_stay_different",
    "lumen": f"{TISSUE}::test_a_ring_keeps_its_hole_also_when_the_hole_is_off_centre",
    "manifest-quotes": f"{STRICT}::test_a_stray_quotation_mark_is_named_by_its_line",
    "mask-polarity": f"{TRUTH}::test_foreign_masks_of_one_area",
    "mask-size": f"{TRUTH}::test_a_foreign_mask_at_a_quarter",
    "mask-tiled": f"{TRUTH}::test_foreign_masks_of_one_area",
    "na-group": f"{STRICT}::test_a_missing_group_as_r_and_pandas_write_it_is_none",
    "no-mistakes": "training/metrics/test_calibration.py"
    "::test_without_mistakes_the_limit_is_a_percentile",
    "ome-pyramid": f"{TIFFS}::test_levels_in_subifds_and_the_scale_in_xml_are_found",
    "overlapping-parts": "ssmamba/rois/test_one_area.py"
    "::test_its_size_is_that_of_its_parts_without_holes",
    "padded-levels": f"{TIFFS}::test_places_on_padded_levels_are_places_on_the_slide",
    "parts-unread": f"{WINDOWS}"
    "::test_small_parts_beside_a_large_one_each_get_a_window_centred_on_them",
    "patient-column": "training/prepare/test_plain.py"
    "::test_patients_are_kept_whole_under_the_names_of_their_column",
    "same-looking-classes": f"{STRICT}::test_classes_that_look_alike_are_named_with_their_places",
    "skipped-files": f"{STRICT}::test_files_that_are_not_read_are_counted",
    "thin-slide": f"{TISSUE}::test_cores_on_a_long_thin_slide_are_outlined_as_closely_as_on_any",
    "tiff-traps": f"{TIFFS}::test_an_orientation_turns_the_slide_and_not_its_tiles",
    "unequal-mpp": f"{SCALE}::test_pixels_that_are_not_square_have_no_scale_and_that_is_said",
}

COLOUR = ((200, 60, 60), (60, 200, 60), (60, 60, 200), (230, 150, 200))
GREY = ((200,) * 3, (60,) * 3, (60,) * 3, (230,) * 3)
PICTURES = {
    "alpha-overflow/assoc.tif": ((255, 187, 187), (187, 255, 187), (187, 187, 255), (255,) * 3),
    "alpha-overflow/five.tif": COLOUR,
    "deep-miniswhite/strip.tif": GREY,
    "deep-planar/strip.tif": COLOUR,
    "deep-tiled/strip.tif": COLOUR,
    "deep-tiled/tile.tif": COLOUR,
    "first-page-only/ome_rgb.ome.tif": COLOUR,
    "float-bigendian-deflate/be.tif": GREY,
    "float-over-one/over.tif": GREY,
    "float64-rgb/f4_viewer_refuses.tif": COLOUR,
    "float64-rgb/f8.tif": COLOUR,
    "ome-pyramid/pyr.ome.tif": COLOUR,
}
AREAS = {
    "overlapping-parts/parts.geojson": [1_835_008, 2_097_152, 980_000, 720_000],
    "overlapping-parts/stroke_over_itself.geojson": [960_000] * 4,
    "import-twice/same_id.geojson": [10_000] * 2,
    "import-twice/collection.geojson": [10_000] * 2,
    "geojson-one-bad/nested_collection.geojson": [2_500] * 2,
    "geojson-one-bad/ndjson.geojson": [2_500] * 2,
    "geojson-one-bad/empty_geometry.geojson": [2_500],
    "asap-xml/comma.xml": [2_500],
    "asap-xml/rect2.xml": [2_500],
    "unequal-mpp/square.geojson": [80_000],
}


def case(name: str) -> Path:
    path = SHARED_CASES / name
    if not path.exists():
        pytest.skip("../shared/cases is absent")
    return path


@pytest.mark.shared_data
def test_every_case_is_held_by_a_test() -> None:
    folders = {path.name for path in case("").iterdir() if path.is_dir()}
    assert folders - HELD.keys() == set()


@pytest.mark.parametrize("name", HELD)
def test_the_test_of_a_case_is_there(name: str) -> None:
    file, _, test = HELD[name].partition("::")
    assert f"def {test}(" in (ROOT / "tests" / file).read_text(encoding="utf-8")


@pytest.mark.shared_data
@pytest.mark.parametrize("name", PICTURES)
def test_corners_are_the_same_at_every_door(name: str) -> None:
    path = case(name)
    with Slide.open(path) as slide:
        seen = slide.read_region(0, 0, 0, *slide.dimensions)
    for picture in (seen, read_rgb(path)):
        rows, columns = (np.array([1, 7]) * side // 8 for side in picture.shape[:2])
        corners = [picture[row, column] for row in rows for column in columns]
        assert np.abs(np.array(corners, int) - PICTURES[name]).max() <= 1


@pytest.mark.shared_data
def test_fluorescence_is_refused_at_every_door() -> None:
    path = case("first-page-only/fluo.ome.tif")
    with pytest.raises(SlideError, match="3 channels"):
        Slide.open(path)
    with pytest.raises(UnreadableImage, match="3 channels"):
        read_rgb(path)


@pytest.mark.shared_data
@pytest.mark.parametrize("name", AREAS)
def test_areas_are_those_that_were_drawn(name: str) -> None:
    assert [area_of(roi) for roi in read_regions(case(name)).rois] == pytest.approx(AREAS[name])


@pytest.mark.shared_data
@pytest.mark.parametrize("name", ["pairs", "space"])
def test_places_written_as_texts_are_named(name: str) -> None:
    with pytest.raises(RoiError, match=r"in place of \[x, y\]"):
        read_regions(case(f"coordinate-strings/{name}.geojson"))


@pytest.mark.shared_data
def test_the_frame_of_a_scan_is_no_tissue() -> None:
    with Slide.open(case("black-padding/black.tif")) as slide:
        (roi,) = tissue_rois(slide)
    assert area_of(roi) == pytest.approx(np.pi * 250 * 175, rel=0.03)
