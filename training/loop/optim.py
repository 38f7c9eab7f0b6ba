"""AdamW with selective weight decay, warm-up and cosine, moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from training.loop.sharding import copy_whole, is_shard, whole

# name endings of parameters of the scan, of tokens and of position tables
UNDECAYED = ("A_log", "dt_bias", "token", "pos_embed", "table")


def make_optimizer(model: nn.Module, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; norms, biases, tokens, positions and the scan's A_log and D are not decayed."""
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (decayed if decays(name, parameter) else free).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=(0.9, 0.999))


def decays(name: str, parameter: Tensor) -> bool:
    """Whether weight decay applies to a parameter."""
    last = name.rsplit(".", 1)[-1]
    return parameter.ndim > 1 and last != "D" and not last.endswith(UNDECAYED)


def lr_factor(step: int, steps: int, warmup: int) -> float:
    """Share of the peak rate at ``step`` (0-based): linear warm-up, then a half cosine."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(steps - warmup, 1)
    return 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))


def decay_at(step: int, steps: int, start: float, end: float) -> float:
    """Weight decay at ``step`` (0-based): a half cosine from ``start`` to ``end``."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))


@torch.no_grad()
def blend(into: Mapping[str, Tensor], tensors: Mapping[str, Tensor], share: float) -> None:
    """Move tensors by ``share`` towards others of the same names; integer counters are copied.

    All in one call except shards: one by one a GPU would wait for hundreds of launches.
    """
    kept_together: list[Tensor] = []
    together: list[Tensor] = []
    for name, kept in into.items():
        value = tensors[name].detach()
        if not kept.is_floating_point():
            kept.copy_(value)
        elif is_shard(kept):
            kept.lerp_(value, share)
        else:
            kept_together.append(kept)
            together.append(value)
    if together:
        torch._foreach_lerp_(kept_together, together, share)


class WeightAverage:
    """Exponential moving average of a model's weights and buffers (EMA)."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.average = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model, faster early on, so that the initial weights fade."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        blend(self.average, model.state_dict(), 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        """The average in plain tensors; every process must call it."""
        return {"updates": self.updates, "average": whole(self.average)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updates = state["updates"]
        copy_whole(self.average, state["average"])  # in place: they stay on their device
