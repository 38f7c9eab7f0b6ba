"""Devices and precisions: refusals in one sentence, and where numbers are rounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ssmamba.config import MIMConfig
from ssmamba.errors import DataError
from ssmamba.models import MaskedModel, random_unit_mask
from ssmamba.models.masked import visible_mean
from ssmamba.runtime.device import gpu_problem
from tests.training.conftest import TINY
from training import finetune
from training.loop import fit as loop
from training.methods import finetuning
from training.methods.supervised import Supervised
from training.runs import device


@pytest.mark.skipif(gpu_problem() is None, reason="a GPU is there")
def test_a_gpu_that_is_not_there_is_told_in_one_sentence() -> None:
    with pytest.raises(DataError, match=r"--accelerator cuda cannot be used: .*give --accelerator"):
        device.make_fabric("cuda", "32-true")


def test_shards_and_loss_scaling_are_refused_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a process waits for another one."""
    monkeypatch.setattr(device, "_device_type", lambda accelerator: "cuda")
    with pytest.raises(DataError, match="give --precision bf16-mixed, or --strategy ddp"):
        device.make_fabric("auto", "16-mixed", "2", "fsdp")


def test_mixed_precision_leaves_what_the_model_is_given_as_it_is() -> None:
    """Rounded targets are another task than the one that validation scores."""
    model = Copy(nn.Identity(), MIMConfig(mask_unit=8, norm_target=True))
    torch.manual_seed(0)
    images, mask = 2.5 + torch.rand(4, 3, 32, 32) / 50, random_unit_mask(4, 32, 32, 0.75, 8)
    expected = model(images, mask)
    mixed = device.make_fabric("cpu", "bf16-mixed").setup_module(model)
    torch.testing.assert_close(mixed(images, mask), expected, rtol=1e-6, atol=0)


class Copy(MaskedModel):
    """Predicts what it sees, and the visible mean; it has nothing to learn."""

    def reconstruct(
        self, images: torch.Tensor, unit_mask: torch.Tensor, hidden_units: int | None = None
    ) -> torch.Tensor:
        return images - visible_mean(images, unit_mask)


def test_scores_are_made_in_exact_float32(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps may round to TF32 on a GPU; what the card says and the predictor does may not."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    rounded: dict[str, bool] = {}

    def watch(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            rounded.setdefault(name, torch.backends.cudnn.allow_tf32)
            return real(*args, **kwargs)

        return watched

    places = ((loop.Fit, "_step"), (Supervised, "validate"), (finetuning, "calibrated"))
    for where, name in places:
        monkeypatch.setattr(where, name, watch(name, getattr(where, name)))
    given = ["--data", str(folder), "--out", str(tmp_path / "run"), *TINY, "--epochs", "1"]
    assert finetune.main(given) == 0
    assert rounded == {"_step": True, "validate": False, "calibrated": False}
