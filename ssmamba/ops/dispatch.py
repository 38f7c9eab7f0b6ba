"""Which backend runs a scan: by device, by what works on this machine, or by SSMAMBA_SCAN.

mamba_ssm  CUDA, mamba-ssm's compiled kernel, when it is installed and works
triton     CUDA, our kernels; Triton ships with torch on Linux
cpu        compiled by numba
torch      plain torch operations, anywhere
reference  the readable loop; for tests
"""

from __future__ import annotations

import importlib
import logging
import os
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from ssmamba.errors import InputError, did_you_mean
from ssmamba.ops import function, reference, torch_scan
from ssmamba.runtime.memory import is_out_of_memory

logger = logging.getLogger(__name__)

VARIABLE = "SSMAMBA_SCAN"
NAMES = ("mamba_ssm", "triton", "cpu", "torch", "reference")
_KERNELS = {
    "mamba_ssm": "ssmamba.ops.cuda.mamba_ssm",
    "triton": "ssmamba.ops.cuda.scan",
    "cpu": "ssmamba.ops.cpu.scan",
}
_DEVICES = {"mamba_ssm": "cuda", "triton": "cuda", "cpu": "cpu"}


_CURRENT_GPU = torch.device("cuda")


class Backend(NamedTuple):
    """``name`` is one of NAMES; ``reason`` a phrase for logs and the About box."""

    name: str
    reason: str


@cache
def _load(name: str, device: torch.device = _CURRENT_GPU) -> tuple[function.Kernels | None, str]:
    """The backend's module, or None and why it cannot be used here (on the GPU ``device``).

    A GPU without memory is not an answer: it raises, and the next call tries again.
    """
    try:
        module: Any = importlib.import_module(_KERNELS[name])
        if _DEVICES[name] == "cuda":
            with _disable_current_modes():  # a FLOP counter or fake tensors must not see this
                try_on(module, device)
    except ModuleNotFoundError as error:
        return None, f"{error.name} is not installed"
    except Exception as error:  # a compiler or driver can fail in any way; the scan must still run
        if is_out_of_memory(error):
            raise
        logger.warning("scan backend %s cannot be used: %s", name, error)
        return None, f"{type(error).__name__}: {error}"
    return module, "works on this machine"


def try_on(kernels: function.Kernels, device: torch.device) -> None:
    """Raise unless a backend's kernels load, or compile, and run on this GPU."""
    u = torch.zeros(1, 2, 8, device=device)
    A, B = torch.zeros(1, 8, 4, device=device), torch.zeros(1, 2, 1, 4, device=device)
    inputs = (u, u.unsqueeze(2), A, B, B, None, None)
    kernels.forward(inputs, function.Options(True, False), keep=False, want_state=True)
    torch.cuda.synchronize(device)


def _forced() -> str | None:
    name = os.environ.get(VARIABLE, "").strip()
    if not name:
        return None
    if name not in NAMES:
        raise InputError(
            f"{VARIABLE}={name} names no scan backend{did_you_mean(name, NAMES)}; "
            "correct it or unset it"
        )
    return name


def choose_backend(device: torch.device | str, dtype: torch.dtype = torch.float32) -> Backend:
    """The backend for tensors on ``device``.

    Raises InputError when SSMAMBA_SCAN names a backend that is unknown or cannot run there.
    """
    device = torch.device(device)
    kind, name = device.type, _forced()
    if name is not None:
        if name in _DEVICES:
            if _DEVICES[name] != kind:
                raise InputError(
                    f"{VARIABLE}={name} does not run on {kind}; "
                    f"use a {_DEVICES[name]} device or unset {VARIABLE}"
                )
            module, reason = _load(name, device)
            if module is None:
                raise InputError(f"{VARIABLE}={name} cannot be used ({reason}); unset {VARIABLE}")
            if dtype == torch.float64:
                return _chosen(device, dtype)
        return Backend(name, f"requested by {VARIABLE}")
    try:
        return _chosen(device, dtype)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return Backend("torch", "the GPU is out of memory")  # for this call


@cache
def _chosen(device: torch.device, dtype: torch.dtype) -> Backend:
    if dtype == torch.float64:
        return Backend("torch", "float64 input")
    reasons = []
    for name, kind in _DEVICES.items():
        if kind == device.type:
            module, reason = _load(name, device)
            if module is not None:
                logger.info("selective scan on %s: %s", device, name)
                return Backend(name, reason)
            reasons.append(f"{name}: {reason}")
    why = "; ".join(reasons) or f"no compiled scan for {device.type}"
    level = logging.WARNING if reasons else logging.INFO
    logger.log(level, "selective scan on %s: torch (%s)", device, why)
    return Backend("torch", why)


def _chosen_kernels(device: torch.device, dtype: torch.dtype) -> function.Kernels | None:
    name = choose_backend(device, dtype).name
    return _load(name, device)[0] if name in _KERNELS else None


def has_kernels(kind: str, dtype: torch.dtype) -> bool:
    """Whether the chosen backend brings a backward pass of its own."""
    return _chosen_kernels(torch.device(kind), dtype) is not None


def gates_backward(kind: str, dtype: torch.dtype) -> bool:
    """Whether the chosen backend's backward pass knows the gate."""
    kernels = _chosen_kernels(torch.device(kind), dtype)
    return kernels is not None and kernels.GATES_BACKWARD


# What torch.compiler.assume_constant_result sets; calling it would import torch._dynamo, which
# takes the engine longer than torch itself.
has_kernels._dynamo_marked_constant = True  # type: ignore[attr-defined]
gates_backward._dynamo_marked_constant = True  # type: ignore[attr-defined]


def kernels_for(u: Tensor) -> function.Kernels | None:
    """The chosen backend's module where it has a backward pass of its own, else None."""
    return _chosen_kernels(u.device, u.dtype)


def run_plain(inputs: function.Inputs, options: function.Options) -> tuple[Tensor, Tensor]:
    """The scan as differentiable torch operations; canonical inputs, y in u's dtype."""
    u = inputs[0]
    scan = reference.scan if _forced() == "reference" else torch_scan.scan
    y, state = scan(*inputs, options.softplus, options.reverse)
    return function.gate(y, options.z).to(u.dtype), state


def warm_up(device: torch.device | str = "cpu") -> Backend:
    """Compile or load the kernels now (forward and backward) and return the chosen backend.

    Takes seconds the first time on a machine, then well under one: call it off the GUI's path.
    """
    backend = choose_backend(device)
    with torch.enable_grad():
        u, delta = (torch.zeros(1, 2, 16, device=device, requires_grad=True) for _ in range(2))
        A, B = (torch.zeros(n, 16, device=device) for n in (16, 2))
        inputs = (u, delta, A, B[None], B[None], None, None)
        options = function.Options(True, False)
        kernels = kernels_for(u)
        if kernels is None:
            y, _ = run_plain(function.canonical(inputs), options)
        else:
            y, _ = function.scan(kernels, inputs, options, False)
        y.sum().backward()
    return backend
