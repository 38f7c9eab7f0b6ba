"""Checkpoints, and weight files of other projects."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from ssmamba.checkpoints import checkpoint
from tests.fuzz.harness import Door, Sample
from tests.ssmamba.checkpoints.made import save_classifier, save_mamim
from training.convert.weight_files import read_tensors
from training.loop.state import STATE_FILE, load_state, save_state


def samples(folder: Path) -> list[Sample]:
    folder.mkdir(parents=True)
    save_classifier(folder / "a.safetensors")
    save_mamim(folder / "masked.safetensors")
    weights = {"layer.weight": torch.ones(2, 3), "layer.bias": torch.ones(2)}
    torch.save({"state_dict": weights, "epoch": 3}, folder / "foreign.pth")
    torch.save(weights, folder / "old.pt", _use_new_zipfile_serialization=False)
    save_file(weights, folder / "foreign.safetensors")
    save_state(folder, {"model": weights, "outcome": {"epoch": 1}})
    return [Sample(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def enter(path: Path) -> None:
    if path.name == STATE_FILE:
        load_state(path.parent)
    elif path.name in ("foreign.pth", "old.pt", "foreign.safetensors"):
        read_tensors(path)
    else:
        found = checkpoint.load(path)
        if found.card.classifies:
            with torch.inference_mode():
                found.model(torch.zeros(1, 3, 64, 64))


DOOR = Door("checkpoints", samples, enter, short=12)
