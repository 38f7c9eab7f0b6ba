"""Whether a call is an ordinary eager one, so that a faster way around torch's own may be taken."""

from __future__ import annotations

import torch
from torch import Tensor


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
