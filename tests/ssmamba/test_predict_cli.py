"""``python -m ssmamba.predict``: the files that it writes and what it says of bad input."""

import csv
import errno
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Calibration, Card, InputSpec, SlideSpec
from ssmamba.errors import DataError
from ssmamba.files import written_whole
from ssmamba.predict import main
from ssmamba.rois.geojson import read_rois, write_rois
from ssmamba.rois.roi import Roi
from tests.patience import PATIENCE_S
from tests.slides import SHARED_CASES, SHARED_SLIDES, tissue_like, write_pyramid
from tests.ssmamba.checkpoints.made import CLASSES, save_classifier, save_mamim
from tests.tiffs import Kind, Page, write_tiff


def square(x, y, side, name="", **fields):
    ring = ((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    return Roi(((ring,),), kind="rectangle", name=name, **fields)


SURE = Calibration(entropy_limit=1.0)  # of the tiny models, which were never trained


def grainy(width, height, seed=0):
    """A picture that is in focus, in the colours of eosin: others may be ink."""
    grain = np.random.default_rng(seed).normal(0, 30, (height, width, 1))
    pink = tissue_like(width, height, seed).mean(axis=2, keepdims=True) * (1.0, 0.7, 0.85)
    return np.clip(pink + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    save_classifier(folder / "a.safetensors", calibration=SURE)
    save_classifier(folder / "b.safetensors", seed=1, name="Other", calibration=SURE)
    scaled = InputSpec(window_px=64, source_px=64, mpp=0.5)
    save_classifier(folder / "scaled.safetensors", spec=scaled)
    save_mamim(folder / "mamim.safetensors")
    write_pyramid(folder / "slide.tif", 600, 400, mpp=0.5, picture=grainy(600, 400))
    write_pyramid(folder / "no-mpp.tif", 600, 400, mpp=None)
    Image.fromarray(grainy(64, 64)).save(folder / "patch.png")
    Image.fromarray(grainy(64, 64, seed=5)).save(folder / "other.png")
    regions = [
        square(10, 20, 64, "first"),
        square(100, 100, 128, "second", measurements={"area": 4.0}),
        Roi(((((5.0, 5.0),),),), kind="point"),
    ]
    write_rois(folder / "regions.geojson", regions)
    return folder


@pytest.fixture
def predict(folder, tmp_path, capsys):
    """Run the command on files of the folder; returns (status, stderr, output folder)."""

    def run(*arguments):
        out = tmp_path / "out"
        named = [str(folder / a) if (folder / str(a)).is_file() else str(a) for a in arguments]
        status = main([*named, "--out", str(out), "--device", "cpu"])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return status, captured.err, out

    return run


def read_results(out):
    return json.loads((out / "results.json").read_text())


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


def test_large_regions_without_a_scale_are_one_sentence_and_no_class(predict, folder, tmp_path):
    regions = [square(10, 20, 64, "small"), square(0, 0, 200, "large"), square(9, 9, 300, "larger")]
    write_rois(tmp_path / "large.geojson", regions)
    asked = ("slide.tif", "--model", "a.safetensors", "--rois", tmp_path / "large.geojson")
    status, said, out = predict(*asked)
    assert status == 2
    assert [record["roi_name"] for record in read_results(out)] == ["small"]
    assert said.count("wider than 128 px are given no class; give that side with --field-px") == 1
    status, _, out = predict(*asked, "--field-px", "64")
    assert status == 0 and len(read_results(out)) == 3


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


def test_a_failure_leaves_no_folder(predict):
    status, _, out = predict("nothing.svs", "--model", "a.safetensors")
    assert status == 2 and not out.exists()


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


def test_a_slide_without_scale_says_so_and_works_with_mpp(predict):
    status, said, out = predict("no-mpp.tif", "--model", "scaled.safetensors")
    assert status == 2
    assert "no-mpp.tif has no µm/px" in said
    assert "--mpp" in said
    assert not (out / "results.json").exists()
    status, _, out = predict("no-mpp.tif", "--model", "scaled.safetensors", "--mpp", "0.5")
    assert status == 0
    assert read_results(out)[0]["mpp"] == pytest.approx(0.5)
    status, _, out = predict("no-mpp.tif", "--model", "a.safetensors", "--field-px", "100")
    assert status == 0


def test_what_is_not_read_as_it_is_stored_is_said_and_noted(predict, tmp_path):
    samples = np.dstack([grainy(64, 64)] * 2)
    path = write_tiff(tmp_path / "six.tif", [Page(samples, Kind(extra=(0, 0, 0)))])
    status, said, out = predict(str(path), "--model", "a.safetensors")
    assert status == 0
    assert "six.tif: It has 3 channels beside its colours that are not shown." in said
    (record,) = read_results(out)
    assert "It has 3 channels beside its colours that are not shown" in record["notes"]
    _, _, plain = predict("patch.png", "--model", "a.safetensors")
    assert read_results(plain)[0]["probabilities"] == record["probabilities"]


def test_several_inputs_and_one_that_is_broken_lose_nothing(predict, tmp_path):
    (tmp_path / "broken.svs").write_bytes(b"no slide")
    status, said, out = predict(
        "patch.png", str(tmp_path / "broken.svs"), "other.png", "--model", "a.safetensors"
    )
    assert status == 2
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "broken.svs" in errors[0]
    assert [r["input"].rsplit("/", 1)[1] for r in read_results(out)] == ["patch.png", "other.png"]
    assert len(list(out.glob("rois-*.geojson"))) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.svs", "--model", "a.safetensors"], "nothing.svs"),
        (["patch.png", "--model", "none.safetensors"], "no model file"),
        (["patch.png", "--model", "patch.png"], "not a readable .safetensors"),
        (["patch.png", "--model", "mamim.safetensors"], "has no classes"),
        (["patch.png", "--model", "whole.safetensors"], "is a slide model"),
        (["patch.png"], "--model"),
        (["patch.png", "--model", "a.safetensors", "--cam", "GradCMA"], "did you mean 'GradCAM'"),
        (["patch.png", "--model", "a.safetensors", "--target", "tumr"], "did you mean 'tumor'"),
        (["patch.png", "--model", "a.safetensors", "--mpp", "-1"], "--mpp"),
        (["patch.png", "--model", "a.safetensors", "--mpp", "abc"], "--mpp"),
        (["patch.png", "--model", "a.safetensors", "--stage", "7"], "--stage"),
        (["slide.tif", "--model", "a.safetensors", "--rois", "absent.geojson"], "absent.geojson"),
        (["slide.tif", "--model", "a.safetensors", "--rois", "patch.png"], "patch.png"),
        (["slide.tif", "--model", "a.safetensors", "--rois", "off.geojson"], "off the slide"),
        (["slide.tif", "--model", "a.safetensors", "--rois", "points.geojson"], "with an area"),
    ],
)
def test_bad_input_gives_one_sentence_and_status_2(predict, folder, arguments, words):
    write_rois(folder / "off.geojson", [square(5000, 5000, 50, "far")])
    write_rois(folder / "points.geojson", [Roi(((((5.0, 5.0),),),), kind="point")])
    whole = Card(kind="slide", classes=CLASSES, input=SlideSpec(mpp=2.0))
    checkpoint.save_tensors(folder / "whole.safetensors", {}, whole)
    status, said, _ = predict(*arguments)
    assert status == 2
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert words in errors[0]


def test_an_output_folder_that_cannot_be_made_is_named(folder, capsys):
    status = main([str(folder / "patch.png"), "--model", str(folder / "a.safetensors"),
                   "--out", str(folder / "patch.png" / "x")])  # fmt: skip
    assert status == 2
    assert "choose another with --out" in capsys.readouterr().err


def test_the_command_itself_exits_with_2_and_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "ssmamba.predict", "nothing.svs", "--model", "none",
               "--out", str(tmp_path)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.shared_data
def test_the_real_slide_without_scale_works_with_mpp(predict, tmp_path):
    slide = SHARED_SLIDES / "TCGA-CR-7395-01A-01-TS1.svs"
    if not slide.exists():
        pytest.skip("needs ../shared/data/slides")
    status, said, _ = predict(str(slide), "--model", "scaled.safetensors")
    assert status == 2
    assert "has no µm/px" in said
    write_rois(tmp_path / "one.geojson", [square(1500, 1500, 64, "one")])
    rois = ("--rois", str(tmp_path / "one.geojson"))
    status, _, out = predict(str(slide), "--model", "scaled.safetensors", "--mpp", "0.5", *rois)
    assert status == 0
    (record,) = read_results(out)
    assert record["mpp"] == pytest.approx(0.5)
    assert record["notes"] == []


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


def test_a_picture_that_cannot_be_written_costs_itself_alone(predict, folder, monkeypatch):
    save = Image.Image.save

    def full(self, path, *args, **options):
        if "second" in str(path):
            raise OSError(28, "No space left on device")
        return save(self, path, *args, **options)

    monkeypatch.setattr(Image.Image, "save", full)
    status, said, out = predict(
        "slide.tif", "--model", "a.safetensors", "--rois", "regions.geojson", "--cam", "GradCAM"
    )
    assert status == 2 and "(No space left on device); choose another --out" in said
    first, second = read_results(out)
    assert (out / first["cam"]["file"]).is_file() and second["cam"]["file"] == ""
    assert len(read_rois(out / "rois.geojson")) == 2


def test_an_odd_feature_is_named_and_the_rest_is_classified(predict, folder):
    sound = json.loads((folder / "regions.geojson").read_text())["features"]
    odd = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [["1,2"]]}}
    (folder / "odd.geojson").write_text(json.dumps([sound[0], odd, sound[1]]))
    status, said, out = predict("slide.tif", "--model", "a.safetensors", "--rois", "odd.geojson")
    assert status == 0 and len(read_results(out)) == 2
    assert "1 of 3 features were skipped: feature 2: " in said


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


def test_a_place_that_cannot_be_written_is_told_before_the_work(predict, monkeypatch):
    def refuse(out):
        raise DataError(f"{out} cannot be written (Read-only file system); choose another --out.")

    monkeypatch.setattr("ssmamba.headless.run.refuse_unwritable", refuse)
    monkeypatch.setattr("ssmamba.engine.jobs.classify.answer", None)  # nothing is computed
    status, said, _ = predict("patch.png", "--model", "a.safetensors")
    assert status == 2 and said.count("\n") == 1 and "Read-only file system" in said


@pytest.mark.parametrize("name", ["results.json", "results.csv", "rois.geojson"])
def test_answers_are_kept_when_the_disk_is_full_at_the_end(
    folder, tmp_path, capsys, monkeypatch, name
):
    def refuse(path, whole=written_whole):
        if path.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(path)

    for module in ("ssmamba.files", "ssmamba.headless.report", "ssmamba.rois.geojson"):
        monkeypatch.setattr(f"{module}.written_whole", refuse)
    given = [str(folder / "patch.png"), "--model", str(folder / "a.safetensors")]
    assert main([*given, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert "No space left on device" in said.err and "Traceback" not in said.err
    text = said.out if name == "results.json" else (tmp_path / "results.json").read_text()
    assert json.loads(text)[0]["model_name"] == "Tiny"
