"""``python -m ssmamba.predict``: the files that it writes."""

import csv

import numpy as np
import pytest
from PIL import Image

from ssmamba.rois.geojson import read_rois, write_rois
from ssmamba.rois.roi import Roi
from tests.slides import SHARED_CASES
from tests.ssmamba.checkpoints.made import CLASSES, save_classifier
from tests.ssmamba.predict.results import SURE, read_results, square


def test_a_plain_image_is_classified_whole(predict, folder):
    from ssmamba.inference.predictor import Predictor

    status, told, out = predict("patch.png", "--model", "a.safetensors")
    assert status == 0
    (record,) = read_results(out)
    assert f"{record['predicted_name']}, {record['confidence'] * 100:.1f} %" in told
    assert "Wrote 1 result to" in told
    pixels = np.asarray(Image.open(folder / "patch.png"))
    expected = Predictor(folder / "a.safetensors", "cpu").predict(pixels).probabilities[0]
    np.testing.assert_allclose(list(record["probabilities"].values()), expected, atol=1e-4)
    assert list(record["probabilities"]) == [c.key for c in CLASSES]
    assert record["predicted"] == CLASSES[int(expected.argmax())].key
    assert record["confidence"] == pytest.approx(float(expected.max()), abs=1e-4)
    assert record["input"].endswith("patch.png")
    assert record["mode"] == "whole"
    assert record["mpp"] is None
    assert record["roi_name"] == "whole image"
    for stamp in ("slide_hash", "checkpoint_sha256", "device", "scan_backend", "time"):
        assert record["stamp"][stamp]


def test_regions_of_a_slide_get_results_csv_and_geojson(predict):
    status, _, out = predict(
        "slide.tif", "--model", "a.safetensors", "b.safetensors", "--rois", "regions.geojson"
    )
    assert status == 0
    records = read_results(out)
    assert [(r["roi_name"], r["model_name"]) for r in records] == [
        ("first", "Tiny"), ("first", "Other"), ("second", "Tiny"), ("second", "Other"),
    ]  # fmt: skip
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    for row, record in zip(rows, records, strict=True):
        assert row["roi_id"] == record["roi_id"]
        assert float(row["p_fat"]) == record["probabilities"]["fat"]
    rois = read_rois(out / "rois.geojson")
    assert [r.name for r in rois] == ["first", "second"]
    by_key = {c.key: c for c in CLASSES}
    for roi, (record, _) in zip(rois, (records[:2], records[2:]), strict=True):
        assert record["sure"] and record["doubt"] == ""
        assert roi.class_name == by_key[record["predicted"]].name
        assert roi.color == by_key[record["predicted"]].color
    assert rois[0].measurements["Tiny: Fat"] == pytest.approx(records[0]["probabilities"]["fat"])
    assert rois[0].measurements["Other: Fat"] == pytest.approx(records[1]["probabilities"]["fat"])
    assert rois[1].measurements["area"] == 4.0
    assert rois[1].bounds == (100, 100, 228, 228)


def test_the_class_of_a_person_stays_and_is_compared(predict, folder):
    _, _, out = predict("slide.tif", "--model", "a.safetensors", "--rois", "regions.geojson")
    answers = [record["predicted_name"] for record in read_results(out)]
    other = next(c.name for c in CLASSES if c.name != answers[1])
    given = {"one": answers[0].upper(), "two": other, "three": "Necrosis"}
    places = ((10, 20, 64), (100, 100, 128), (300, 20, 64))
    rois = [square(*place, name, class_name=own, color=(7, 8, 9), metadata={"by": "me"})
            for place, (name, own) in zip(places, given.items(), strict=True)]  # fmt: skip
    write_rois(folder / "classed.geojson", rois)
    status, told, out = predict("slide.tif", "--model", "a.safetensors", "--rois",
                                "classed.geojson")  # fmt: skip
    assert status == 0 and f"as the region's own class, {answers[0].upper()}" in told
    written = read_rois(out / "rois.geojson")
    assert [r.class_name for r in written] == list(given.values())
    assert {r.color for r in written} == {(7, 8, 9)}
    assert all(r.metadata["by"] == "me" and "Tiny: Fat" in r.measurements for r in written)
    records = read_results(out)
    assert [r["user_class"] for r in records] == list(given.values())
    assert [r["agrees"] for r in records] == [True, False, None]
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["user_class"] for row in rows] == list(given.values())
    assert [row["agrees"] for row in rows] == ["True", "False", ""]


def test_bare_glass_has_no_class_in_any_file(predict, tmp_path):
    Image.new("RGB", (64, 64), (244, 243, 245)).save(tmp_path / "glass.png")
    status, told, out = predict(str(tmp_path / "glass.png"), "--model", "a.safetensors", "--cam",
                                "GradCAM")  # fmt: skip
    assert status == 0
    (record,) = read_results(out)
    assert record["doubt"] in ("glass", "blank") and record["predicted"] is None
    assert not list(out.glob("*.png"))
    words = told + "".join(path.read_text() for path in out.iterdir())
    assert not any(info.name in words or f'"{info.key}"' in words for info in CLASSES)
    (row,) = csv.DictReader((out / "results.csv").read_text().splitlines())
    assert row["doubt"] == record["doubt"] and row["predicted_name"] == row["confidence"] == ""


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "name", ["qupath_source", "geopandas_roundtrip", "lazyslide_export", "tiatoolbox_predictions"]
)
def test_classes_and_colours_of_other_programs_stay(predict, name):
    path = SHARED_CASES / "foreign-geojson" / f"{name}.geojson"
    if not path.exists():
        pytest.skip("needs ../shared/cases")
    _, _, out = predict("slide.tif", "--model", "a.safetensors", "--rois", str(path), "--mode",
                        "whole")  # fmt: skip
    before = {roi.id: roi for roi in read_rois(path)}
    after = read_rois(out / "rois.geojson")
    assert after
    for roi in after:
        old = before[roi.id]
        assert roi.class_name == old.class_name != "" and roi.color == old.color
        assert roi.extra.get("classification") == old.extra.get("classification")
        assert roi.measurements.items() >= old.measurements.items()


def test_a_cam_is_drawn_for_each_region_and_model(predict):
    status, _, out = predict(
        "slide.tif", "--model", "a.safetensors", "--rois", "regions.geojson",
        "--cam", "layercam", "--target", "Stroma", "--stage", "3",
    )  # fmt: skip
    assert status == 0
    for record in read_results(out):
        cam = record["cam"]
        assert (cam["method"], cam["stage"], cam["target"]) == ("LayerCAM", 3, "stroma")
        assert cam["low"] <= cam["high"]
        with Image.open(out / cam["file"]) as picture:
            panel = np.asarray(picture.convert("RGB"))
        left, right = panel[12:460, 12:460].astype(int), panel[12:460, 472:920].astype(int)
        assert np.abs(left - right).max() > 30  # the overlay shows something
        assert np.abs(left - right).mean() < 120  # and the tissue below it


def test_models_of_one_name_are_told_apart(predict, folder):
    for run in ("first", "second"):
        (folder / run).mkdir()
        save_classifier(folder / run / "best.safetensors", seed=len(run), calibration=SURE)
    status, said, out = predict("patch.png", "--cam", "GradCAM", "--model",
                                "first/best.safetensors", "second/best.safetensors")  # fmt: skip
    assert status == 0
    assert "Tiny (first/best): " in said and "Tiny (second/best): " in said
    first, second = read_results(out)
    assert first["cam"]["file"] == "patch_whole-image_first_GradCAM.png"
    assert second["cam"]["file"] == "patch_whole-image_second_GradCAM.png"
    (roi,) = read_rois(out / "rois.geojson")
    for run, record in (("first", first), ("second", second)):
        measured = roi.measurements[f"Tiny ({run}/best): Fat"]
        assert measured == pytest.approx(record["probabilities"]["fat"])


def test_the_overlay_is_cut_by_the_region(predict, folder, tmp_path):
    ring = ((100, 100), (228, 100), (100, 228))  # the lower right half of its square is outside
    write_rois(tmp_path / "half.geojson", [Roi(((ring,),))])
    _, _, out = predict("slide.tif", "--model", "a.safetensors", "--cam", "HiResCAM",
                        "--rois", str(tmp_path / "half.geojson"))  # fmt: skip
    (record,) = read_results(out)
    panel = np.asarray(Image.open(out / record["cam"]["file"]).convert("RGB")).astype(int)
    gap = np.abs(panel[12:460, 12:460] - panel[12:460, 472:920]).sum(2)
    below = np.add.outer(np.arange(448), np.arange(448)) > 460
    assert gap[below].max() <= 3
    assert gap[~below].max() > 30


def test_tissue_of_a_slide_is_found_and_read_in_windows(predict):
    status, _, out = predict("slide.tif", "--model", "scaled.safetensors", "--tissue")
    assert status == 0
    records = read_results(out)
    assert records[0]["roi_name"] == "tissue 1"
    assert records[0]["mode"] == "tiles"
    assert records[0]["windows"] > 4
    assert records[0]["mpp"] == pytest.approx(0.5)


LONG = "Adenocarcinoma, ëxtending into the muscularis; " * 8


def test_long_names_of_regions_are_shortened_and_stay_different(predict, folder):
    names = ("first", f"{LONG} left", f"{LONG} right", "third")
    write_rois(
        folder / "long.geojson", [square(10, 70 * n, 64, name) for n, name in enumerate(names)]
    )
    status, _, out = predict(
        "slide.tif", "--model", "a.safetensors", "--rois", "long.geojson", "--cam", "GradCAM"
    )
    assert status == 0
    records = read_results(out)
    assert [r["roi_name"] for r in records] == list(names)
    files = [r["cam"]["file"] for r in records]
    assert len(set(files)) == 4 and all((out / file).is_file() for file in files)
    assert max(len(file.encode()) for file in files) <= 160


def test_regions_may_count_from_the_corner_of_the_slide(predict, monkeypatch):
    from ssmamba.slides.slide import SlideInfo

    monkeypatch.setattr(SlideInfo, "bounds_offset", (100, 50))
    command = ("slide.tif", "--model", "a.safetensors", "--rois", "regions.geojson", "--mode",
               "whole")  # fmt: skip
    seen = []
    for more in ((), ("--no-bounds-offset",)):
        status, _, out = predict(*command, *more)
        assert status == 0
        seen.append([r["stamp"]["roi_geometry"] for r in read_results(out)])
        assert read_rois(out / "rois.geojson")[0].bounds == (10, 20, 74, 84)
    assert seen[0] != seen[1]
