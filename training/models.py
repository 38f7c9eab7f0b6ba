"""Classifiers by name: SSMamba, or a timm baseline trained from scratch."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ssmamba import checkpoint
from ssmamba.card import Card, InputSpec, file_sha256
from ssmamba.errors import DataError, did_you_mean
from ssmamba.models import SSMamba
from ssmamba.predictor import logits_and_features
from ssmamba.preprocess import to_tensor
from training.cards import ablation_tags
from training.config import FinetuneConfig
from training.setup import encoder_config, override

TIMM = "timm:"


@dataclass(frozen=True)
class Start:
    """A classifier before its first step, and what its card says about it."""

    model: nn.Module
    arch: str
    config: dict[str, Any]
    tags: dict[str, str]
    parent: Card | None  # card of --init
    parent_sha256: str | None


def build_classifier(config: FinetuneConfig, classes: int) -> Start:
    """Build the model that --arch, --init and the ablation flags ask for."""
    if config.arch.startswith(TIMM):
        if config.init is not None:
            raise DataError("--init works with --arch ssmamba only; leave one of the two away.")
        return _timm(config, classes)
    if config.arch != "ssmamba":
        raise DataError(f"Unknown --arch '{config.arch}'; give ssmamba or timm:NAME.")
    if config.init is None:
        encoder = encoder_config(config)
        tags = {**ablation_tags(encoder), "pretraining": "none"}
        return Start(SSMamba(encoder, classes), "ssmamba", asdict(encoder), tags, None, None)
    return _from_checkpoint(config, config.init, classes)


def _from_checkpoint(config: FinetuneConfig, path: Path, classes: int) -> Start:
    pretrained, card = checkpoint.load_encoder(path)
    encoder = override(pretrained.config, config)
    model = SSMamba(encoder, classes)
    weights = pretrained.state_dict()
    own = {k: v.shape for k, v in model.state_dict().items() if not k.startswith("head.")}
    if own != {k: v.shape for k, v in weights.items()}:
        raise DataError(
            f"{path} was trained with another architecture than the flags ask for; leave "
            "--mixer, --embedding, --pool, --kernels and --d-state away with --init."
        )
    model.load_state_dict(weights, strict=False)
    tags = {**ablation_tags(encoder), "pretraining": card.pretraining}
    return Start(model, "ssmamba", asdict(encoder), tags, card, file_sha256(path))


def _timm(config: FinetuneConfig, classes: int) -> Start:
    import timm  # seconds to import

    name = config.arch.removeprefix(TIMM)
    if not timm.is_model(name):
        raise DataError(f"timm has no model '{name}'{did_you_mean(name, timm.list_models())}.")
    arguments = timm_arguments(name, config.image_size)
    if config.drop_path is not None:
        arguments["drop_path_rate"] = config.drop_path
    try:
        model = timm.create_model(name, num_classes=classes, **arguments)
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise DataError(f"timm cannot build {name} ({error}); choose another --arch.") from error
    return Start(model, config.arch, arguments, {"arch": name, "pretraining": "none"}, None, None)


def timm_arguments(name: str, image_size: int) -> dict[str, Any]:
    """Arguments of timm.create_model so that a model reads windows of ``image_size`` pixels."""
    import timm

    entry = timm.model_entrypoint(name)
    family = inspect.getsource(entry)
    if "VisionTransformer" in family or "_create_vision_transformer" in family:
        return {"img_size": image_size}
    if "_create_swin_transformer" in family:
        return {"img_size": image_size, "window_size": swin_window(image_size)}
    return {}


def swin_window(image_size: int) -> int:
    """7 as published where it divides the four grids (224 px), else the last grid's side."""
    last = image_size // 32
    return 7 if last % 7 == 0 else max(last, 1)


@torch.no_grad()
def run_model(
    model: nn.Module, images: np.ndarray, spec: InputSpec, batch: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K) and features (N, F), float32, of images (N, S, S, 3) uint8.

    The features are those by which the predictor tells foreign images.
    """
    model.eval()
    device = next(model.parameters()).device
    logits, features = [], []
    for start in range(0, len(images), batch):
        pixels = to_tensor(images[start : start + batch], spec).to(device)
        found = logits_and_features(model, pixels)
        logits.append(found[0].float().cpu().numpy())
        features.append(found[1].float().cpu().numpy())
    return np.concatenate(logits), np.concatenate(features)
