"""What the slide models share: layers over regions, fusion, and the mean of the class tokens."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ssmamba.models.slides.block import BidirectionalBlock
from ssmamba.models.slides.fusion import fuse_rows, number_fused
from ssmamba.models.slides.memory import SEGMENT, SEGMENT_GPU, segment_tokens
from ssmamba.models.slides.segments import by_segments
from ssmamba.models.slides.serialise import class_tokens


@dataclass
class SlideTokens:
    """What an encoder gives for one slide of N regions, of which m are left after fusion."""

    tokens: Tensor  # (m, h·w + 1, C), a class token in the middle of each
    grid: tuple[int, int]  # h and w
    owner: Tensor  # (N,) int64, for each region of the slide its row of ``tokens``
    lead: Tensor  # (m,) int64, the region in whose place each row stands: the gallery's

    @property
    def cls(self) -> Tensor:
        """(m, C), the class tokens."""
        return class_tokens(self.tokens)


class Held(NamedTuple):
    """Which of a slide's regions the rows of tokens hold, as ``SlideTokens`` has it."""

    owner: Tensor  # (N,) int64
    lead: Tensor  # (m,) int64

    @classmethod
    def alone(cls, regions: Tensor) -> Held:
        """Each region in a row of its own."""
        rows = torch.arange(len(regions), device=regions.device)
        return cls(rows, rows)


Layers = Generator[None, None, SlideTokens]


class SlideEncoder(nn.Module):
    """Base of the encoders that turn a slide into one feature vector.

    A slide comes as regions of pixels (``RegionEncoder``) or as a bag of tiles' features.
    """

    num_features: int

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """Regions (N, 3, H, W) or a bag (N, D) -> the slide's features (C,).

        seed: of what is drawn at random in training; None = from torch's own random numbers.
        """
        raise NotImplementedError

    def empty(self, slide: Tensor) -> Tensor:
        """A slide with nothing on it, from which contributions are counted."""
        return torch.zeros_like(slide)


class RegionEncoder(SlideEncoder):
    """Base of the encoders that turn a slide's regions into tokens, layer by layer.

    ``recomputed`` first layers keep only their input for the backward pass and compute the rest
    again (activation checkpointing), Pixel-Mamba's also a segment of the tokens at a time, with
    about ``segment`` floats (on a GPU SEGMENT_GPU), in passes without gradients, too. Values and
    gradients stay the same but for rounding.
    """

    alpha: float
    recomputed: int = 0
    segment: int = SEGMENT

    def layers(self, regions: Tensor, seed: int | None = None) -> Layers:
        """``forward_slide`` with a stop after each layer, where others may have their turn."""
        raise NotImplementedError

    def forward_slide(self, regions: Tensor, seed: int | None = None) -> SlideTokens:
        """(N, 3, H, W) float32, normalised, in the slide's row-major order -> its tokens.

        seed: of the halves that fusion draws in training; None = from torch's own random numbers.
        """
        steps = self.layers(regions, seed)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                found: SlideTokens = end.value
                return found

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, 3, H, W) -> the slide's features (C,): the mean of its class tokens."""
        return self.forward_slide(slide, seed).cls.mean(0)

    def _block(self, block: nn.Module, tokens: Tensor, layer: int) -> Tensor:
        """A block over all regions as one sequence: (n, L, C) -> (n, L, C)."""
        sequence = tokens.reshape(1, -1, tokens.shape[-1])
        again = layer < self.recomputed
        if again and isinstance(block, BidirectionalBlock) and block.conv_back is None:
            floats = SEGMENT_GPU if tokens.is_cuda else self.segment
            sequence = by_segments(block, sequence, segment_tokens(tokens.shape[-1], floats))
        elif again and torch.is_grad_enabled():
            sequence = checkpoint(block, sequence, use_reentrant=False)
        else:
            sequence = block(sequence)
        return sequence.view(tokens.shape)

    def _fuse(
        self, tokens: Tensor, held: Held, layers: int, generator: torch.Generator | None
    ) -> tuple[Tensor, Held]:
        fused = number_fused(len(tokens), self.alpha, layers)
        tokens, row, stays = fuse_rows(tokens, fused, shuffle=self.training, generator=generator)
        return tokens, Held(row[held.owner], held.lead[stays])


def generator_of(seed: int | None) -> torch.Generator | None:
    """A generator of random numbers on the CPU, or None for torch's own."""
    return None if seed is None else torch.Generator().manual_seed(seed)


class SlideModel(nn.Module):
    """A slide encoder with a linear head.

    Args:
        encoder: gives the slide's features.
        outputs: logits of classes, grades or stages, or of the hazards of survival; 0 = no head.
    """

    def __init__(self, encoder: SlideEncoder, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.num_features, outputs) if outputs else nn.Identity()

    def forward(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """One slide, as its encoder reads it -> (K,)."""
        return self.head(self.encoder.forward_features(slide, seed))
