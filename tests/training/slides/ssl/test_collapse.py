"""What is measured of features, and what is said where they grow alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssmamba.models.slides.encoder import SlideTokens
from training.slides.config import SlidePretrainConfig
from training.slides.ssl.collapse import faults, level_metrics, likeness, sentence
from training.slides.ssl.pretrain import CollapseWatch


def slide(tokens: torch.Tensor) -> SlideTokens:
    """(m, 5, C): grids of 2 x 2 around a class token."""
    rows = torch.arange(len(tokens))
    return SlideTokens(tokens, (2, 2), rows, rows)


def rank(matrix: np.ndarray) -> float:
    """RankMe by the eigenvalues of the Gram matrix."""
    values = np.sqrt(np.clip(np.linalg.eigvalsh(matrix.T @ matrix), 0, None))
    shares = values / values.sum() + 1e-7
    return float(np.exp(-(shares * np.log(shares)).sum()))


def test_each_level_has_its_cosine_and_rank():
    rng = np.random.default_rng(0)
    slides = [torch.from_numpy(rng.normal(size=(m, 5, 6)).astype(np.float32)) for m in (3, 1, 4)]
    found = level_metrics(map(slide, slides))
    tokens = [s[:, [0, 1, 3, 4]].flatten(0, 1).numpy().astype(float) for s in slides]
    regions = [s[:, 2].numpy().astype(float) for s in slides]
    means = np.stack([r.mean(0) for r in regions])

    def cosine(x):
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        return np.mean((unit @ unit.T)[~np.eye(len(x), dtype=bool)])

    assert found["token_cosine"] == pytest.approx(np.mean([cosine(t) for t in tokens]), abs=1e-5)
    assert found["token_rank"] == pytest.approx(np.mean([rank(t) for t in tokens]), abs=1e-3)
    several = [r for r in regions if len(r) > 1]  # the slide of one region has no pairs
    assert found["region_cosine"] == pytest.approx(np.mean([cosine(r) for r in several]), abs=1e-5)
    assert found["slide_cosine"] == pytest.approx(cosine(means), abs=1e-5)
    assert found["slide_rank"] == pytest.approx(rank(means), abs=1e-3)


def test_a_single_slide_of_one_region_has_tokens_alone():
    assert set(level_metrics([slide(torch.randn(1, 5, 3))])) == {"token_cosine", "token_rank"}


def test_of_many_tokens_some_are_ranked_spread_evenly():
    cosine, ranked = likeness(torch.ones(5000, 3))
    assert cosine == pytest.approx(1, abs=1e-4) and ranked == pytest.approx(1, abs=1e-3)


def metrics(cosine: float, rank_: float, level: str = "predicted") -> dict[str, float]:
    return {f"{level}_cosine": cosine, f"{level}_rank": rank_}


START = (0, metrics(0.8, 10.0))


@pytest.mark.parametrize(
    ("history", "now", "expected"),
    [
        ([START], metrics(0.7, 12), None),
        ([START], metrics(0.85, 9), None),
        ([START, (1, metrics(0.4, 30))], metrics(0.75, 20), False),  # 0.25 of 0.6
        ([START, (1, metrics(0.4, 30))], metrics(0.45, 12), False),  # the rank alone
        ([START, (1, metrics(0.4, 30))], metrics(0.97, 20), True),
        ([START, (1, metrics(0.4, 30))], metrics(0.4, 1.4), True),
        ([START], metrics(0.9995, 9), True),
        ([(0, metrics(0.9999, 1.1))], metrics(0.9998, 1.2), True),  # never anything else
        ([(0, metrics(0.98, 1.3))], metrics(0.975, 1.35), None),  # few slides, little rank
    ],
)
def test_collapse_is_told_from_growing_alike(history, now, expected):
    found = faults(history, now)
    assert [fault.collapsed for fault in found] == ([] if expected is None else [expected])


def test_it_says_what_when_and_what_to_do(tmp_path):
    plain = SlidePretrainConfig(cohort=tmp_path, out=tmp_path)
    dino = replace(plain, method="dino")
    tried = replace(plain, position_penalty=1.0, position_weight=0.3, predicts="all")
    found = faults([START, (7, metrics(0.41, 35.2))], metrics(0.997, 1.1))
    said = sentence(found, plain)
    assert said.startswith("Warning: the predictor's outputs have collapsed: mean cosine 0.997")
    assert "0.410 after epoch 7" in said and "--position-penalty" in said and said.count("\n") == 0
    assert "--predicts" not in said and "--predictor-depth" in said
    again = sentence(found, tried)
    assert "--predicts spatial" in again and "--position" not in again
    found = faults([(0, metrics(0.2, 9, "slide"))], metrics(1.0, 1.0, "slide"))
    assert "--teacher-temperature" in sentence(found, dino)


def test_spread_tokens_of_one_direction_are_not_called_alike():
    """Seen with --position-penalty 1: mean cosine .14, RankMe 1.8."""
    (found,) = faults([(0, metrics(0.753, 10.4))], metrics(0.139, 1.8))
    assert not found.collapsed and "lose directions: mean cosine 0.139" in found.text
    (found,) = faults([(0, metrics(0.753, 10.4))], metrics(0.139, 1.0))
    assert found.collapsed and "lie on a line" in found.text


def test_a_run_says_it_once_and_says_when_it_is_over(tmp_path, capsys):
    config = SlidePretrainConfig(cohort=tmp_path, out=tmp_path)
    watch = CollapseWatch(config, metrics(0.4, 30.0), leads=True)
    assert watch.looked(metrics(0.5, 28.0), 1)["collapsed"] == 0
    assert capsys.readouterr().out == ""
    assert watch.looked(metrics(0.999, 1.2), 2)["collapsed"] == 1
    assert "have collapsed" in capsys.readouterr().out
    watch.looked(metrics(0.9991, 1.2), 3)
    assert capsys.readouterr().out == ""
    watch.looked(metrics(0.4, 30.0), 4)
    assert "differ again" in capsys.readouterr().out


def test_a_resumed_run_knows_the_epochs_before(tmp_path):
    line = '{"epoch": 5, "val": {"predicted_cosine": 0.1, "predicted_rank": 50.0}}\n'
    (tmp_path / "log.jsonl").write_text(line)
    watch = CollapseWatch(SlidePretrainConfig(cohort=tmp_path, out=tmp_path), START[1], leads=False)
    assert watch.looked(metrics(0.92, 9.0), 6)["collapsed"] == 1
    assert watch.looked(metrics(0.78, 11.0), 5)["collapsed"] == 0  # the log's own epoch is no past
