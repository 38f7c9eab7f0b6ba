"""Backbones by the names of --arch: SSMamba, a baseline of like size, or one of timm's."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from ssmamba.errors import DataError, did_you_mean
from ssmamba.models.build import TIMM, build_network
from training.cards import ablation_tags
from training.config import RunConfig
from training.setup import encoder_config

DEFAULT = "ssmamba"


@dataclass(frozen=True)
class Architecture:
    """A backbone before it is built, as a card tells it."""

    arch: str  # ssmamba | timm:NAME
    config: dict[str, Any]  # SSMambaConfig, or arguments of timm.create_model
    tags: dict[str, str]
    label: str  # for people, "SSMamba nano"

    def build(self, classes: int = 0) -> nn.Module:
        """Untrained, with a head for ``classes``, or without one. Raises DataError."""
        try:
            return build_network(self.arch, self.config, classes)
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise DataError(
                f"{self.label} cannot be built ({error}); choose another --arch or --image-size."
            ) from error


def architecture(config: RunConfig) -> Architecture:
    """What --arch, --size and the ablation flags ask for. Raises DataError."""
    if config.arch.startswith(TIMM):
        return _timm(config)
    if config.arch != DEFAULT:
        raise DataError(f"Unknown --arch '{config.arch}'; give ssmamba or timm:NAME.")
    encoder = encoder_config(config)
    return Architecture(DEFAULT, asdict(encoder), ablation_tags(encoder), f"SSMamba {encoder.size}")


def _timm(config: RunConfig) -> Architecture:
    import timm  # seconds to import

    name = config.arch.removeprefix(TIMM)
    if not timm.is_model(name):
        raise DataError(f"timm has no model '{name}'{did_you_mean(name, timm.list_models())}.")
    arguments = timm_arguments(name, config.image_size)
    if config.drop_path is not None:
        arguments["drop_path_rate"] = config.drop_path
    return Architecture(config.arch, arguments, {"arch": name}, name)


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
