"""Probes of slide features, and the pictures of their clusters."""

import json

import numpy as np
import pytest
import torch

from ssmamba.checkpoints.card import read_card
from ssmamba.models.slides.config import SIZES, PixelMambaConfig
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.models.slides.serialise import split_class
from tests.training.slides.cohorts import write_cohort
from tests.training.slides.ssl.test_pretrain import QUICK
from training import slide_pretrain, slide_probe
from training.slides.cohort import Cohort, CohortSlide
from training.slides.ssl.clusters import kmeans_of, predicted_clusters
from training.slides.ssl.pictures import PALETTE, colours_of, laid_on_grid, tinted
from training.slides.ssl.predictor import Predictor
from training.slides.ssl.probing import POOLS, Labels, labels_of, pooled, probe_scores, useless


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(SIZES, "6m", ("h-cat", "v-cat", "h-cat"))


def encoder() -> PixelMamba:
    torch.manual_seed(0)
    return PixelMamba(PixelMambaConfig(expansions=("h-cat", "v-cat"), alpha=0.8, d_state=4)).eval()


def labels(count: int = 40, classes: int = 2, ordered: bool = False) -> Labels:
    numbers = np.arange(count) % classes
    return Labels(tuple(map(str, range(classes))), numbers, np.arange(count), ordered)


def test_features_that_tell_and_features_that_do_not():
    known, rng = labels(), np.random.default_rng(0)
    telling = rng.normal(size=(40, 3)) + 4 * known.labels[:, None]
    for features, low, high in ((telling, 0.9, 1.0), (rng.normal(size=(40, 3)), -0.5, 0.5)):
        found = probe_scores(features, known, 5, 5, 50, 0)
        for probe in ("linear", "knn"):
            assert low <= found[probe]["kappa"] <= high
            ends = found[probe]["kappa_ci"]
            assert ends[0] <= found[probe]["kappa"] <= ends[1]
            assert found[probe]["balanced_accuracy"] >= (low + 1) / 2


def test_kappa_of_grades_weighs_how_far_off_an_answer_is():
    grades, classes = labels(30, 3, ordered=True), labels(30, 3)
    near = np.where(grades.labels == 1, 0, grades.labels)
    far = np.where(grades.labels == 0, 2, grades.labels)
    assert grades.kappa(near) > grades.kappa(far)
    assert classes.kappa(near) == pytest.approx(classes.kappa(far))
    assert classes.kappa(near) == pytest.approx(0.5)  # 2/3 right, 1/3 by chance
    one = Labels(("a", "b"), np.zeros(4, int), np.arange(4), False)
    assert np.isnan(one.kappa(np.zeros(4, int)))


def test_labels_that_cannot_be_probed_are_said(tmp_path):
    def of(*names, patients=None):
        slides = [CohortSlide(tmp_path / f"{n}.tif", (patients or {}).get(n, f"p{n}"), name)
                  for n, name in enumerate(names)]  # fmt: skip
        return labels_of(Cohort(tuple(slides)), np.arange(len(slides)))

    assert useless(of(*["a", "b"] * 6), 5) == ""
    assert "b has 4 patients, and 5 folds need 5" in useless(of(*["a"] * 6, *["b"] * 4), 5)
    assert "all slides are a" in useless(of("a", "a"), 5)
    assert "no label" in useless(of("a", ""), 5) and "there are none" in useless(of("", ""), 5)
    same = of(*["a", "b"] * 6, patients=dict.fromkeys(range(1, 12, 2), "one"))
    assert "b has 1 patients" in useless(same, 5)
    assert of("10", "9", "10").names == ("9", "10") and of("10", "9").ordered
    assert not of("low", "high").ordered


def test_four_ways_of_pooling():
    made = encoder()
    slides = [torch.randn(n, 3, 4, 4, generator=torch.Generator().manual_seed(n)) for n in (6, 9)]
    found = pooled(made, 2, lambda n: slides[n])
    assert tuple(found) == POOLS and made.alpha == 0.8
    with torch.no_grad():
        fused = made.forward_slide(slides[1])
        made.alpha = 0.0
        plain = made.forward_slide(slides[1])
    assert len(fused.tokens) < len(plain.tokens) == 9
    for name, slide in (("fused", fused), ("not fused", plain)):
        means = {"class": slide.cls.mean(0), "spatial": split_class(slide.tokens)[0].mean((0, 1))}
        for kind, expected in means.items():
            np.testing.assert_allclose(found[f"{kind}, {name}"][1], expected, rtol=1e-4, atol=1e-5)


def test_clusters_follow_what_the_regions_show():
    """Dark and light regions: a class token's cluster is its region's shade."""
    generator = torch.Generator().manual_seed(0)
    shade = torch.tensor([-1.0, 1.0]).repeat(4)
    regions = shade[:, None, None, None] + 0.01 * torch.randn(8, 3, 4, 4, generator=generator)
    spatial, of_class = kmeans_of(encoder(), regions, 2, 0)
    assert spatial.shape == (8, 2, 2) and of_class.shape == (8, 1, 1)
    own = of_class[:, 0, 0]
    assert len(set(own[::2])) == len(set(own[1::2])) == 1 and own[0] != own[1]
    assert kmeans_of(encoder(), torch.ones(1, 3, 4, 4), 3, 0)[1].shape == (1, 1, 1)


@pytest.mark.parametrize("class_only", [False, True])
def test_predictions_of_a_collapsed_predictor_are_one_cluster(class_only):
    made, count = encoder(), 16
    predictor = Predictor(made.num_features, 32, 1)
    torch.nn.init.zeros_(predictor.out.weight)
    torch.nn.init.ones_(predictor.out.bias)
    cells = torch.stack([torch.arange(count) // 4, torch.arange(count) % 4], 1)
    regions = torch.randn(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    found = predicted_clusters(made, predictor, regions, cells, 0.75, 0, class_only)
    assert found.summary["clusters"] == 1 and found.summary["in_none"] == 0
    assert found.summary["regions_of_one_cluster"] == 1 and len(found.rows) == 12
    side = 1 if class_only else 2
    assert found.clusters.shape == (12, side, side) and found.places.shape == (12 * side**2, 2)


def test_pictures_lie_where_their_regions_were():
    images = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (10, 90)])
    canvas = laid_on_grid(images, np.array([[3, 5], [4, 7]]))
    assert canvas.shape == (16, 24, 3)
    assert canvas[0, 0, 0] == 10 and canvas[15, 23, 0] == 90 and canvas[15, 0, 0] == 235
    painted = tinted(np.zeros((1, 8, 8, 3), np.uint8), np.array([[[0, 1], [1, -1]]]))
    assert painted[0, 0, 0].tolist() == [round(0.55 * v) for v in PALETTE[0].tolist()]
    assert (painted[0, 0, 7] == painted[0, 7, 0]).all() and (painted[0, 7, 7] < 20).all()
    assert colours_of(np.array([-1])).max() < 40


def test_a_run_is_probed_and_then_by_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("training.probe.features.STRENGTHS", (1.0,))  # a fit in place of five
    table = write_cohort(tmp_path, 16)
    out = tmp_path / "run"
    flags = ["--cohort", str(table), "--out", str(out), *QUICK, "--val-share", "0.8",
             "--folds", "3", "--neighbours", "3", "--resamples", "5", "--probe-every", "1",
             "--epochs", "1", "--split-seed", "1"]  # fmt: skip
    assert slide_pretrain.main(flags) == 0
    history = json.loads((out / "probes.json").read_text())["probes"]
    assert [found["epoch"] for found in history] == [0, 1]
    probes = read_card(out / "best.safetensors").metrics["probes"]
    assert set(probes) == {"untrained", "kept"} and tuple(probes["kept"]) == POOLS
    assert (out / "levels.png").stat().st_size > 5000
    asked = ["--checkpoint", str(out / "best.safetensors"), "--cohort", str(table),
             "--folds", "3", "--neighbours", "3", "--resamples", "5", "--pictures", "2",
             "--clusters", "2", "--accelerator", "cpu"]  # fmt: skip
    assert slide_probe.main([*asked, "--out", str(tmp_path / "p")]) == 2
    assert "was trained on 16 of these slides" in capsys.readouterr().err
    assert slide_probe.main([*asked, "--out", str(tmp_path / "p"), "--allow-overlap"]) == 0
    result = json.loads((tmp_path / "p" / "probe.json").read_text())
    assert result["slides"] == 16 and set(POOLS) <= set(result["probes"])
    assert result["probes"][POOLS[0]]["linear"]["kappa"] > 0.8  # dark and light
    assert {"token_cosine", "slide_rank"} <= set(result["levels"])
    assert [entry["slide"] for entry in result["predictions"]] == ["s0.tif", "s15.tif"]
    for name in ("features.png", "clusters.png", "predictions.png"):
        assert (tmp_path / "p" / name).stat().st_size > 5000


def test_without_labels_the_rest_is_measured(tmp_path, capsys):
    table = write_cohort(tmp_path, 5, ())
    out = tmp_path / "run"
    flags = ["--cohort", str(table), "--out", str(out), *QUICK, "--epochs", "1"]
    assert slide_pretrain.main([*flags, "--method", "dino"]) == 0
    assert "Features are not probed with labels: there are none" in capsys.readouterr().out
    asked = ["--checkpoint", str(out / "best.safetensors"), "--cohort", str(table),
             "--out", str(tmp_path / "p"), "--allow-overlap", "--accelerator", "cpu"]  # fmt: skip
    assert slide_probe.main(asked) == 0
    result = json.loads((tmp_path / "p" / "probe.json").read_text())
    assert "probes" not in result and "predictions" not in result
    assert "not probed: there are none" in capsys.readouterr().out
