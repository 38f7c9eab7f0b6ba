"""Losses of LatentMIM and DINO on slides, and how like two sets of tokens are."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import log_softmax, normalize, softmax
from torch.utils.checkpoint import checkpoint

CHUNK = 4096  # predictions that are compared with all targets at once
LEAST = 1e-12


def patch_discrimination(
    predicted: Tensor, target: Tensor, temperature: float, chunk: int = CHUNK
) -> Tensor:
    """Patch discrimination (thesis Eq. 3.1, with the sign that makes likes attract), a scalar.

    -τ log( exp(sim(p_k, z_k) / τ) / Σ_l exp(sim(p_k, z_l) / τ) ), the mean over k; predicted and
    target: (T, C), sim the cosine. In float32. Comparisons are made again in the backward pass,
    ``chunk`` rows at a time: T² of them would not fit for a large slide.
    """
    guesses, truths = normalize(predicted.float(), dim=-1), normalize(target.float(), dim=-1)
    total = predicted.new_zeros((), dtype=torch.float32)
    for start in range(0, len(guesses), chunk):
        part = guesses[start : start + chunk]
        total = total + checkpoint(
            _discriminated, part, truths, start, temperature, use_reentrant=False
        )
    return temperature * total / len(guesses)


def _discriminated(guesses: Tensor, truths: Tensor, start: int, temperature: float) -> Tensor:
    logits = guesses @ truths.T / temperature
    return (logits.logsumexp(1) - logits.diagonal(start)[: len(guesses)]).sum()


def position_likeness(tokens: Tensor, positions: Tensor) -> Tensor:
    """How much of tokens (T, C) is their positions (T, D): linear CKA, 0 to 1, a scalar.

    0 = unrelated, 1 = the same up to rotation and scale (Kornblith et al. 2019, Eq. 3), so that a
    linear map cannot hide it. In float32.
    """
    x, y = (z.float() - z.float().mean(0) for z in (tokens, positions))
    both = (x.T @ y).square().sum()
    alone = (x.T @ x).norm() * (y.T @ y).norm()
    return both / alone.clamp(min=LEAST)


def dino_loss(
    student: Tensor,
    teacher: Tensor,
    centre: Tensor,
    student_temperature: float,
    teacher_temperature: float,
) -> Tensor:
    """Cross-entropy of the views of one slide (Caron et al. 2021, Eqs. 1 to 3), a scalar.

    student: logits of all views (V, K), the global ones first; teacher: of the G global ones
    (G, K); centre: (K,). Each global view teaches every other view. In float32.
    """
    taught = softmax((teacher.float() - centre) / teacher_temperature, dim=-1)
    seen = log_softmax(student.float() / student_temperature, dim=-1)
    losses = -taught @ seen.T  # (G, V)
    count = len(teacher)
    same = torch.zeros_like(losses, dtype=torch.bool)
    same[:, :count].fill_diagonal_(True)
    return losses.masked_fill(same, 0.0).sum() / (losses.numel() - count)


def mean_cosine(tokens: Tensor) -> Tensor:
    """Mean cosine over all pairs of different tokens (T, C), T >= 2; a scalar, 1 = collapsed."""
    unit = normalize(tokens.float(), dim=-1)
    count = len(unit)
    return (unit.sum(0).square().sum() - unit.square().sum()) / (count * (count - 1))
