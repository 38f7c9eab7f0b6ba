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
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ssmamba.checkpoints.torchscript import TorchScriptNetwork
from ssmamba.config import STRIDES
from ssmamba.errors import CheckpointError, InputError
from ssmamba.explain.measured import Measured, Place, measure
from ssmamba.explain.methods import STAGES
from ssmamba.models import MaskedModel, SSMamba, cam_reshape

STEM_SHARE = 0.05  # of the weights of the blocks; a stage before them has more


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
        raise InputError("There is no stage {stage}; choose one of 1 to 4.", stage=stage)
    if isinstance(model, MaskedModel):
        model = model.encoder
    if isinstance(model, SSMamba):
        return _ssmamba_target(model, stage, size)
    if isinstance(model, TorchScriptNetwork):
        raise CheckpointError(
            "A TorchScript model shows nothing of its inside, so it has no CAM; choose a "
            "checkpoint (.safetensors) where CAMs are needed."
        )
    return _measured_target(model, stage, size)


def check_cams(model: nn.Module, side: int) -> str:
    """Why a classifier can have no CAM for images of ``side`` pixels, as one sentence; "" = it can.

    Of an untrained network too: it is asked before its training, as the answer does not change.
    """
    from ssmamba.explain.cam import cam_maps  # it imports this module

    if isinstance(model, SSMamba):
        return ""
    weight = next(model.parameters())
    image = torch.zeros(1, 3, side, side, device=weight.device, dtype=weight.dtype)
    try:
        for stage in STAGES:
            cam_maps(model, image, "GradCAM", 0, stage)
    except CheckpointError as error:
        return str(error)
    except Exception as error:  # what a foreign forward or backward pass may raise is not known
        return _no_cam(model, f"{type(error).__name__} in its layers")
    return ""


def _ssmamba_target(model: SSMamba, stage: int, size: tuple[int, int]) -> CamTarget:
    """With a class token the final norm runs twice and the map has no gradient behind it."""
    if stage < 4 or model.config.pool != "mean":
        layer = model.cam_layer(stage)
        return CamTarget(layer, cam_reshape, has_offset=True, stride=STRIDES[stage - 1])
    grid = tuple(math.ceil(side / STRIDES[-1]) for side in size)

    def reshape(tokens: Tensor) -> Tensor:
        return cam_reshape(tokens.unflatten(1, grid))

    return CamTarget(model.norm, reshape, stride=STRIDES[-1])


def _measured_target(model: nn.Module, stage: int, size: tuple[int, int]) -> CamTarget:
    """Of any other network: what measures as a grid, the last of its kind in each stage."""
    found = measure(model, size)
    units = _units(model, found)
    blocks = _equal_blocks(model, units)
    if blocks:
        return _target(model, _inside(found.places, blocks, stage), size)
    last = {place.grid: place for place in units if place.answers}  # a later one replaces it
    levels = [last[grid] for grid in sorted(last, reverse=True)][-len(STRIDES) :]
    if not levels:
        raise CheckpointError(_no_cam(model, "no layer gives its answer from a grid of places"))
    place = levels[min(stage, len(levels)) - 1]
    has_offset = place.signed and not place.is_norm
    return _target(model, place, size, has_offset=has_offset, stride=_stride(found, place))


def _stride(found: Measured, place: Place) -> int | None:
    """The power of two by which the grid is smaller than the input, the last cells reaching beyond
    it; None where there is none."""
    powers = (2**n for n in range(1, 9))
    sides = list(zip(found.size, place.grid, strict=True))
    fits = (n for n in powers if all(math.ceil(side / n) == count for side, count in sides))
    return next(fits, None)


def _target(model: nn.Module, place: Place, size: tuple[int, int], **more: Any) -> CamTarget:
    reshape = None if place.layout.axes == "BCHW" else partial(place.layout.maps, size=size)
    return CamTarget(model.get_submodule(place.name), reshape, **more)


def _units(model: nn.Module, found: Measured) -> list[Place]:
    """Places that are not inside another one, in the order of the forward pass; what lies in a
    Sequential stands by itself."""
    names = {place.name for place in found.places} | found.doubtful
    whole = {n for n in names if not isinstance(model.get_submodule(n), nn.Sequential)}
    return [p for p in found.places if whole.isdisjoint(_ancestors(p.name))]


def _ancestors(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _equal_blocks(model: nn.Module, units: list[Place]) -> list[Place]:
    """The blocks of a network with one grid, as transformers have one; none of any other.

    They are the longest row of siblings with the coarsest grid, and what has another grid is but a
    stem.
    """
    rows: dict[tuple[str, tuple[int, int]], list[Place]] = {}
    for place in units:
        rows.setdefault((place.name.rpartition(".")[0], place.grid), []).append(place)
    row = max((row for (parent, _), row in rows.items() if parent), key=len, default=[])
    if len(row) < len(STRIDES) or row[0].grid != min(place.grid for place in units):
        return []
    other = sum(_weights(model, place) for place in units if place.grid != row[0].grid)
    return row if other < STEM_SHARE * sum(_weights(model, place) for place in row) else []


def _weights(model: nn.Module, place: Place) -> int:
    return sum(p.numel() for p in model.get_submodule(place.name).parameters())


def _inside(found: list[Place], blocks: list[Place], stage: int) -> Place:
    """Where a network of equal blocks is read; a quarter of them is a stage.

    Behind the last attention a class-token head gives the patches no gradient, so the map is
    taken from the input of a block's attention, where the block begins with a norm.
    """
    block = blocks[max(0, round(len(blocks) * stage / len(STRIDES)) - 1)]
    first = next((p for p in found if p.name.startswith(f"{block.name}.")), block)
    at_norm = first.is_norm and first.grid == block.grid and first.answers
    return first if at_norm else block


def _no_cam(model: nn.Module, why: str) -> str:
    return (
        f"No CAM is known for {type(model).__name__} ({why}); choose an SSMamba checkpoint where "
        "CAMs are needed."
    )
