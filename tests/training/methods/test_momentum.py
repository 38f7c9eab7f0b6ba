"""Momentum contrast: which pairs count, what the bank holds, how the key encoder follows."""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from torch import nn

from training.methods.momentum import MomentumContrast, info_nce


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.linear = nn.Linear(3, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(self.norm(x).mean((2, 3)))


@pytest.fixture
def model() -> MomentumContrast:
    torch.manual_seed(0)
    return MomentumContrast(Encoder(), 6, 8, 2, 0.2, 0.9).train()


def step(model: MomentumContrast, rows: list[int]) -> torch.Tensor:
    first, second = torch.randn(len(rows), 3, 4, 4), torch.randn(len(rows), 3, 4, 4)
    return model(first, second, torch.tensor(rows))


def test_several_positives_do_not_compete() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0, 5.0]])
    positive = torch.tensor([[True, True, False, False]])
    negative = torch.tensor([[False, False, True, False]])  # the last one is neither
    each = [math.log(1 + math.exp(0.0 - value)) for value in (2.0, 1.0)]
    assert info_nce(logits, positive, negative).item() == pytest.approx(sum(each) / 2)


def test_look_alikes_are_mined_only_from_a_full_bank_and_never_the_image_itself(
    model: MomentumContrast,
) -> None:
    keys = nn.functional.normalize(torch.randn(4, 128), dim=1)
    model._keep(keys, torch.arange(4))
    positive, negative = model._pairs(keys, torch.arange(4))
    assert torch.equal(positive[:, :4], torch.eye(4, dtype=torch.bool))
    assert not positive[:, 4:].any()
    assert negative[:, 4:].sum().item() == 4 * 3  # kept ones of other images; empty places never

    model._keep(keys + 0.01, torch.arange(4, 8))  # look-alikes of the first four
    positive, negative = model._pairs(keys, torch.arange(4))
    assert (positive[:, 4:].sum(1) == 2).all()
    assert positive[:, 8:].diagonal().all()  # the twin is found
    assert not positive[:, 4:8].diagonal().any()  # the image's own earlier key is not mined
    assert not negative[:, 4:8].diagonal().any()
    assert not (positive & negative).any()


def test_autocast_leaves_similarities_and_mining_in_float32(
    model: MomentumContrast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a temperature of 0.2 half precision would be off by 1e-2."""
    for name in ("queries", "keys"):
        vectors = nn.functional.normalize(torch.randn(8, 128), dim=1)
        monkeypatch.setattr(model, name, lambda images, vectors=vectors: vectors)
    model.bank.copy_(nn.functional.normalize(torch.randn(8, 128), dim=1))
    model.bank_rows.fill_(99)
    model.kept.fill_(8)
    losses = []
    for enabled in (False, True):
        again = deepcopy(model)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            losses.append(step(again, list(range(8))).item())
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_the_bank_keeps_the_newest_keys(model: MomentumContrast) -> None:
    for start in (0, 3, 6):
        step(model, [start, start + 1, start + 2])
    assert sorted(model.bank_rows.tolist()) == list(range(1, 9))  # 8 places: row 0 has gone
    assert torch.allclose(model.bank.norm(dim=1), torch.ones(8))


def test_the_key_encoder_follows_with_its_statistics_and_learns_nothing_itself(
    model: MomentumContrast,
) -> None:
    before = model.key_encoder.norm.running_mean.clone()
    step(model, [0, 1]).backward()
    query, key = model.encoder.norm.running_mean, model.key_encoder.norm.running_mean
    torch.testing.assert_close(key, before + 0.1 * (query - before))
    assert all(p.grad is None for p in model.key_encoder.parameters())
    assert all(p.grad is not None for p in model.encoder.parameters())
    assert model.encoder.training and not model.key_encoder.training


def test_the_key_encoder_moves_once_a_step_however_many_passes_it_has() -> None:
    torch.manual_seed(0)
    model = MomentumContrast(Encoder(), 6, 8, 2, 0.2, 0.9, passes=3).train()
    moves = []
    for _ in range(2):  # steps
        with torch.no_grad():
            model.encoder.linear.weight += 1.0
        for _ in range(3):
            before = model.key_encoder.linear.weight.clone()
            step(model, [0, 1])
            moves.append(not torch.equal(before, model.key_encoder.linear.weight))
    assert moves == [True, False, False] * 2


def test_it_learns_to_tell_images_apart() -> None:
    """With another view drawn at random a query finds its key in one of 16 cases."""
    torch.manual_seed(0)
    model = MomentumContrast(Encoder(), 6, 16, 1, 0.2, 0.9).train()
    colours = nn.functional.normalize(torch.randn(16, 3, 1, 1), dim=1) * 2
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    for _ in range(80):
        rows = torch.randperm(16)[:8]
        views = [colours[rows] + 0.1 * torch.randn(8, 3, 4, 4) for _ in range(2)]
        optimizer.zero_grad()
        model(*views, rows).backward()
        optimizer.step()
    model.eval()
    found = (model.queries(colours) @ model.keys(colours).T).argmax(1)
    assert (found == torch.arange(16)).float().mean() > 0.6
