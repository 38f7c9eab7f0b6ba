"""SSMamba's forward pass with fixed weights: what ``SSMamba.forward_with_features`` answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from ssmamba.inference.frozen.parts import (
    FrozenConvDownsample,
    FrozenDeepStem,
    FrozenDMS,
    FrozenLPR,
    FrozenOverlapDownsample,
    FrozenStem,
)
from ssmamba.inference.frozen.precision import Precisions
from ssmamba.inference.frozen.stream import Norm, Stream
from ssmamba.layers.local import LPR, ConvDownsample, DeepStem, OverlapDownsample, Stem
from ssmamba.layers.mixers import DMS
from ssmamba.models.ssmamba import Block, SSMamba, Stage
from ssmamba.ops.cpu.passes import moments

Step = Callable[[Stream], Stream]  # one part of the network; may go on with the same stream
FLOAT = torch.float32
T = TypeVar("T")


class FrozenNetwork:
    """An SSMamba in eval mode whose weights no longer change, on the CPU.

    Parts that have no frozen form of their own run as they are, in float32.
    """

    def __init__(self, model: SSMamba, precisions: Precisions) -> None:
        self.precisions = precisions
        self._stem = self._frozen_stem(model.stem)
        self._stages = [self._steps(stage) for stage in model.stages]  # type: ignore[arg-type]
        self._norm, self._head = Norm(model.norm), model.head

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> logits (B, K); the picture's style and what the head reads, float32."""
        stream = Stream(self._stem(images))
        style: list[Tensor] = []
        for at, steps in enumerate(self._stages):
            for step in steps:
                stream = step(stream)
            if at < 2:
                style += moments(stream.settle())
        pooled = stream.read(FLOAT, self._norm).mean((1, 2))
        return self._head(pooled), torch.cat([*style, pooled], dim=1)

    def _frozen_stem(self, stem: nn.Module) -> Callable[[Tensor], Tensor]:
        if not isinstance(stem, DeepStem | Stem):
            return stem
        part = FrozenDeepStem(stem) if isinstance(stem, DeepStem) else FrozenStem(stem)

        def run(images: Tensor) -> Tensor:
            return self.precisions.run("stem", images.numel(), lambda dtype: part(images, dtype))

        return run

    def _steps(self, stage: Stage) -> list[Step]:
        steps = [] if stage.down is None else [self._down(stage.down)]
        local = [stage.local, *stage.more_local]
        for at, block in enumerate(stage.blocks):
            assert isinstance(block, Block)
            if at < len(local):
                steps.append(self._local(local[at]))
            steps.append(self._mixer(block))
            if block.mlp is not None:
                steps.append(_added(block.mlp))
        return steps

    def _down(self, down: nn.Module) -> Step:
        if isinstance(down, OverlapDownsample) and isinstance(down.norm, nn.BatchNorm2d):
            part: Callable[[Stream, torch.dtype], Tensor] = FrozenOverlapDownsample(down)
        elif isinstance(down, ConvDownsample) and isinstance(down.norm, nn.LayerNorm):
            part = FrozenConvDownsample(down)
        else:
            return _replaced(down)
        return lambda stream: Stream(self._chosen("down", part, stream))

    def _local(self, local: nn.Module) -> Step:
        if isinstance(local, nn.Identity):
            return lambda stream: stream
        if not isinstance(local, LPR):
            return _replaced(local)
        part = FrozenLPR(local)

        def run(stream: Stream) -> Stream:
            stream.add(self._chosen("lpr", part, stream))
            return stream

        return run

    def _mixer(self, block: Block) -> Step:
        if block.across or not FrozenDMS.fits(block.mixer):
            return _added(lambda x: block.mixed(x.flatten(1, 2), (x.shape[1], x.shape[2])))
        assert isinstance(block.mixer, DMS)
        part = FrozenDMS(block.norm, block.mixer)
        name = f"out {block.mixer.out_proj.in_features}"

        def run(stream: Stream) -> Stream:
            x1, x2 = self._chosen("dms", part.branches, stream)
            entries = 2 * x1.numel()
            stream.add(self.precisions.run(name, entries, lambda dtype: part.joined(x1, x2, dtype)))
            return stream

        return run

    def _chosen(self, name: str, part: Callable[[Stream, torch.dtype], T], stream: Stream) -> T:
        """What a part makes of the stream in the dtype that pays for its width and size."""
        return self.precisions.run(
            f"{name} {stream.shape[-1]}",
            stream.shape.numel(),
            lambda dtype: part(stream, dtype),
            stream.settle,
        )


def _replaced(module: nn.Module) -> Step:
    return lambda stream: Stream(module(stream.read(FLOAT)))


def _added(module: Callable[[Tensor], Tensor]) -> Step:
    def run(stream: Stream) -> Stream:
        stream.add(module(stream.read(FLOAT)))
        return stream

    return run
