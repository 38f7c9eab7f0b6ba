"""Whether a call is an ordinary eager one, so that a faster way around torch's own may be taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_recording = False


@contextmanager
def plain_operations() -> Iterator[None]:
    """Within it, in the whole process, everything is made of torch's own operations.

    For what records a network's operations and keeps them for programs without ours.
    """
    global _recording
    before, _recording = _recording, True
    try:
        yield
    finally:
        _recording = before


def is_recorded() -> bool:
    """Whether ``torch.jit.trace`` looks on, or ``plain_operations`` holds.

    A trace sees nothing of what a compiled kernel does: it would keep the memory that the kernel
    was given to write to, as it was before.
    """
    return _recording or (not torch.compiler.is_compiling() and torch.jit.is_tracing())


def is_watched(x: Tensor) -> bool:
    """Whether something that traces or counts operators stands between us and the kernels."""
    return (
        torch.compiler.is_compiling()
        or torch._C._len_torch_dispatch_stack() > 0
        or type(x) not in (Tensor, torch.nn.Parameter)
        or x.device.type == "meta"
    )


def is_transformed() -> bool:
    """Whether torch.func (grad, vmap, jvp) is at work."""
    return torch._C._functorch.peek_interpreter_stack() is not None
