"""Which backend runs a scan: by device, by what works on this machine, or by SSMAMBA_SCAN.

mamba_ssm  CUDA, mamba-ssm's compiled kernel, when it is installed and works
triton     CUDA, our kernels; Triton ships with torch on Linux
cpu        compiled once on each computer (``ssmamba.kernels``)
torch      plain torch operations, anywhere
reference  the readable loop; for tests

Nothing waits for a compiler unasked. Where the kernels for the CPU are not compiled yet, a process
of its own begins with it and ``torch`` answers; ``adopt_kernels`` takes them into use later,
between two answers. ``compile_kernels``, or forcing ``cpu``, waits for them.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
import time
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import _disable_current_modes

from ssmamba.errors import InputError, did_you_mean
from ssmamba.kernels import cache as kernel_cache
from ssmamba.kernels import library, preparing
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


_CURRENT_GPU, _CPU = torch.device("cuda"), torch.device("cpu")
PREPARING = "the fast kernels are being prepared, once for this computer"
ASK_AGAIN_S = 0.5  # whether kernels that are being compiled are there
_waiting = False  # for the CPU's kernels, while torch answers
_last_asked = -math.inf


class Backend(NamedTuple):
    """``name`` is one of NAMES; ``reason`` a phrase for logs and the About box."""

    name: str
    reason: str


@cache
def _load(name: str, device: torch.device = _CURRENT_GPU) -> tuple[function.Kernels | None, str]:
    """The backend's module, or None and why it cannot be used here (on the GPU ``device``).

    A GPU without memory is not an answer: it raises, and the next call tries again.
    """
    global _waiting
    try:
        module: Any = importlib.import_module(_KERNELS[name])
        if _DEVICES[name] == "cuda":
            with _disable_current_modes():  # a FLOP counter or fake tensors must not see this
                try_on(module, device)
        elif not library.find():
            _waiting = True
            preparing.start()
            failed = kernel_cache.failure()
            return None, f"they could not be compiled: {failed}" if failed else PREPARING
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
            "{variable}={name} names no scan backend{hint}; correct it or unset it",
            variable=VARIABLE,
            name=name,
            hint=did_you_mean(name, NAMES),
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
                    "{variable}={name} does not run on {kind}; "
                    "use a {device} device or unset {variable}",
                    variable=VARIABLE,
                    name=name,
                    kind=kind,
                    device=_DEVICES[name],
                )
            if name == "cpu":
                compile_kernels()
            module, reason = _load(name, device)
            if module is None:
                raise InputError(
                    "{variable}={name} cannot be used ({reason}); unset {variable}",
                    variable=VARIABLE,
                    name=name,
                    reason=reason,
                )
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
    if reasons == [f"cpu: {PREPARING}"]:
        logger.info("selective scan on %s: torch until the kernels are compiled", device)
        return Backend("torch", PREPARING)
    why = "; ".join(reasons) or f"no compiled scan for {device.type}"
    level = logging.WARNING if reasons else logging.INFO
    logger.log(level, "selective scan on %s: torch (%s)", device, why)
    return Backend("torch", why)


def adopt_kernels() -> None:
    """Use the CPU's kernels from now on if they have been compiled meanwhile.

    Between two answers, or two batches of a long one: each of them comes from one backend. Costs
    nothing where they are in use already.
    """
    global _last_asked
    if _waiting and time.monotonic() - _last_asked >= ASK_AGAIN_S:
        _last_asked = time.monotonic()
        if library.find():
            _forget()


def is_preparing() -> bool:
    """Whether ``torch`` answers on the CPU because the kernels are still being compiled."""
    return _waiting and not kernel_cache.failure()


def compile_kernels(told: preparing.Told | None = None) -> None:
    """Return when the CPU's kernels are ready, compiled here if need be: before long work.

    ``told`` is called with the share that is done, 0 to 1, if there is something to compile. Where
    they cannot be compiled, ``torch`` goes on and says why (see ``choose_backend``).
    """
    try:
        if library.find():
            return
        preparing.compile_now(told or (lambda share: None))
    except Exception as error:  # a compiler can fail in any way; the scan must still run
        logger.warning("the scan's kernels cannot be compiled: %s", error)
    _forget()


def _forget() -> None:
    global _waiting
    _waiting = False
    _load.cache_clear()
    _chosen.cache_clear()


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
    """Load the kernels and run them once, forward and backward; return the chosen backend."""
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
