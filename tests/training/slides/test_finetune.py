"""A slide model from table to report: what is learnt, written, resumed and refused."""

import csv
import json

import numpy as np
import pytest
import torch

from ssmamba.checkpoints.card import read_card
from ssmamba.checkpoints.checkpoint import load, load_slide_model
from ssmamba.errors import CheckpointError
from ssmamba.inference.slide_regions import SlideRegions, read_regions
from ssmamba.models.slides.config import SIZES
from ssmamba.reading.grid import grid_on
from ssmamba.reading.preprocess import to_tensor
from ssmamba.slides.slide import Slide
from tests.training.slides.cohorts import write_cohort, write_slide
from training import finetune, slide_evaluate, slide_finetune
from training.loop import fit
from training.slides.bags import mirrored

QUICK = ["--window", "8", "--epochs", "2", "--warmup-epochs", "1", "--batch-size", "2",
         "--lr", "0.003", "--resamples", "20", "--accelerator", "cpu"]  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Two layers in place of 24."""
    monkeypatch.setitem(SIZES, "6m", ("h-cat", "v-cat"))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 12)


def run(table, out, *more) -> int:
    return slide_finetune.main(["--cohort", str(table), "--out", str(out), *QUICK, *more])


def test_classes_from_table_to_report(cohort, tmp_path):
    out = tmp_path / "run"
    assert run(cohort, out, "--folds", "3", "--epochs", "3") == 0
    results = json.loads((out / "results.json").read_text())
    assert results["slides"] == results["patients"] == 12
    assert results["over_folds"]["auc"]["mean"] > 0.9
    assert results["over_folds"]["auc"]["folds"] == 3
    with (out / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["slide"] for row in rows) == sorted(f"s{n}.tif" for n in range(12))
    assert all(float(r["p_dark"]) + float(r["p_light"]) == pytest.approx(1, abs=1e-4) for r in rows)
    card = read_card(out / "fold-0" / "best.safetensors")
    assert card.kind == "slide" and card.answers_slides and not card.classifies
    assert card.input.mpp == 4.0 and card.input.window_px == 8
    assert card.answer == {"question": "classes"}
    assert [c.key for c in card.classes] == ["dark", "light"]


def test_the_file_answers_as_the_report_says(cohort, tmp_path):
    out = tmp_path / "run"
    assert run(cohort, out, "--folds", "3", "--only-fold", "0") == 0
    found = load_slide_model(out / "fold-0" / "best.safetensors")
    with (out / "predictions.csv").open() as file:
        row = next(csv.DictReader(file))
    with Slide.open(cohort.parent / row["slide"]) as slide:
        regions = read_regions(slide, found.card.input)
    with torch.no_grad():
        logits = found.model(to_tensor(regions.images, found.card.input)).numpy()
    softmax = np.exp(logits) / np.exp(logits).sum()
    assert softmax[0] == pytest.approx(float(row["p_dark"]), abs=1e-4)
    with pytest.raises(CheckpointError, match="slide model"):
        load(out / "fold-0" / "best.safetensors")


def test_survival_writes_its_curve_into_the_card(tmp_path):
    table = write_cohort(tmp_path, 15, ("time", "event"))
    out = tmp_path / "run"
    more = ["--question", "survival", "--bins", "2", "--folds", "3", "--only-fold", "0"]
    assert run(table, out, *more) == 0
    card = read_card(out / "fold-0" / "best.safetensors")
    assert card.slide_outputs == 2 and card.classes == ()
    assert card.answer["question"] == "survival" and len(card.answer["edges"]) == 1
    assert card.answer["kaplan_meier"]["alive"][0] <= 1
    results = json.loads((out / "results.json").read_text())
    assert {"c_index", "log_rank_p", "nll"} <= results["folds"]["0"].keys()
    evaluated = tmp_path / "evaluated"
    flags = ["--checkpoint", str(out / "fold-0" / "best.safetensors"), "--cohort", str(table)]
    assert slide_evaluate.main([*flags, "--out", str(evaluated)]) == 2  # slides of its training
    assert slide_evaluate.main([*flags, "--out", str(evaluated), "--allow-overlap"]) == 0
    assert json.loads((evaluated / "results.json").read_text())["patients"] == 15


def test_grades_have_a_kappa(tmp_path):
    folder = tmp_path / "grades"
    folder.mkdir()
    table = write_cohort(folder, 12)
    assert run(table, tmp_path / "run", "--question", "grades", "--folds", "3") == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert "kappa" in results["over_folds"]
    card = read_card(tmp_path / "run" / "fold-1" / "best.safetensors")
    assert [c.key for c in card.classes] == ["9", "10"]


def test_an_interrupted_run_goes_on_to_the_same_bits(cohort, tmp_path, monkeypatch):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    more = ("--folds", "3", "--only-fold", "1")
    assert run(cohort, whole, *more) == 0
    step = fit.Fit._step

    def stopping(self, turns):
        if self.outcome.step == 2:
            self.stop.asked = True
        return step(self, turns)

    monkeypatch.setattr(fit.Fit, "_step", stopping)
    assert run(cohort, stopped, *more) == 130
    monkeypatch.setattr(fit.Fit, "_step", step)
    assert (stopped / "fold-1" / "last.safetensors").is_file()
    assert run(cohort, stopped, *more) == 2  # it would be overwritten
    assert run(cohort, stopped, *more, "--resume") == 0
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (load_slide_model(d / "fold-1" / name).model for d in (whole, stopped))
        for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
            assert torch.equal(mine, theirs)
    assert (whole / "predictions.csv").read_text() == (stopped / "predictions.csv").read_text()


def test_slides_that_cannot_be_read_are_named_and_the_rest_goes_on(tmp_path, capsys):
    table = write_cohort(tmp_path, 15)
    write_slide(tmp_path / "s2.tif", dark=False)
    (tmp_path / "s3.tif").write_bytes(b"II*\0 no slide")
    blank = np.full((16, 24, 3), 245, np.uint8)
    from tests.slides import write_pyramid

    write_pyramid(tmp_path / "s4.tif", levels=1, tile=16, mpp=4.0, picture=blank)
    write_pyramid(tmp_path / "s5.tif", levels=1, tile=16, mpp=None, picture=blank)
    assert run(table, tmp_path / "run", "--folds", "3") == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    left = {entry["slide"]: entry["why"] for entry in results["left_out"]}
    assert left.keys() == {"s3.tif", "s4.tif", "s5.tif"}
    assert "tissue" in left["s4.tif"] and "µm/px" in left["s5.tif"]
    assert results["slides"] == 12
    assert "12 of 15 slides" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--model", "pixel-mamba-6"], "pixel-mamba-6m"),
        (["--alpha", "1"], "--alpha 1 must be"),
        (["--only-fold", "7"], "--only-fold 7"),
        (["--model", "vim-ti"], "8 px.*24"),
        (["--folds", "40"], "cannot be parted"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(cohort, tmp_path, capsys, more, said):
    flags = [*more, "--tokens", "[24]"] if "vim-ti" in more else more
    assert run(cohort, tmp_path / "run", *flags) == 2
    error = capsys.readouterr().err
    assert said.split(".*")[0] in error
    assert not (tmp_path / "run").exists()


def test_regions_follow_the_slides_own_scale(tmp_path):
    """The same tissue at 2 µm/px has the same regions, of twice the side."""
    spec = read_spec()
    for mpp, side in ((4.0, 8), (2.0, 16)):
        write_slide(tmp_path / f"{mpp}.tif", dark=False, mpp=mpp)
        with Slide.open(tmp_path / f"{mpp}.tif") as slide:
            regions = read_regions(slide, spec)
        assert regions.images.shape == (6, 8, 8, 3)
        assert set(regions.windows[:, 2]) == {side}
        assert regions.cells.tolist() == [[r, c] for r in range(2) for c in range(3)]


def read_spec():
    from ssmamba.checkpoints.card import SlideSpec

    return SlideSpec(window_px=8, source_px=8, mpp=4.0)


def test_of_too_many_regions_some_are_read_spread_over_the_slide(tmp_path):
    write_slide(tmp_path / "s.tif", dark=False)
    with Slide.open(tmp_path / "s.tif") as slide:
        few = read_regions(slide, read_spec(), most=3)
    assert few.left_out == 3
    assert few.cells.tolist() == [[0, 0], [0, 2], [1, 2]]


def test_a_mirrored_slide_is_that_of_the_mirrored_picture():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (8, 12, 3), np.uint8)
    cells = np.array([[0, 0], [0, 2], [1, 1], [1, 2]], np.int32)

    def cut(image, places):
        return np.stack([image[4 * r : 4 * r + 4, 4 * c : 4 * c + 4] for r, c in places])

    regions = SlideRegions(cut(picture, cells), cells, grid_on((12, 8), 4))
    for across in (False, True):
        for down in (False, True):
            image = picture[:, ::-1] if across else picture
            image = image[::-1] if down else image
            places = [(1 - r if down else r, 2 - c if across else c) for r, c in cells.tolist()]
            assert np.array_equal(mirrored(regions, across, down), cut(image, sorted(places)))


@pytest.mark.slow
def test_it_starts_from_images(cohort, folder, tmp_path):
    """finetune --arch pixel-mamba-6m, then --init: the encoder is the one that was trained."""
    images = tmp_path / "images"
    flags = ["--data", str(folder), "--out", str(images), "--arch", "pixel-mamba-6m"]
    quick = ["--image-size", "32", "--batch-size", "8", "--epochs", "1", "--warmup-epochs", "0.5"]
    assert finetune.main([*flags, *quick, "--accelerator", "cpu"]) == 0
    start = images / "best.safetensors"
    out = tmp_path / "run"
    more = ["--folds", "3", "--only-fold", "0", "--lr", "1e-9", "--init", str(start)]
    assert run(cohort, out, *more) == 0
    before = load(start).model.encoder.state_dict()
    after = load_slide_model(out / "fold-0" / "best.safetensors").model.encoder.state_dict()
    for name, value in before.items():
        torch.testing.assert_close(value, after[name], rtol=0, atol=1e-6)
    assert run(cohort, tmp_path / "other", *more, "--model", "vim-ti", "--tokens", "[4]") == 2


# -- models of features


@pytest.fixture
def features(tmp_path):
    """A cohort without slides: tiles of dark patients have one feature that the others lack."""
    from ssmamba.features.hdf5 import TileAttributes, write_features

    folder, rng = tmp_path / "features", np.random.default_rng(0)
    folder.mkdir()
    lines = ["slide,patient,label"]
    for number in range(18):
        tiles = int(rng.integers(3, 9))
        values = rng.normal(0, 0.1, (tiles, 8)).astype(np.float32)
        values[0, 3] += 3.0 * (number % 2)
        places = np.stack([np.arange(tiles) * 256, np.zeros(tiles, int)], 1)
        said = TileAttributes(256, 256, 20.0, 20.0, 0, f"s{number}")
        write_features(folder / f"s{number}.h5", places, values, said, {"encoder": "test"})
        lines.append(f"s{number}.svs,p{number},{('light', 'dark')[number % 2]}")
    table = tmp_path / "cohort.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table, folder


@pytest.mark.parametrize("model", ["meanmil", "maxmil", "abmil", "transmil", "ilramil", "mambamil"])
def test_aggregators_learn_from_features(features, tmp_path, model):
    table, folder = features
    out = tmp_path / "run"
    lr = "0.3" if model == "meanmil" else "0.01"  # one linear layer
    more = ["--model", model, "--features", str(folder), "--hidden", "16", "--mpp", "0.5",
            "--folds", "3", "--epochs", "8", "--lr", lr, "--only-fold", "0"]  # fmt: skip
    assert run(table, out, *more) == 0
    results = json.loads((out / "results.json").read_text())
    assert results["over_folds"]["auc"]["mean"] > 0.9
    card = read_card(out / "fold-0" / "best.safetensors")
    assert card.arch == "mil" and card.input.mpp == 0.5 and card.input.encoder


def test_contributions_find_the_tile_that_decides(features, tmp_path):
    table, folder = features
    out = tmp_path / "run"
    more = ["--model", "abmil", "--features", str(folder), "--hidden", "16", "--mpp", "0.5",
            "--folds", "3", "--epochs", "8", "--lr", "0.01", "--only-fold", "0"]  # fmt: skip
    assert run(table, out, *more) == 0
    flags = ["--checkpoint", str(out / "fold-0" / "best.safetensors"), "--cohort", str(table)]
    flags += ["--out", str(tmp_path / "e"), "--features", str(folder), "--allow-overlap"]
    assert slide_evaluate.main([*flags, "--contributions"]) == 0
    with (tmp_path / "e" / "contributions" / "s1.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert max(range(len(rows)), key=lambda at: float(rows[at]["dark"])) == 0
    said = json.loads((tmp_path / "e" / "contributions" / "s1.json").read_text())
    total = sum(float(row["dark"]) for row in rows) + said["base"]["dark"]
    assert total == pytest.approx(said["logits"]["dark"], abs=1e-3)
    from ssmamba.features.reading import read_tiles

    table_again = read_tiles(tmp_path / "e" / "contributions" / "s1.csv")
    assert set(table_again.columns) >= {"dark", "light"} and table_again.side == 256


@pytest.mark.parametrize(
    ("more", "said"),
    [(["--model", "abmil"], "--features"), (["--features", "."], "reads pixels")],
)
def test_what_a_model_reads_must_be_given(cohort, tmp_path, capsys, more, said):
    assert run(cohort, tmp_path / "run", *more) == 2
    assert said in capsys.readouterr().err
