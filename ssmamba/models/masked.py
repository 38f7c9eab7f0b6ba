"""What every masked pre-training shares: hidden units of the picture and the loss on them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.config import MIMConfig


class MaskedModel(nn.Module):
    """An encoder and a decoder that recovers hidden units; subclasses say how.

    Args:
        encoder: a backbone without a head.
        config: masking and decoder.
    """

    def __init__(self, encoder: nn.Module, config: MIMConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = config

    def reconstruct(
        self, images: Tensor, unit_mask: Tensor, hidden_units: int | None = None
    ) -> Tensor:
        """Predict all pixels, (B, 3, H, W) normalised; hidden units are never seen.

        unit_mask: (B, h, w) bool, True = hidden; h = H / mask_unit. hidden_units: how many of each
        image, by whoever knows: a GPU that is asked makes everything wait.
        """
        return self._completed(self._decoded(images, unit_mask, hidden_units), images, unit_mask)

    def _decoded(self, images: Tensor, unit_mask: Tensor, hidden_units: int | None) -> Tensor:
        """What encoder and decoder make of the visible units, before the mean is added."""
        raise NotImplementedError

    def _completed(self, pixels: Tensor, images: Tensor, unit_mask: Tensor) -> Tensor:
        """A decoder's pixels, with the mean added from which they are the difference."""
        return pixels + visible_mean(images, unit_mask) if self.config.from_mean else pixels

    def forward(
        self,
        images: Tensor,
        unit_mask: Tensor,
        target: Tensor | None = None,
        hidden_units: int | None = None,
    ) -> Tensor:
        """Mean squared error on the hidden units only.

        images: (B, 3, H, W) normalised, perturbed or not; target: the clean image, or None for
        ``images`` itself. With ``norm_target`` each unit is normalised by its own statistics.
        """
        prediction = self.reconstruct(images, unit_mask, hidden_units)
        return self.error(prediction, unit_mask, images if target is None else target)

    def error(self, prediction: Tensor, unit_mask: Tensor, target: Tensor) -> Tensor:
        """Mean squared error of predicted pixels (B, 3, H, W) on the hidden units."""
        error = units(prediction.float(), unit_mask.shape[1:]) - self._target(target, unit_mask)
        per_unit = error.square().mean(-1)
        return (per_unit * unit_mask).sum() / unit_mask.sum()

    def _target(self, target: Tensor, unit_mask: Tensor) -> Tensor:
        pixels = units(target, unit_mask.shape[1:])
        if not self.config.norm_target:
            return pixels
        mean, var = pixels.mean(-1, keepdim=True), pixels.var(-1, keepdim=True)
        return (pixels - mean) / (var + 1e-6).sqrt()


def random_unit_mask(
    batch: int,
    height: int,
    width: int,
    ratio: float,
    unit: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Hide ``ratio`` of the units of each image; (B, height // unit, width // unit) bool.

    height, width and unit are input pixels; at least one unit stays visible and one is hidden.
    """
    rows, columns = height // unit, width // unit
    count = rows * columns
    hidden = min(max(round(count * ratio), 1), max(count - 1, 1))
    order = torch.rand(batch, count, generator=generator).argsort(1)
    return (order.argsort(1) < hidden).view(batch, rows, columns)


def visible_mean(images: Tensor, unit_mask: Tensor) -> Tensor:
    """Mean colour of the visible pixels of each image, (B, 3, 1, 1)."""
    means = units(images, unit_mask.shape[1:]).unflatten(-1, (images.shape[1], -1)).mean(-1)
    seen = (~unit_mask).unsqueeze(-1).to(means.dtype)
    return ((means * seen).sum((1, 2)) / seen.sum((1, 2)).clamp_min(1.0))[..., None, None]


def units(images: Tensor, grid: tuple[int, ...] | torch.Size) -> Tensor:
    """(B, 3, H, W) -> (B, h, w, 3 · H/h · W/w): the pixels of each mask unit."""
    batch, channels, height, width = images.shape
    rows, columns = grid
    split = images.reshape(batch, channels, rows, height // rows, columns, width // columns)
    return split.permute(0, 2, 4, 1, 3, 5).flatten(3)
