"""What mixed precision must not change: who stops, what is rounded, how a run goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from torch import Tensor, nn

from ssmamba.errors import DataError
from ssmamba.ops.low_rank import project_delta
from tests.training.test_finetune import stop_at
from training.loop.batches import Batches, Plan
from training.loop.fit import Fit
from training.loop.interrupt import Interrupted
from training.loop.task import Outcome, Schedule, Task
from training.loop.weights import Weights

PLAN = Plan(images=16, batch_size=8, epochs=6, seed=0)  # two steps an epoch
TOO_LARGE = 2.0**22  # a scale at which this problem's first gradients are beyond float16
Pair = tuple[Tensor, Tensor]


def make_batch(rows: np.ndarray, rng: np.random.Generator) -> Pair:
    """Eighths and wholes, which half precision holds exactly."""
    x = torch.from_numpy(rng.integers(-8, 9, (len(rows), 6)).astype(np.float32)) / 8
    return x, x.sum(1, keepdim=True)


def squared_error(model: nn.Module, batch: Pair) -> Tensor:
    x, target = batch
    return (model(x).float() - target).square().mean()


def train(
    fabric: Fabric,
    model: nn.Module,
    folder: Path,
    loss: Callable[[nn.Module, Pair], Tensor] = squared_error,
    resume: bool = False,
) -> Outcome:
    task: Task[Pair] = Task(
        loss,
        lambda module: {"loss": 0.0},
        lambda metrics: (0.0,),
        lambda path, module, outcome: None,
    )
    schedule = Schedule(1e-2, 0.0, 0, 1.0, 0.0, validate_every=PLAN.epochs)
    folder.mkdir(exist_ok=True)
    batches = Batches(PLAN, make_batch, 0)
    return Fit(fabric, model, batches, schedule, task, folder, "test").run(resume)


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(6, 1)


def scaled() -> tuple[Fabric, torch.amp.GradScaler]:
    """16-mixed as on a GPU; Fabric by itself refuses it on a CPU."""
    scaler = torch.amp.GradScaler("cpu", init_scale=TOO_LARGE)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    return Fabric(accelerator="cpu", devices=1, plugins=[plugin]), scaler


def test_an_overflow_of_scaled_gradients_costs_a_step_and_not_the_run(tmp_path: Path) -> None:
    fabric, scaler = scaled()
    model, norms = linear(), []
    model.weight.register_hook(lambda grad: norms.append(grad.norm().item()))
    before = model.weight.detach().clone()
    assert train(fabric, model, tmp_path).step == PLAN.steps
    assert not np.isfinite(norms[0]) and np.isfinite(norms[-1])
    assert scaler.get_scale() < TOO_LARGE
    assert torch.isfinite(model.weight).all() and not torch.equal(model.weight, before)


def test_a_resumed_run_goes_on_with_the_scale_that_it_had_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the first scale again it would leave steps out that the whole run took."""
    ends = {}
    for name, stop in (("whole", 0), ("parts", 9)):
        fabric, scaler = scaled()
        model = linear()
        if stop:
            with monkeypatch.context() as patch:
                stop_at(stop, patch)
                with pytest.raises(Interrupted):
                    train(fabric, model, tmp_path / name)
            fabric, scaler = scaled()
            model = linear()
        train(fabric, model, tmp_path / name, resume=bool(stop))
        ends[name] = (model.weight.detach(), scaler.get_scale())
    assert ends["whole"][1] == ends["parts"][1] < TOO_LARGE
    assert torch.equal(ends["whole"][0], ends["parts"][0])


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize(("power", "what"), [(0.5, "gradient"), (-1.0, "loss")])
def test_a_gradient_that_is_no_number_stops_the_run_before_it_reaches_a_weight(
    tmp_path: Path, precision: str, power: float, what: str
) -> None:
    """The root of zero is zero, its slope is not finite."""
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
    model = linear()
    before = model.weight.detach().clone()

    def rooted(module: nn.Module, batch: Pair) -> Tensor:
        return ((module(batch[0]).float() * 0).abs() ** power).mean()

    with pytest.raises(DataError, match=f"The {what} is no longer a number at step 0"):
        train(fabric, model, tmp_path, rooted)
    assert torch.equal(model.weight, before)


class LowRank(nn.Module):
    """Step sizes of a scan alone, which stay in float32 under autocast."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(1, 5, 6))

    def forward(self, x: Tensor) -> Tensor:
        return project_delta(x[:, None, None], self.weight).sum((1, 2, 3)).unsqueeze(1)


def test_what_the_forward_pass_keeps_in_float32_is_differentiated_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Tensor] = []
    clip = Weights._clip

    def watched(run: Weights[Pair]) -> Tensor | None:
        found.append(run.raw.weight.grad.detach().clone())
        return clip(run)

    monkeypatch.setattr(Weights, "_clip", watched)
    for precision in ("32-true", "bf16-mixed"):
        fabric = Fabric(accelerator="cpu", devices=1, precision=precision)
        train(fabric, LowRank(), tmp_path / precision)
    full, mixed = found[0], found[PLAN.steps]
    torch.testing.assert_close(mixed, full, rtol=1e-5, atol=1e-6)
