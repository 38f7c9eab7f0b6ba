"""A network built for a file's weights is the one that is built with random weights and loaded."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card
from ssmamba.models.build import build_network
from ssmamba.models.unfilled import unfilled
from tests.ssmamba.checkpoints.made import CLASSES, SPEC, save_classifier, save_mamim
from tests.ssmamba.models.test_baselines import TINY


def state(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, also those that are in no file."""
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def equals_the_slow_way(path: Path) -> bool:
    """The file is loaded as if each parameter had been drawn before."""
    loaded = checkpoint.load(path)
    slow = checkpoint.build_model(loaded.card)
    held = checkpoint.load_file(path)
    slow.load_state_dict({k: v for k, v in held.items() if not k.startswith(checkpoint.EXTRA)})
    slow.eval()
    ours, theirs = state(loaded.model), state(slow)
    assert ours.keys() == theirs.keys() and len(ours) > 10
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    if loaded.card.classifies:  # a masked one draws its mask
        images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            assert torch.equal(loaded.model(images), slow(images))
    return True


@pytest.mark.parametrize("name", TINY)
def test_baselines(name: str, tmp_path: Path) -> None:
    arch, config, _ = TINY[name]
    config = json.loads(json.dumps(config))
    card = Card(kind="baseline", arch=arch, config=config, classes=CLASSES, input=SPEC)
    checkpoint.save(tmp_path / "a.safetensors", build_network(arch, config, 3), card)
    assert equals_the_slow_way(tmp_path / "a.safetensors")


def test_ssmamba_and_masked_models(tmp_path: Path) -> None:
    assert equals_the_slow_way(save_classifier(tmp_path / "a.safetensors"))
    assert equals_the_slow_way(save_mamim(tmp_path / "b.safetensors"))


@pytest.mark.parametrize("name", ["vit", "swin", "resnet"])
def test_no_random_number_is_drawn(name: str) -> None:
    arch, config, _ = TINY[name]
    before = torch.get_rng_state()
    with unfilled():
        build_network(arch, config, 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_afterwards_and_in_other_threads_weights_are_drawn() -> None:
    found: list[Tensor] = []
    with unfilled():
        thread = threading.Thread(target=lambda: found.append(nn.Linear(8, 8).weight))
        thread.start()
        thread.join()
    assert found[0].std() > 0.05 and nn.Linear(8, 8).weight.std() > 0.05


def test_a_parameter_made_of_a_tensor_and_buffers_are_as_ever() -> None:
    class Made(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.A_log = nn.Parameter(torch.arange(1.0, 9.0).log())
            table = torch.zeros(8)
            table.fill_(3.0).mul_(2.0)
            self.register_buffer("table", table, persistent=False)
            self.norm = nn.BatchNorm1d(8)

    with unfilled():
        made = Made()
    assert torch.equal(made.A_log, torch.arange(1.0, 9.0).log())
    assert (made.table == 6).all() and (made.norm.running_var == 1).all()
