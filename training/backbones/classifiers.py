"""Classifiers before their first step: from scratch, or on a pre-trained backbone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, InputSpec, file_sha256
from ssmamba.errors import DataError
from ssmamba.inference.predictor import logits_and_features
from ssmamba.models import SSMamba
from ssmamba.models.build import head_of
from training.backbones.architectures import (
    DEFAULT,
    TITLES,
    Architecture,
    architecture,
    four_stages,
    override,
)
from training.config import FinetuneConfig
from training.loop.batches import image_batches


@dataclass(frozen=True)
class Start:
    """A classifier before its first step, its architecture, and the checkpoint it starts from."""

    model: nn.Module
    backbone: Architecture
    parent: Card | None = None  # card of --init
    parent_sha256: str | None = None


def build_classifier(config: FinetuneConfig, classes: int) -> Start:
    """Build the model that --arch, --init, --freeze and the ablation flags ask for."""
    if config.init is not None:
        start = _from_checkpoint(config, config.init, classes)
    elif config.freeze:
        raise DataError("--freeze needs a trained backbone; give one with --init.")
    else:
        found = architecture(config)
        start = Start(found.build(classes), found.tagged(pretraining="none"))
    if config.freeze:
        start.model.requires_grad_(False)
        head_of(start.model).requires_grad_(True)
    return start


def _from_checkpoint(config: FinetuneConfig, path: Path, classes: int) -> Start:
    pretrained, card = checkpoint.load_encoder(path)
    found = _architecture_of(config, path, card, pretrained)
    model = found.build(classes)
    weights = pretrained.state_dict()
    head = head_tensors(model)
    own = {k: v.shape for k, v in model.state_dict().items() if k not in head}
    if own != {k: v.shape for k, v in weights.items()}:
        raise DataError(
            f"{path} was trained with a different architecture than the flags ask for; do "
            "not combine --mixer, --embedding, --pool, --kernels or --d-state with --init."
        )
    model.load_state_dict(weights, strict=False)
    return Start(model, found.tagged(pretraining=card.pretraining), card, file_sha256(path))


def _architecture_of(
    config: FinetuneConfig, path: Path, card: Card, pretrained: nn.Module
) -> Architecture:
    """The checkpoint's architecture, changed by the flags that may differ; --arch is optional."""
    if config.arch not in (DEFAULT, card.arch, card.tags.get("arch")):
        raise DataError(f"{path} holds {card.arch}; do not combine --arch with --init.")
    if isinstance(pretrained, SSMamba):
        return four_stages(card.arch, override(pretrained.config, config))
    size = card.config.get("img_size", config.image_size)
    if size != config.image_size:
        raise DataError(f"{path} reads windows of {size} px only; give --image-size {size}.")
    changed = {} if config.drop_path is None else {"drop_path_rate": config.drop_path}
    tag = card.tags.get("arch", card.arch)
    label = TITLES.get(tag, tag)
    return Architecture(card.arch, {**card.config, **changed}, {"arch": tag}, label)


def head_tensors(model: nn.Module) -> set[str]:
    """Names in the state dict that belong to the classifier head."""
    head = head_of(model)
    prefix = next(name for name, module in model.named_modules() if module is head)
    return {name for name in model.state_dict() if name.startswith(f"{prefix}.")}


@torch.no_grad()
def run_model(
    model: nn.Module, images: np.ndarray, spec: InputSpec, batch: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K) and features (N, F), float32, of images (N, S, S, 3) uint8.

    The features are those by which the predictor recognises foreign images.
    """
    model.eval()
    logits, features = [], []
    for pixels in image_batches(model, images, spec, batch):
        found = logits_and_features(model, pixels)
        logits.append(found[0].float().cpu().numpy())
        features.append(found[1].float().cpu().numpy())
    return np.concatenate(logits), np.concatenate(features)
