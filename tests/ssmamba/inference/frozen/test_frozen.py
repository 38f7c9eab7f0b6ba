"""The frozen network gives what the model gives, whatever it is made of."""

import numpy as np
import pytest
import torch

from ssmamba.config import SSMambaConfig
from ssmamba.inference import predictor
from ssmamba.inference.frozen import freeze, precision
from ssmamba.inference.frozen.products import rounded
from ssmamba.inference.predictor import Predictor
from ssmamba.models import SSMamba
from ssmamba.ops import dispatch
from tests.ssmamba.checkpoints.made import save_classifier

pytest.importorskip("llvmlite", reason="needs the compiled kernels")

# torch's convolutions refuse bfloat16 on a processor without these
needs_bfloat16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(),
    reason="this processor's convolutions have no bfloat16",
)
DIMS = (16, 24, 40, 64)
BUNDLED = {"deep_stem": True, "overlap": True, "batch_norm": True, "local_every_block": True}


@pytest.fixture(autouse=True)
def kernels_in_use() -> None:
    """Whatever backend another test of this process was left with."""
    dispatch._load.cache_clear()
    dispatch._chosen.cache_clear()


def model(seed: int = 0, **changes) -> SSMamba:
    torch.manual_seed(seed)
    config = SSMambaConfig(**{"dims": DIMS, "depths": (1, 2, 1, 1), **changes})
    made = SSMamba(config, 3)
    for part in made.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(std=0.2)
            part.running_var.uniform_(0.5, 2)
        if isinstance(part, torch.nn.BatchNorm2d | torch.nn.LayerNorm):
            torch.nn.init.uniform_(part.weight, 0.5, 1.5)
            torch.nn.init.normal_(part.bias, std=0.2)
    return made.eval()


def both(network: SSMamba, images: torch.Tensor, lower: bool = False):
    with torch.inference_mode():
        frozen = freeze(network, lower)
        assert frozen is not None
        return network.forward_with_features(images), frozen(images)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        BUNDLED,
        {"overlap": True},
        {"batch_norm": True},
        {"embedding": "patch_merge"},
        {"embedding": "lpu", **BUNDLED},
        {"embedding": "linear"},
        {"embedding": "none", "mlp_ratio": 2.0},
        {"mixer": "mamba"},
        {"mixer": "ss2d"},
        {"kernels": (3, 5)},
        {"act": "gelu"},
        {"column_scans": True},
        {"alternate_scans": True},
        {"scan_norm": True},
        {"d_state": 8},
    ],
)
def test_every_config_answers_as_the_model_does(changes):
    expected, found = both(model(**changes), torch.randn(2, 3, 64, 64))
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 32, 32), (3, 70, 45), (1, 33, 96)])
@pytest.mark.parametrize("changes", [{}, BUNDLED], ids=["plain", "bundled"])
def test_any_size_and_number_of_pictures(changes, shape):
    count, high, wide = shape
    expected, found = both(model(**changes), torch.randn(count, 3, high, wide))
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4, equal_nan=True)


def test_one_network_takes_pictures_of_several_sizes():
    network = model(**BUNDLED)
    with torch.inference_mode():
        frozen = freeze(network, False)
        for side in (64, 96, 64):
            images = torch.randn(2, 3, side, side)
            torch.testing.assert_close(frozen(images)[0], network(images), atol=2e-5, rtol=1e-4)


def test_threads_change_nothing():
    network, images = model(**BUNDLED), torch.randn(4, 3, 64, 64)
    before = torch.get_num_threads()
    try:
        answers = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            answers.append(both(network, images)[1][0])
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*answers, atol=1e-6, rtol=1e-6)


def test_no_frozen_form(monkeypatch):
    assert freeze(torch.nn.Linear(2, 2), False) is None
    assert freeze(model(pool="cls"), False) is None
    assert freeze(model().train(), False) is None
    monkeypatch.setenv("SSMAMBA_SCAN", "torch")
    assert freeze(model(), False) is None


@needs_bfloat16
def test_bfloat16_stays_near(monkeypatch):
    """Every operation lowered: what the sums keep in float32 keeps the answer."""
    from ssmamba.inference.frozen.network import FrozenNetwork

    class Lowest:
        def run(self, operation, entries, work, prepare=None):
            return work(torch.bfloat16)

    for changes in ({}, BUNDLED):
        network, images = model(**changes), torch.randn(2, 3, 64, 64)
        with torch.inference_mode():
            expected = network.forward_with_features(images)
            found = FrozenNetwork(network, Lowest())(images)
        for one, other in zip(expected, found, strict=True):
            assert other.dtype == torch.float32
            torch.testing.assert_close(one, other, atol=0.03, rtol=0.03)


def test_roundings_of_a_convolution_do_not_add_up():
    weight = torch.randn(32, 24, 3, 3)
    found = rounded(weight)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), weight, atol=2**-6, rtol=2**-7)
    sums = [w.double().sum((1, 2, 3)) for w in (weight, found, weight.bfloat16())]
    assert (sums[1] - sums[0]).abs().mean() < 0.3 * (sums[2] - sums[0]).abs().mean()


@needs_bfloat16
def test_unclear_answers_are_those_of_float32(tmp_path, monkeypatch):
    """What bfloat16 leaves near one half is answered again; clear answers stand."""
    path = save_classifier(tmp_path / "a.safetensors")
    monkeypatch.delenv(precision.VARIABLE, raising=False)
    monkeypatch.setattr(precision, "has_fast_bfloat16", lambda: True)
    monkeypatch.setattr(precision, "quicker", lambda work: "bfloat16")
    monkeypatch.setattr(precision, "user_cache", lambda: tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    exact = Predictor(path, "cpu").predict(images)
    best = exact.probabilities.max(axis=1)
    limit = float(np.median(best))
    monkeypatch.setattr(predictor, "CLEAR", limit)
    lowered = Predictor(path, "cpu", precision="auto")
    found = lowered.predict(images)
    assert lowered.answered_in == "bfloat16"
    same = np.isclose(found.logits, exact.logits, atol=1e-6, rtol=1e-6).all(axis=1)
    assert same[best < limit - 0.01].all() and not same.all()
    assert Predictor(path, "cpu").answered_in == "float32"
