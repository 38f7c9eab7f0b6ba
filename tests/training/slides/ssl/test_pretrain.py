"""Self-supervised training from slides to a checkpoint: resumed, stopped, loaded, refused."""

import json

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from ssmamba.checkpoints.card import read_card
from ssmamba.checkpoints.checkpoint import load_slide_model
from ssmamba.models.slides.config import SIZES
from tests.training.slides.cohorts import write_cohort
from training import slide_evaluate, slide_finetune, slide_pretrain
from training.loop import fit
from training.slides.ssl import pretrain as ssl_pretrain

QUICK = ["--window", "4", "--epochs", "2", "--warmup-epochs", "1", "--batch-size", "4",
         "--lr", "0.003", "--predictor-dim", "32", "--prototypes", "16", "--head-dim", "16",
         "--val-share", "0.4", "--most-regions", "8", "--local-views", "2",
         "--accelerator", "cpu"]  # fmt: skip
METHODS = ["latentmim", "dino"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Three layers in place of 24, and an empty picture: test_probe looks at a whole one."""
    monkeypatch.setitem(SIZES, "6m", ("h-cat", "v-cat", "h-cat"))
    monkeypatch.setattr(ssl_pretrain, "draw_levels", lambda *_: Figure(figsize=(1, 1)))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 10)


def run(table, out, *more) -> int:
    return slide_pretrain.main(["--cohort", str(table), "--out", str(out), *QUICK, *more])


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("method", METHODS)
def test_from_slides_to_a_model_to_start_from(cohort, tmp_path, method, capsys):
    out = tmp_path / "run"
    assert run(cohort, out, "--method", method) == 0
    card = read_card(out / "best.safetensors")
    assert card.kind == "slide" and card.pretraining == method and card.answers_slides
    assert card.dataset["slides"] == {"train": 6, "val": 4} and len(card.training_hashes) == 10
    assert card.input.window_px == 4 and card.input.mean != (0.5, 0.5, 0.5)
    found = load_slide_model(out / "best.safetensors")
    with torch.no_grad():
        assert found.model(torch.randn(5, 3, 4, 4)).shape == (12 * 2,)
    logged = lines(out)
    assert [line["epoch"] for line in logged] == [1, 2]
    for line in logged:
        assert {"token_cosine", "region_rank", "slide_rank", "loss", "collapsed"} <= set(
            line["val"]
        )
        assert line["watched"]
    assert card.metrics["untrained"]["slide_rank"] >= 1
    flags = ["--cohort", str(cohort), "--window", "4", "--folds", "3", "--only-fold", "0",
             "--epochs", "1", "--resamples", "5", "--accelerator", "cpu",
             "--init", str(out / "best.safetensors"), "--lr", "1e-9"]  # fmt: skip
    assert slide_finetune.main([*flags, "--out", str(tmp_path / "tuned")]) == 0
    assert "was trained on 10 of these slides" in capsys.readouterr().out
    tuned = load_slide_model(tmp_path / "tuned" / "fold-0" / "best.safetensors")
    for mine, theirs in zip(tuned.model.encoder.parameters(), found.model.encoder.parameters(),
                            strict=True):  # fmt: skip
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
    assert tuned.card.pretraining == method and tuned.card.parent_sha256 == found.sha256
    evaluate = ["--checkpoint", str(out / "best.safetensors"), "--cohort", str(cohort)]
    assert slide_evaluate.main([*evaluate, "--out", str(tmp_path / "e")]) == 2
    assert "has no head" in capsys.readouterr().err


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_run_goes_on_to_the_same_bits(cohort, tmp_path, monkeypatch, method):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    more = ("--method", method, "--batch-size", "3", "--weight-decay-end", "0.4")
    assert run(cohort, whole, *more) == 0
    step = fit.Fit._step

    def stopping(self, turns):
        if self.outcome.step == 2:  # in the middle of the second epoch
            self.stop.asked = True
        return step(self, turns)

    monkeypatch.setattr(fit.Fit, "_step", stopping)
    assert run(cohort, stopped, *more) == 130
    monkeypatch.setattr(fit.Fit, "_step", step)
    load_slide_model(stopped / "last.safetensors")
    assert run(cohort, stopped, *more) == 2  # it would be overwritten
    assert run(cohort, stopped, *more, "--resume") == 0
    states = [torch.load(d / "state.pt", weights_only=True) for d in (whole, stopped)]
    for name, value in states[0]["model"].items():  # teacher, predictor, head and centre among them
        assert torch.equal(value, states[1]["model"][name]), name
    for one, other in zip(lines(whole), lines(stopped), strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_the_weight_decay_goes_to_its_end(cohort, tmp_path):
    assert (
        run(cohort, tmp_path / "run", "--method", "dino", "--epochs", "4", "--batch-size", "6") == 0
    )
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    decays = [group["weight_decay"] for group in state["optimizer"]["param_groups"]]
    assert 0.3 < decays[0] < 0.4 and decays[1] == 0


@pytest.mark.parametrize(
    "more",
    [
        ["--predicts", "all"],
        ["--predicts", "class"],
        ["--alpha", "0"],
        ["--position-penalty", "1", "--position-weight", "0.3", "--predictor-depth", "4"],
        ["--mask-ratio", "0.5"],
        ["--class-positions", "false", "--predicts", "class"],
    ],
    ids=lambda more: more[0][2:],
)
def test_ablations_and_remedies_train(cohort, tmp_path, more):
    assert run(cohort, tmp_path / "run", "--epochs", "1", *more) == 0
    card = read_card(tmp_path / "run" / "best.safetensors")
    name = more[0].removeprefix("--").replace("-", "_")
    assert card.training["flags"][name] == pytest.approx(
        float(more[1]) if more[1][0].isdigit() else {"false": False}.get(more[1], more[1])
    )


def test_a_folder_of_images_is_a_cohort(tmp_path, capsys):
    from PIL import Image

    from tests.slides import tissue_like

    folder = tmp_path / "images"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        for n in range(3):
            Image.fromarray(tissue_like(16, 12, n)).save(folder / name / f"{n}.png")
    assert run(folder, tmp_path / "run", "--epochs", "1") == 2
    assert "µm/px" in capsys.readouterr().err
    assert run(folder, tmp_path / "run", "--epochs", "1", "--slide-mpp", "4") == 0
    assert read_card(tmp_path / "run" / "best.safetensors").dataset["patients"]["train"] == 4


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--model", "abmil"], "--model abmil is unknown"),
        (["--predictor-dim", "40"], "multiple of 32"),
        (["--window", "24", "--foreground", "0.3"], "masking needs two"),
        (["--val-share", "1"], "--val-share 1 must be"),
        (["--most-regions", "1"], "nothing to hide"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said_in_a_sentence(cohort, tmp_path, capsys, more, said):
    assert run(cohort, tmp_path / "run", *more) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_it_says_where_fusion_leaves_little_to_predict(cohort, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(SIZES, "6m", ("h-cat", "v-cat", *[""] * 6))
    assert run(cohort, tmp_path / "a", "--epochs", "1") == 0
    said = "of the 6 hidden regions of a typical slide, region fusion leaves 1"
    assert said in capsys.readouterr().out
    assert run(cohort, tmp_path / "b", "--epochs", "1", "--alpha", "0") == 0
    assert "hidden regions" not in capsys.readouterr().out


def test_patients_stay_whole_and_a_given_split_is_kept(tmp_path):
    from training.slides.cohort import Cohort, CohortSlide
    from training.slides.folds import pretraining_parts

    slides = [CohortSlide(tmp_path / f"{n}.tif", f"p{n // 3}") for n in range(30)]
    train, val = pretraining_parts(Cohort(tuple(slides)), 0.2, 0)
    assert len(train) == 24 and len(val) == 6
    assert not {slides[r].patient for r in train} & {slides[r].patient for r in val}
    given = [CohortSlide(tmp_path / f"{n}.tif", f"p{n}", split=s)
             for n, s in enumerate(("train", "val", "test", "train"))]  # fmt: skip
    train, val = pretraining_parts(Cohort(tuple(given)), 0.2, 0)
    assert train.tolist() == [0, 3] and val.tolist() == [1]
    assert np.isin(2, [*train, *val]).item() is False
