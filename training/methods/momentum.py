"""Momentum contrast with a bank of keys and several positives for a query."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, distributed, nn

from training.loop.batchnorm import rank_and_processes
from training.loop.optim import blend

HIDDEN, OUT = 512, 128  # widths of projector and predictor


class MomentumContrast(nn.Module):
    """A query encoder that learns, and a key encoder that follows it slowly.

    The keys' BatchNorm follows the query's statistics instead of reading its own batch, so the
    batch cannot give away which key belongs to a query (EMAN, Cai et al. 2021).

    Args:
        encoder: a backbone whose forward gives features (B, F).
        features: F.
        bank_size: keys in the bank, K.
        positives: look-alikes in the bank to which a query is drawn as well.
        temperature: divisor of the similarities.
        momentum: share of itself that the key encoder retains per step.
        passes: forward passes in training that make one step (accumulation).
    """

    def __init__(
        self,
        encoder: nn.Module,
        features: int,
        bank_size: int,
        positives: int,
        temperature: float,
        momentum: float,
        passes: int = 1,
    ) -> None:
        super().__init__()
        self.passes, self.turn = passes, 0  # a step's passes, and how many of them are done
        self.positives, self.temperature, self.momentum = positives, temperature, momentum
        self.encoder = encoder
        self.projector = _two_layers(features, OUT)
        self.predictor = _two_layers(OUT, OUT)
        self.key_encoder = deepcopy(encoder).requires_grad_(False)
        self.key_projector = deepcopy(self.projector).requires_grad_(False)
        self.bank: Tensor
        self.bank_rows: Tensor
        self.kept: Tensor
        self.register_buffer("bank", torch.zeros(bank_size, OUT))
        self.register_buffer("bank_rows", torch.full((bank_size,), -1))  # -1 = still empty
        self.register_buffer("kept", torch.zeros((), dtype=torch.int64))  # keys ever kept
        self._full = False

    def train(self, mode: bool = True) -> MomentumContrast:
        super().train(mode)
        self.key_encoder.eval()
        self.key_projector.eval()
        return self

    def queries(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) of length 1, float32."""
        found = self.predictor(self.projector(self.encoder(images)))
        return nn.functional.normalize(found.float(), dim=1)

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, D) of length 1, float32, from the slow encoder."""
        return nn.functional.normalize(self.key_projector(self.key_encoder(images)).float(), dim=1)

    def forward(self, query_images: Tensor, key_images: Tensor, rows: Tensor) -> Tensor:
        """The loss of a batch; the bank takes the keys, and in a step's first pass the key
        encoder moves.

        query_images, key_images: two views (B, 3, H, W); rows: (B,) number of each image.
        """
        queries = self.queries(query_images)
        if self.turn == 0:
            self._follow()
        self.turn = (self.turn + 1) % self.passes
        keys = self.keys(key_images)
        with torch.autocast(keys.device.type, enabled=False):  # a temperature enlarges rounding
            return self._contrast(queries, keys, rows)

    def _contrast(self, queries: Tensor, keys: Tensor, rows: Tensor) -> Tensor:
        every = _gathered(keys)  # negatives come from all processes
        candidates = torch.cat([every, self.bank])
        positive, negative = self._pairs(keys, rows)
        loss = info_nce(queries @ candidates.T / self.temperature, positive, negative)
        self._keep(every, _gathered(rows))
        return loss

    def _pairs(self, keys: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Which candidates (B keys of each process, then K of the bank) are positive and which
        negative, (B, processes · B + K).

        Earlier keys of the same image are neither.
        """
        usable = (self.bank_rows >= 0) & (self.bank_rows != rows[:, None])  # (B, K)
        alike = torch.zeros_like(usable)
        if self.positives and self._is_full():
            likeness = (keys @ self.bank.T).masked_fill(~usable, -2.0)
            nearest = likeness.topk(min(self.positives, len(self.bank)), dim=1).indices
            alike.scatter_(1, nearest, True)
            alike &= usable
        rank, processes = rank_and_processes()
        own = torch.zeros(len(keys), processes * len(keys), dtype=torch.bool, device=keys.device)
        own.diagonal(rank * len(keys)).fill_(True)
        return torch.cat([own, alike], 1), torch.cat([~own, usable & ~alike], 1)

    def _is_full(self) -> bool:
        """Whether the bank is full; the device is asked only until it is."""
        self._full = self._full or bool(self.kept >= len(self.bank))
        return self._full

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the key encoder, its BatchNorm statistics included, towards the query encoder."""
        share = 1 - self.momentum
        blend(self.key_encoder.state_dict(), self.encoder.state_dict(), share)
        blend(self.key_projector.state_dict(), self.projector.state_dict(), share)

    @torch.no_grad()
    def _keep(self, keys: Tensor, rows: Tensor) -> None:
        """Replace the oldest keys of the bank by those of all processes."""
        keys, rows = keys[-len(self.bank) :], rows[-len(self.bank) :]
        position = (self.kept + torch.arange(len(keys), device=keys.device)) % len(self.bank)
        self.bank[position] = keys
        self.bank_rows[position] = rows
        self.kept += len(keys)


def info_nce(logits: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """Mean over the positives of -log p(positive among it and the negatives).

    logits: (B, C); positive, negative: (B, C) bool, at least one positive in each row. Several
    positives do not compete with one another.
    """
    against = logits.masked_fill(~negative, float("-inf")).logsumexp(1, keepdim=True)
    each = torch.logaddexp(logits, against) - logits
    return ((each * positive).sum(1) / positive.sum(1)).mean()


def _gathered(values: Tensor) -> Tensor:
    """The rows of all processes, in the order of their ranks."""
    _, processes = rank_and_processes()
    if processes == 1:
        return values
    parts = [torch.empty_like(values) for _ in range(processes)]
    distributed.all_gather(parts, values.contiguous())
    return torch.cat(parts)


def _two_layers(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, out))
