"""Where a CAM looks in each architecture, and how its output becomes (B, C, H, W).

The output of a residual stage carries an offset that all places share and that says nothing of
where the evidence lies, yet gradient times activation counts it. So the last stage is read behind
the final norm, where a mean-pooling head makes HiResCAM exact. In the earlier stages LayerCAM,
which was made for activations that are zero where nothing is, takes them relative to those of an
empty image. On mosaics of four LaC classes (100 maps each, a nano after a few epochs; chance .25)
the peak was in the right quadrant, before -> after: HiResCAM .75 -> .87 and LayerCAM .07 -> .84
(stage 4), LayerCAM .23 -> .45 as one window and .25 -> .64 as four (stage 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from ssmamba.config import STRIDES
from ssmamba.errors import CheckpointError, InputError
from ssmamba.models import MaskedModel, SSMamba, cam_reshape
from ssmamba.models.foundation.pooled import PooledTrunk


@dataclass(frozen=True)
class CamTarget:
    """A module and what turns its output into (B, C, H, W); None = it already is."""

    layer: nn.Module
    reshape: Callable[[Tensor], Tensor] | None
    has_offset: bool = False  # a residual stream without a norm behind it
    stride: int | None = None  # input pixels of one cell; None = the cells share the image evenly


def cam_target(model: nn.Module, stage: int, size: tuple[int, int]) -> CamTarget:
    """The layer of stage 1 (fine) to 4 (coarse) for inputs of ``size`` (height, width) pixels.

    Raises InputError or CheckpointError.
    """
    if stage not in (1, 2, 3, 4):
        raise InputError(f"There is no stage {stage}; choose one of 1 to 4.")
    if isinstance(model, MaskedModel):
        model = model.encoder
    stride = STRIDES[stage - 1]
    if isinstance(model, SSMamba):
        return _ssmamba_target(model, stage, size)
    if isinstance(model, PooledTrunk):
        return _vit_target(model.trunk, stage)
    if hasattr(model, "blocks") and hasattr(model, "patch_embed"):
        return _vit_target(model, stage)
    if hasattr(model, "layers"):  # Swin
        if stage == 4 and isinstance(model.norm, nn.LayerNorm):
            return CamTarget(model.norm, cam_reshape, stride=stride)
        return CamTarget(_nth(model.layers, stage), cam_reshape, has_offset=True, stride=stride)
    if hasattr(model, f"layer{stage}"):  # ResNet
        return CamTarget(getattr(model, f"layer{stage}"), None, stride=stride)
    if hasattr(model, "stages"):  # ConvNeXt and kin
        return CamTarget(_nth(model.stages, stage), None, has_offset=True, stride=stride)
    raise CheckpointError(
        f"No layer for a CAM is known in {type(model).__name__}; choose an SSMamba checkpoint."
    )


def _ssmamba_target(model: SSMamba, stage: int, size: tuple[int, int]) -> CamTarget:
    """With a class token the final norm runs twice and the map has no gradient behind it."""
    if stage < 4 or model.config.pool != "mean":
        layer = model.cam_layer(stage)
        return CamTarget(layer, cam_reshape, has_offset=True, stride=STRIDES[stage - 1])
    grid = tuple(math.ceil(side / STRIDES[-1]) for side in size)

    def reshape(tokens: Tensor) -> Tensor:
        return cam_reshape(tokens.unflatten(1, grid))

    return CamTarget(model.norm, reshape, stride=STRIDES[-1])


def _vit_target(model: nn.Module, stage: int) -> CamTarget:
    """A quarter of the blocks is a stage.

    Behind the last attention a class-token head gives the patches no gradient, so the map is
    taken from the input of a block's attention.
    """
    blocks = list(model.blocks)  # type: ignore[arg-type]
    block = blocks[max(0, round(len(blocks) * stage / 4) - 1)]
    prefix = int(getattr(model, "num_prefix_tokens", 1))
    grid = tuple(model.patch_embed.grid_size)  # type: ignore[union-attr, arg-type]

    def reshape(tokens: Tensor) -> Tensor:
        return cam_reshape(tokens[:, prefix:].unflatten(1, grid))

    return CamTarget(block.norm1, reshape)  # type: ignore[arg-type]


def _nth(stages: object, stage: int) -> nn.Module:
    listed = list(stages)  # type: ignore[call-overload]
    return listed[min(stage, len(listed)) - 1]
