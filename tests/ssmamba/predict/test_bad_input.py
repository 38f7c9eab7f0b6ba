"""What ``python -m ssmamba.predict`` says of bad input, and that nothing is lost by it."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, SlideSpec
from ssmamba.errors import DataError
from ssmamba.files import written_whole
from ssmamba.predict import main
from ssmamba.rois.geojson import read_rois, write_rois
from ssmamba.rois.roi import Roi
from tests.patience import PATIENCE_S
from tests.slides import SHARED_CASES, SHARED_SLIDES, grainy
from tests.ssmamba.checkpoints.made import CLASSES
from tests.ssmamba.predict.results import read_results, square
from tests.tiffs import Kind, Page, write_tiff


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


def test_a_failure_leaves_no_folder(predict):
    status, _, out = predict("nothing.svs", "--model", "a.safetensors")
    assert status == 2 and not out.exists()


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


def test_a_picture_that_cannot_be_written_costs_itself_alone(predict, folder, monkeypatch):
    save = Image.Image.save

    def full(self, path, *args, **options):
        if "second" in str(path):
            Path(path).write_bytes(b"half of it")
            raise OSError(28, "No space left on device")
        return save(self, path, *args, **options)

    monkeypatch.setattr(Image.Image, "save", full)
    status, said, out = predict(
        "slide.tif", "--model", "a.safetensors", "--rois", "regions.geojson", "--cam", "GradCAM"
    )
    assert status == 2 and "(No space left on device); choose another --out" in said
    first, second = read_results(out)
    assert (out / first["cam"]["file"]).is_file() and second["cam"]["file"] == ""
    assert not [path for path in out.iterdir() if "second" in path.name]  # and no half of it
    assert len(read_rois(out / "rois.geojson")) == 2


def test_an_odd_feature_is_named_and_the_rest_is_classified(predict, folder):
    sound = json.loads((folder / "regions.geojson").read_text())["features"]
    odd = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [["1,2"]]}}
    (folder / "odd.geojson").write_text(json.dumps([sound[0], odd, sound[1]]))
    status, said, out = predict("slide.tif", "--model", "a.safetensors", "--rois", "odd.geojson")
    assert status == 0 and len(read_results(out)) == 2
    assert "1 of 3 features were skipped: feature 2: " in said


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


@pytest.mark.skipif(not SHARED_CASES.is_dir(), reason="needs ../shared/cases")
@pytest.mark.parametrize("name", ["plain.png", "strips.tif", "tiled.tif"])
def test_pixels_that_are_not_square_are_said_and_have_no_scale(predict, name):
    case = SHARED_CASES / "unequal-mpp"
    status, told, out = predict(
        case / name, "--model", "a.safetensors", "--rois", case / "square.geojson",
        "--field-px", 64,
    )  # fmt: skip
    assert status == 0 and "pixels are not square (0.25 µm across, 0.5 µm down)" in told
    (record,) = read_results(out)
    assert record["mpp"] is None
