"""The CUDA backends on a real GPU, against plain torch in float64."""

from __future__ import annotations

import pytest
import torch

from ssmamba import ops
from ssmamba.ops import dispatch, function, torch_scan

from .gated import assert_gate_matches
from .problems import assert_matches, make_problem

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(params=["triton", "mamba_ssm"])
def scan(request):
    kernels, reason = dispatch._load(request.param)
    if kernels is None:
        pytest.skip(f"{request.param}: {reason}")
    return lambda *args: function.scan(kernels, args[:7], function.Options(*args[7:]), True)


@pytest.mark.parametrize("L", [1, 2, 31, 33, 64, 65, 3137, 200_000])
@pytest.mark.parametrize("R", [1, 2])
def test_matches_plain_torch(scan, L, R):
    problem = make_problem(batch=2, L=L, channels=24, R=R, device="cuda")
    assert_matches(problem, scan, torch_scan.scan, output=5e-6, gradient=5e-5)


@pytest.mark.parametrize("shape", [{"L": 0}, {"batch": 0}, {"channels": 6, "N": 1}, {"N": 64}])
def test_odd_shapes(scan, shape):
    problem = make_problem(**shape, device="cuda")
    assert_matches(problem, scan, torch_scan.scan, output=5e-6, gradient=5e-5)


@pytest.mark.parametrize("L", [1, 33, 65, 3137])
def test_gate(scan, L):
    def gated(*args):
        return scan(*args[:7], True, args[8], args[7])[0]

    assert_gate_matches(gated, output=5e-6, gradient=5e-5, batch=2, L=L, channels=24, device="cuda")


def test_triton_repeats_bit_by_bit():
    kernels, reason = dispatch._load("triton")
    if kernels is None:
        pytest.skip(reason)
    problem = make_problem(batch=2, L=3137, channels=96, R=2, device="cuda")

    def scan(*args):
        return function.scan(kernels, args[:7], function.Options(*args[7:9]), True)

    first, second = problem.run(scan), problem.run(scan)
    assert torch.equal(first[0], second[0])
    assert all(torch.equal(a, b) for a, b in zip(first[2], second[2], strict=True))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("L", [33, 3137])
def test_on_a_gpu_that_is_not_the_current_one(scan, L):
    problem = make_problem(batch=2, L=L, channels=24, R=2, device="cuda:1")
    assert_matches(problem, scan, torch_scan.scan, output=5e-6, gradient=5e-5)


def test_a_compiled_backend_is_chosen():
    assert ops.choose_backend("cuda").name in ("triton", "mamba_ssm")
