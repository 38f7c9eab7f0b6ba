"""Aggregators of torchmil: one bag at a time, with our head, and refused where they do not fit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from ssmamba.checkpoints.card import Card, ClassInfo, SlideSpec
from ssmamba.checkpoints.checkpoint import load_slide_model, save
from ssmamba.errors import CheckpointError
from ssmamba.explain.contributions import contributions
from ssmamba.models.slides.encoder import SlideModel
from ssmamba.models.slides.mil import MILConfig, build_aggregator, reads_places
from ssmamba.models.slides.mil.torchmil import LAST_LAYERS, PREFIX, neighbours
from tests.ssmamba.models.slides.torchmil_like import torchmil  # noqa: F401  (a fixture)

D = 12
ROOT = Path(__file__).resolve().parents[4]
PACKAGES = ("torchmil==1.0.2", "tensordict==0.13.0", "torchmetrics==1.8.2", "einops==0.8.2",
            "lightning-utilities==0.15.2", "pyvers==0.2.3", "cloudpickle==3.1.3",
            "orjson==3.13.0")  # fmt: skip


def model(name: str, outputs: int = 3) -> SlideModel:
    torch.manual_seed(0)
    return SlideModel(build_aggregator(MILConfig(f"{PREFIX}{name}", D, 16)), outputs).eval()


def bag(name: str, tiles: int, seed: int = 0) -> torch.Tensor:
    """Features, for models of places with the tiles of a square grid."""
    features = torch.randn(tiles, D, generator=torch.Generator().manual_seed(seed))
    if not reads_places(f"{PREFIX}{name}"):
        return features
    side = int(tiles**0.5) + 1
    cells = torch.tensor([(float(i % side), float(i // side)) for i in range(tiles)])
    return torch.cat([features, cells], 1)


def check_aggregator(name: str) -> None:
    """What every aggregator must do; run in the slow test with the real package too."""
    made = model(name)
    made.train()
    for tiles in (1, 2, 11, 40):
        logits = made(bag(name, tiles))
        assert logits.shape == (3,) and torch.isfinite(logits).all()
    made.zero_grad()
    made(bag(name, 40)).square().sum().backward()
    idle = [k for k, p in made.named_parameters() if p.requires_grad and p.grad is None]
    assert idle == []  # a step over several processes would wait for them
    made.eval()
    with torch.no_grad():
        short, long = bag(name, 7), bag(name, 40, 1)
        alone = made(short)
        beside = [made(one) for one in (long, short)][1]
        assert torch.equal(alone, beside)
        assert not torch.equal(alone, made(long))
        doubled = made(torch.cat([short[:, :D] * 2, short[:, D:]], 1))
        assert not torch.allclose(alone, doubled)
    found = contributions(made, short, steps=256)
    assert found.parts.shape == (7, 3) and found.error < 0.1


@pytest.mark.parametrize("name", ["ABMIL", "SmABMIL"])
@pytest.mark.usefixtures("torchmil")
def test_a_model_of_its_interface(name: str) -> None:
    check_aggregator(name)


@pytest.mark.usefixtures("torchmil")
def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    made = model("SmABMIL", 2)
    config = asdict(MILConfig(f"{PREFIX}SmABMIL", D, 16))
    classes = tuple(ClassInfo(n, n, (0, 0, 0)) for n in "ab")
    spec = SlideSpec(224, 224, 1.0, encoder="uni")
    card = Card(kind="slide", arch="mil", config=config, classes=classes, input=spec)
    save(tmp_path / "a.safetensors", made, card)
    again = load_slide_model(tmp_path / "a.safetensors").model
    with torch.no_grad():
        assert torch.equal(again(bag("SmABMIL", 9)), made(bag("SmABMIL", 9)))


def test_neighbours_touch_and_are_normalised() -> None:
    """Three in a row, and one far away from them."""
    places = torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [9.0, 9.0]])
    found = neighbours(places).to_dense()
    half = 0.5**0.5
    expected = [[0, half, 0, 0], [half, 0, half, 0], [0, half, 0, 0], [0, 0, 0, 0]]
    assert torch.allclose(found, torch.tensor(expected))
    assert neighbours(torch.zeros(1, 2)).to_dense().tolist() == [[0.0]]


def test_what_cannot_be_built_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match=r"losses of its own.*ABMIL, CAMIL"):
        MILConfig("torchmil:DSMIL")
    with pytest.raises(CheckpointError, match="did you mean 'TransMIL'"):
        MILConfig("torchmil:TransMill")
    monkeypatch.setitem(sys.modules, "torchmil", None)
    with pytest.raises(CheckpointError, match=r"pip install -e '\.\[torchmil\]'"):
        build_aggregator(MILConfig("torchmil:ABMIL"))


@pytest.mark.slow
def test_every_model_of_the_real_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path)]
    done = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"torchmil cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    code = (
        f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]\n"
        "from tests.ssmamba.models.slides.test_torchmil import check_aggregator\n"
        f"for name in {sorted(LAST_LAYERS)}:\n    print(name, flush=True)\n"
        "    check_aggregator(name)\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:] + done.stderr[-3000:]
    assert done.stdout.split() == sorted(LAST_LAYERS)
