"""The bundled models give the same classes, probabilities, CAMs and pictures on every backend."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from ssmamba.ops import dispatch

from . import bundled

CLASSIFIERS = [
    pytest.param(name, marks=() if name == "lac" else pytest.mark.slow)
    for name in bundled.classifiers()
]
RECONSTRUCTORS = ("lac-mamim", "pbc-mamim")


@cache
def expected_answers(name: str) -> bundled.Answers:
    """On the CPU, by the readable loop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(dispatch.VARIABLE, "reference")
        return bundled.answers(name)


@pytest.mark.parametrize("backend", ["torch", "cpu"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classes_and_cams(name, backend, force_backend):
    expected = expected_answers(name)
    force_backend(backend)
    bundled.assert_same(bundled.answers(name), expected)


@pytest.mark.parametrize("backend", ["torch", "cpu"])
@pytest.mark.parametrize("name", RECONSTRUCTORS)
def test_reconstructions(name, backend, force_backend):
    force_backend("reference")
    expected = bundled.reconstruction(name)
    force_backend(backend)
    assert bundled.relative(bundled.reconstruction(name), expected) < bundled.PART


@pytest.fixture(params=["triton", "mamba_ssm"])
def gpu_backend(request, force_backend):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    kernels, reason = dispatch._load(request.param)
    if kernels is None:
        pytest.skip(f"{request.param}: {reason}")
    return request.param


@pytest.mark.gpu
@pytest.mark.parametrize("name", bundled.classifiers())
def test_classes_and_cams_on_a_gpu(name, gpu_backend, force_backend, monkeypatch):
    """Products on a GPU round otherwise, too; TF32 would be another precision."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    expected = expected_answers(name)
    force_backend(gpu_backend)
    bundled.assert_same(bundled.answers(name, "cuda"), expected)
