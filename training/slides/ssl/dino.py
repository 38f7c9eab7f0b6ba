"""DINO on slides: every view of a slide predicts what the teacher makes of its large views.

Caron et al. 2021; views by thesis §3.3. Views differ in size, so each is a pass of its own.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize, softmax

from ssmamba.models.slides.encoder import RegionEncoder
from training.loop.batchnorm import sum_over_processes
from training.slides.ssl.distillation import Distillation
from training.slides.ssl.losses import dino_loss, mean_cosine


@dataclass(frozen=True)
class DinoConfig:
    """DINO's own values."""

    prototypes: int = 65_536  # K, outputs of the head
    hidden: int = 2048  # channels of the head's layers
    bottleneck: int = 256  # channels before the prototypes
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    centre_momentum: float = 0.9  # share of itself that the centre retains per step
    frozen_steps: int = 0  # first steps in which the prototypes stay as they are


class DinoHead(nn.Module):
    """Three layers, a unit vector, and its cosines with K prototypes."""

    def __init__(self, features: int, config: DinoConfig) -> None:
        super().__init__()
        hidden = config.hidden
        self.mlp = nn.Sequential(
            nn.Linear(features, hidden), nn.GELU(),
            nn.Linear(hidden, hidden), nn.GELU(),
            nn.Linear(hidden, config.bottleneck),
        )  # fmt: skip
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        self.prototypes = nn.Parameter(torch.randn(config.prototypes, config.bottleneck))

    def forward(self, features: Tensor, frozen: bool = False) -> Tensor:
        """(V, C) -> logits (V, K); frozen: no gradient for the prototypes."""
        prototypes = self.prototypes.detach() if frozen else self.prototypes
        unit = normalize(self.mlp(features), dim=-1)
        return linear(unit, normalize(prototypes, dim=-1).to(unit.dtype))


class Dino(Distillation):
    """The mean of a view's class tokens, through a head; teachers of both are moving averages."""

    WATCHED: ClassVar[tuple[str, ...]] = ("view_cosine", "teacher_entropy")
    centre: Tensor
    taught_sum: Tensor

    def __init__(
        self,
        encoder: RegionEncoder,
        config: DinoConfig,
        momentum: float,
        steps: int,
        passes: int = 1,
    ) -> None:
        super().__init__(encoder, momentum, steps, passes)
        self.config = config
        self.head = DinoHead(encoder.num_features, config)
        self.teacher_head = deepcopy(self.head).requires_grad_(False)
        self.register_buffer("centre", torch.zeros(config.prototypes))
        # the teacher's logits of this step, and how many
        self.register_buffer("taught_sum", torch.zeros(config.prototypes + 1))

    @property
    def pairs(self) -> tuple[tuple[nn.Module, nn.Module], ...]:
        """Both parts of the teacher; only the first while the module is being made."""
        heads = getattr(self, "teacher_head", None)
        return super().pairs if heads is None else (*super().pairs, (heads, self.head))

    def forward(self, regions: Tensor, sizes: Tensor, globals_: int, seed: int) -> Tensor:
        """The loss of a slide's views, a scalar.

        regions: (Σ n, 3, w, w) normalised, of one view after the other, the global ones first;
        sizes: (V,) int64, regions of each; globals_: how many are global. seed: of what fusion
        draws.
        """
        self.begin_pass()
        views = regions.split(sizes.tolist())
        features = torch.stack([self.encoder.forward_features(v, seed) for v in views])
        frozen = self.training and int(self.step) <= self.config.frozen_steps
        student = self.head(features, frozen)
        with torch.no_grad():
            pooled = [self.teacher.forward_features(view) for view in views[:globals_]]
            taught = self.teacher_head(torch.stack(pooled)).float()
            if self.training:
                count = taught.new_full((1,), float(len(taught)))
                self.taught_sum += sum_over_processes(torch.cat([taught.sum(0), count]))
        config = self.config
        temperatures = config.student_temperature, config.teacher_temperature
        with torch.autocast(regions.device.type, enabled=False):
            loss = dino_loss(student, taught, self.centre, *temperatures)
            self.watch([mean_cosine(features), _entropy(taught - self.centre, temperatures[1])])
        return loss

    @torch.no_grad()
    def follow(self) -> None:
        """Move the teachers, and the centre by what the last step's slides were taught (Eq. 4)."""
        super().follow()
        *_, count = self.taught_sum.unbind()
        if count > 0:
            self.centre.lerp_(self.taught_sum[:-1] / count, 1 - self.config.centre_momentum)
            self.taught_sum.zero_()


def _entropy(logits: Tensor, temperature: float) -> Tensor:
    """Of the teacher's answers (G, K), over that of all prototypes alike: 0 to 1, a scalar."""
    p = softmax(logits / temperature, dim=-1)
    each = -(p * p.clamp(min=1e-30).log()).sum(-1)
    return each.mean() / torch.tensor(float(p.shape[-1])).log()
