"""How far each part of a network moves from its start, and how strongly it is pulled.

A diagnosis, not a goal: a stage that hardly moves may still matter, and one that moves much may
not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.loop.optim import decays

Measured = dict[str, dict[str, float]]  # by part: moved, cosine, gradient


class Movement:
    """The matrices and kernels of a model, part by part, against their values when this was made.

    Norms, biases, tokens and the scan's A are left out, as they start at constants, and so is what
    is frozen. Parts are the modules at the top, and the members of those that are lists ("stem",
    "stage 1", "head").

    It reads whole weights: with weights split over processes (FSDP) it cannot be used.
    """

    def __init__(self, model: nn.Module) -> None:
        self.parts = parts_of(model)
        self.start = {part: [w.detach().clone() for w in ws] for part, ws in self.parts.items()}
        self._forget()

    def _forget(self) -> None:
        self._pulls: dict[str, Tensor] = {part: torch.zeros(()) for part in self.parts}
        self._steps = 0

    def watch(self, optimizer: torch.optim.Optimizer) -> None:
        """Read the gradients before each of the optimizer's steps, as it gets them: clipped."""
        optimizer.register_step_pre_hook(lambda *_: self._before_step())

    @torch.no_grad()
    def _before_step(self) -> None:
        for part, weights in self.parts.items():
            grads = [w.grad for w in weights if w.grad is not None]
            pull = _norm(grads) / _norm(weights)
            self._pulls[part] = pull + self._pulls[part].to(pull.device)
        self._steps += 1

    @torch.no_grad()
    def measure(self) -> Measured:
        """Of each part: ``moved``, the norm of the change over that of the start; ``cosine`` of
        start and now; ``gradient``, its norm over that of the weights, mean of the steps since the
        last call."""
        found: Measured = {}
        for part, weights in self.parts.items():
            start = [s.to(w.device) for w, s in zip(weights, self.start[part], strict=True)]
            change = _norm([w - s for w, s in zip(weights, start, strict=True)])
            dot = torch.stack([(w * s).sum() for w, s in zip(weights, start, strict=True)]).sum()
            norm = _norm(start)
            found[part] = {
                "moved": float(change / norm),
                "cosine": float(dot / (norm * _norm(weights))),
                "gradient": float(self._pulls[part]) / max(self._steps, 1),
            }
        self._forget()
        return found


def parts_of(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Trained matrices and kernels by part; a part that starts at zero (timm's heads) has no
    scale to compare with and is left out."""
    found: dict[str, list[nn.Parameter]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad and decays(name, weight):
            found.setdefault(_part(name), []).append(weight)
    return {part: weights for part, weights in found.items() if _norm(weights) > 0}


def _part(name: str) -> str:
    """ "stage 2" of "stages.1.blocks.0.out.weight"."""
    first, *rest = name.split(".")
    return f"{first.removesuffix('s')} {int(rest[0]) + 1}" if rest[0].isdigit() else first


def _norm(tensors: Sequence[Tensor]) -> Tensor:
    """Of all tensors together, a scalar; 0 of none."""
    if not tensors:
        return torch.zeros(())
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(tensors))))
