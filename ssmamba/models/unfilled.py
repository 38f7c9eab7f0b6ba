"""Networks without their first weights, for those who read them from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import nn
from torch.overrides import TorchFunctionMode

# What fills a parameter in place: torch.nn.init's functions, and the arithmetic of timm's own.
_INIT = (name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_"))
_FILLING = frozenset([*_INIT, "random_", "erfinv_", "mul_", "add_", "clamp_", "fill_", "zero_"])


class unfilled(TorchFunctionMode):
    """A block in which new parameters keep what their memory held: each must be loaded then.

    To draw random weights takes longer than to read a file: seconds for a ViT-L. Buffers are made
    as ever, also those that no file has. Only this thread's networks.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        filled = args[0] if args else kwargs.get("tensor")
        if isinstance(filled, nn.Parameter) and getattr(func, "__name__", "") in _FILLING:
            return filled
        return func(*args, **kwargs)
