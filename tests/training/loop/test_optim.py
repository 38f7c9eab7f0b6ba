"""Warm-up and cosine, weight decay only where it belongs, averaged weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.models import SSMamba
from training.loop.optim import WeightAverage, lr_factor, make_optimizer


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    factors = [lr_factor(step, 100, 10) for step in range(100)]
    assert factors[0] == pytest.approx(0.1) and factors[9] == pytest.approx(1.0)
    assert max(factors) == pytest.approx(1.0)
    assert factors[55] == pytest.approx(0.5, abs=0.01)
    assert factors[-1] < 0.001
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_scan_parameters_norms_biases_and_positions_take_no_decay() -> None:
    model = SSMamba(SSMambaConfig.of_size("nano", pool="both", embedding="linear"), 2)
    names = {id(p): n for n, p in model.named_parameters()}
    decayed, free = make_optimizer(model, 1e-3, 0.05).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.05, 0.0)
    free_names = [names[id(p)] for p in free["params"]]
    decayed_names = [names[id(p)] for p in decayed["params"]]
    assert len(free_names) + len(decayed_names) == len(names)
    for ending in ("A_log", ".D", "cls_token", ".bias", "local.table"):
        assert any(n.endswith(ending) for n in free_names)
        assert not any(n.endswith(ending) for n in decayed_names)
    assert "head.weight" in decayed_names


def test_the_average_follows_the_weights() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = WeightAverage(model, 0.9)
    nn.init.ones_(model.weight)
    values = []
    for _ in range(60):
        average.update(model)
        values.append(average.average["weight"].item())
    assert values == sorted(values)
    assert values[0] == pytest.approx(1 - 2 / 11) and values[-1] > 0.99


def test_the_average_moves_every_tensor_by_the_same_share() -> None:
    """All at once, to the last bit as one by one."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5))
    average = WeightAverage(model, 0.9)
    start = {name: value.clone() for name, value in average.average.items()}
    for parameter in model.parameters():
        nn.init.normal_(parameter)
    average.update(model)
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            expected = start[name].lerp(value, 1 - 2 / 11)
            assert torch.equal(average.average[name], expected)


def test_the_average_counts_steps_of_batch_norm() -> None:
    model = nn.BatchNorm2d(2)
    average = WeightAverage(model, 0.9)
    model(torch.randn(2, 2, 4, 4))
    average.update(model)
    assert average.average["num_batches_tracked"].item() == 1
