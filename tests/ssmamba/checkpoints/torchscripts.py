"""Model folders in the layout of WSInfer's zoo, made without this project's exporter."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

CONFIG = {  # as in kaczmarj/breast-tumor-resnet34.tcga-brca, with a smaller patch
    "spec_version": "1.0",
    "architecture": "resnet34",
    "num_classes": 2,
    "patch_size_pixels": 48,
    "spacing_um_px": 0.5,
    "class_names": ["Other", "Tumor"],
    "transform": [
        {"name": "Resize", "arguments": {"size": 32}},
        {"name": "ToTensor"},
        {"name": "Normalize", "arguments": {"mean": [0.7, 0.6, 0.7], "std": [0.2, 0.2, 0.2]}},
    ],
}


class Reddish(nn.Module):
    """Logits from the mean red and blue of an image."""

    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(3, outputs)
        nn.init.normal_(self.head.weight, std=2.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.mean((2, 3)))


def save_script(path: Path, network: nn.Module, example: Tensor | None = None) -> Path:
    """A network as TorchScript: compiled, or recorded with an example."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        if example is None:
            made = torch.jit.script(network)
        else:
            made = torch.jit.trace(network, example, check_trace=False)
        made.save(str(path))
    return path


def save_folder(folder: Path, network: nn.Module | None = None, **config: Any) -> Path:
    """A folder with both files; ``config`` replaces fields, None removes one."""
    folder.mkdir(parents=True)
    save_script(folder / "torchscript_model.pt", network or Reddish().eval())
    given = {k: v for k, v in {**CONFIG, **config}.items() if v is not None}
    (folder / "config.json").write_text(json.dumps(given), encoding="utf-8")
    return folder
