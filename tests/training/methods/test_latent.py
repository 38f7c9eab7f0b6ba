"""mamim+: what its teacher sees and learns, how collapse is told, and runs that go on exactly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, local
from typing import Any

import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.checkpoint import load_encoder
from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.models import MAMIM, SSMamba, random_unit_mask
from tests.training.conftest import TINY
from tests.training.test_finetune import assert_same_weights, stop_at
from training import finetune, pretrain
from training.config import PretrainConfig
from training.methods import latent
from training.methods.latent import LEAST_SPREAD, MAMIMPlus, Terms, latent_terms
from training.methods.mamim_plus import WithoutSkips
from training.methods.masked import MAMIMMethod

PLUS = ["--method", "mamim+", "--mask-unit", "8", "--decoder-dim", "32"]


def run(folder: Path, out: Path, *more: str) -> int:
    return pretrain.main(["--data", str(folder), "--out", str(out), *TINY, *PLUS, *more])


@pytest.fixture
def model() -> MAMIMPlus:
    torch.manual_seed(0)
    config = SSMambaConfig(dims=(8, 16, 16, 32), depths=(1, 1, 1, 1), batch_norm=True)
    masking = MIMConfig(mask_unit=16, decoder_dim=32, decoder_mixer="none", skips=False)
    return MAMIMPlus(MAMIM(SSMamba(config), masking), momentum=0.9, weight=1.0).train()


def batch(count: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    clean = torch.randn(count, 3, 32, 32)
    mask = random_unit_mask(count, 32, 32, 0.5, 16)
    return clean + 0.1 * torch.randn_like(clean), mask, clean, clean.flip(3)


def test_the_teacher_gets_no_gradient_and_the_student_does(model: MAMIMPlus) -> None:
    model(*batch()).backward()
    assert all(weight.grad is None for weight in model.teacher.parameters())
    for part in (model.masked.encoder.stages[3], model.masked.decoder, model.predictor):
        assert any(weight.grad.abs().max() > 0 for weight in part.parameters())


def test_the_teacher_follows_once_a_step_with_statistics_of_its_own(model: MAMIMPlus) -> None:
    model.passes = 2
    student = dict(model.masked.encoder.named_parameters())
    before = {name: value.detach().clone() for name, value in model.teacher[0].named_parameters()}
    with torch.no_grad():
        for value in student.values():
            value += 1.0
    for _ in range(2):  # the passes of one step
        model(*batch())
    for name, value in model.teacher[0].named_parameters():
        torch.testing.assert_close(value, before[name] + 0.1)
    own, other = (dict(part.named_buffers()) for part in (model.teacher[0], model.masked.encoder))
    means = [name for name in own if name.endswith("running_mean")]
    assert means and any(not torch.allclose(own[name], other[name]) for name in means)


def test_no_hidden_pixel_reaches_the_student(model: MAMIMPlus) -> None:
    images, mask, _, _ = batch()
    changed = images + mask.repeat_interleave(16, 1).repeat_interleave(16, 2).unsqueeze(1) * 3.0
    model.eval()
    for first, second in zip(
        model.masked.reconstruct_and_pool(images, mask),
        model.masked.reconstruct_and_pool(changed, mask),
        strict=True,
    ):
        torch.testing.assert_close(first, second)


def test_reconstruct_and_pool_is_both_doors_in_one(model: MAMIMPlus) -> None:
    images, _, _, _ = batch()
    nothing = torch.zeros(len(images), 2, 2, dtype=torch.bool)
    masked = model.masked.eval()
    pixels, pooled = masked.reconstruct_and_pool(images, nothing)
    torch.testing.assert_close(pooled, masked.encoder.forward_features(images))
    torch.testing.assert_close(pixels, masked.reconstruct(images, nothing))


def test_constant_features_are_told_from_spread_ones() -> None:
    torch.manual_seed(0)
    spread = 2 * LEAST_SPREAD * torch.randn(4000, 8)
    one_point = torch.ones(4000, 8)
    one_line = torch.randn(4000, 1) * torch.ones(8)
    found = {
        name: latent_terms(seen, seen, seen)
        for name, seen in (("spread", spread), ("point", one_point), ("line", one_line))
    }
    assert found["spread"].variance == 0 and found["spread"].covariance < 0.1
    assert found["point"].variance > 0.98
    assert found["line"].covariance > 6 and found["line"].variance < 0.05
    assert all(terms.prediction == 0 for terms in found.values())  # which alone would not tell


def test_the_latent_terms_push_features_off_a_point() -> None:
    torch.manual_seed(0)
    seen = (1.0 + 1e-3 * torch.randn(32, 8)).requires_grad_()
    optimizer = torch.optim.SGD([seen], lr=5.0)
    before = latent_terms(seen, seen.detach(), seen).variance.item()
    for _ in range(50):
        optimizer.zero_grad()
        latent_terms(seen, seen.detach(), seen).total.backward()
        optimizer.step()
    assert latent_terms(seen, seen.detach(), seen).variance < 0.5 * before


def test_two_processes_find_the_terms_and_gradients_of_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two threads stand in for them. A sum's gradient is the sum of the processes' gradients, and
    training takes the mean over the processes."""
    torch.manual_seed(0)
    guessed, taught, seen = (torch.randn(16, 6) for _ in range(3))
    whole = seen.clone().requires_grad_()
    expected = latent_terms(guessed, taught, whole)
    (expected.variance + expected.covariance).backward()

    meeting, own = Barrier(2), local()
    shared: list[torch.Tensor] = [torch.zeros(1)] * 2

    def exchanged(value: torch.Tensor) -> torch.Tensor:
        shared[own.rank] = value.detach()
        meeting.wait()
        total = shared[0] + shared[1]
        meeting.wait()
        return total

    class Sum(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, value: torch.Tensor) -> torch.Tensor:
            return exchanged(value)

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
            return exchanged(grads[0])

    def process(rank: int) -> tuple[Terms, torch.Tensor]:
        own.rank = rank
        rows = slice(8 * rank, 8 * rank + 8)
        part = seen[rows].clone().requires_grad_()
        terms = latent_terms(guessed[rows], taught[rows], part)
        (terms.variance + terms.covariance).backward()
        assert part.grad is not None
        return terms, part.grad

    monkeypatch.setattr(latent, "sum_over_processes", Sum.apply)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(process, range(2))
    for terms, _ in (first, second):
        torch.testing.assert_close(terms.variance, expected.variance)
        torch.testing.assert_close(terms.covariance, expected.covariance)
    both = (first[0].prediction + second[0].prediction) / 2
    torch.testing.assert_close(both, expected.prediction)
    torch.testing.assert_close(torch.cat([first[1], second[1]]) / 2, whole.grad)


def test_a_run_goes_on_exactly_and_its_encoder_tunes(folder: Path, tmp_path: Path) -> None:
    flags = ["--epochs", "2", "--mask-ratio", "0.5"]
    assert run(folder, tmp_path / "whole", *flags) == 0
    with pytest.MonkeyPatch.context() as patch:
        stop_at(4, patch)
        assert run(folder, tmp_path / "parts", *flags) == 130
    assert run(folder, tmp_path / "parts", *flags, "--resume") == 0
    assert_same_weights(tmp_path / "whole/best.safetensors", tmp_path / "parts/best.safetensors")
    whole, parts = (torch.load(tmp_path / name / "state.pt") for name in ("whole", "parts"))
    teacher = [name for name in whole["model"] if name.startswith("teacher.")]
    assert teacher
    for name in teacher:
        assert torch.equal(whole["model"][name], parts["model"][name])

    best = tmp_path / "whole" / "best.safetensors"
    found = checkpoint.load(best)
    assert type(found.model) is MAMIM
    card = found.card
    assert (card.kind, card.pretraining) == ("mamim+", "mamim+") and card.reconstructs
    assert card.mamim is not None and not card.mamim["skips"]
    assert card.training["teacher_crop"] == "other" and card.training["latent_weight"] > 0
    assert {"pixels", "prediction", "variance", "covariance", "psnr"} <= card.metrics["val"].keys()
    encoder, _ = load_encoder(best)
    start = ["--init", str(best), "--freeze", "--epochs", "1"]
    tuned = tmp_path / "tuned"
    assert finetune.main(["--data", str(folder), "--out", str(tuned), *TINY, *start]) == 0
    weights = checkpoint.load(tuned / "best.safetensors").model.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in encoder.state_dict().items())


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--arch", "resnet"], "--method mamim+ needs SSMamba or VMamba"),
        (["--latent-weight", "0"], "--latent-weight 0 must be above 0."),
        (["--teacher-momentum", "1"], "--teacher-momentum 1 must be 0 or more and below 1."),
        (["--image-size", "48"], "multiple of 32"),
        (["--strategy", "fsdp"], "--method mamim+ does not work with fsdp; give --strategy ddp."),
    ],
)
def test_what_does_not_fit_is_refused(
    flags: list[str], words: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, tmp_path / "run", *flags) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_mamim_stays_as_the_paper_has_it() -> None:
    """Beside it mamim+ differs in the skips alone."""
    config = PretrainConfig(data=Path(), out=Path())
    paper, plus = vars(MAMIMMethod.masking(config)), vars(WithoutSkips.masking(config))
    assert paper["skips"] and {k for k in paper if paper[k] != plus[k]} == {"skips"}
