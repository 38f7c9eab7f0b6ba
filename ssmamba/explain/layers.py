"""Where a CAM looks in each architecture, and how its output becomes (B, C, H, W)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from ssmamba.errors import CheckpointError, InputError
from ssmamba.models import MAMIM, SSMamba, cam_reshape


@dataclass(frozen=True)
class CamTarget:
    """A module and what turns its output into (B, C, H, W); None = it already is."""

    layer: nn.Module
    reshape: Callable[[Tensor], Tensor] | None


def cam_target(model: nn.Module, stage: int) -> CamTarget:
    """The layer of stage 1 (fine) to 4 (coarse). Raises InputError or CheckpointError."""
    if stage not in (1, 2, 3, 4):
        raise InputError(f"There is no stage {stage}; choose one of 1 to 4.")
    if isinstance(model, MAMIM):
        model = model.encoder
    if isinstance(model, SSMamba):
        return CamTarget(model.cam_layer(stage), cam_reshape)
    if hasattr(model, "blocks") and hasattr(model, "patch_embed"):
        return _vit_target(model, stage)
    if hasattr(model, "layers"):  # Swin
        return CamTarget(_nth(model.layers, stage), _channels_first)
    if hasattr(model, f"layer{stage}"):  # ResNet
        return CamTarget(getattr(model, f"layer{stage}"), None)
    if hasattr(model, "stages"):  # ConvNeXt and kin
        return CamTarget(_nth(model.stages, stage), None)
    raise CheckpointError(
        f"No layer for a CAM is known in {type(model).__name__}; choose an SSMamba checkpoint."
    )


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
        patches = tokens[:, prefix:]
        return patches.unflatten(1, grid).permute(0, 3, 1, 2)

    return CamTarget(block.norm1, reshape)  # type: ignore[arg-type]


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def _nth(stages: object, stage: int) -> nn.Module:
    listed = list(stages)  # type: ignore[call-overload]
    return listed[min(stage, len(listed)) - 1]
