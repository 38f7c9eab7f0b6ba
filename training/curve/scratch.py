"""Checkpoints of random weights: training from scratch that differs in nothing else."""

from __future__ import annotations

from pathlib import Path

import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.models.build import build_network


def scratch_file(pretrained: Path, folder: Path, seed: int) -> Path:
    """A checkpoint with the network, input and normalisation of another one, and random weights.

    Made once in ``folder``; the same for the same seed.
    """
    path = folder / "scratch" / f"s{seed}.safetensors"
    if not path.is_file():
        card = read_card(pretrained)
        state = torch.get_rng_state()
        torch.manual_seed(seed)
        network = build_network(card.arch, card.config, 0)
        torch.set_rng_state(state)
        random = card.with_(
            kind="encoder",
            name=f"{card.name}: random weights, seed {seed}",
            pretraining="none",
            mamim=None,
            training_hashes=(),
            parent_sha256=None,
            metrics={},
            training={},
        )
        checkpoint.save(path, network, random)
    return path
