"""Backbones by the names of --arch: SSMamba, a baseline of similar size, or a timm model."""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from torch import nn

from ssmamba.config import SSMambaConfig
from ssmamba.errors import CheckpointError, DataError, did_you_mean
from ssmamba.models.build import CONV_STEM, FOUR_STAGES, PIXEL_MAMBA, TIMM, build_network
from ssmamba.models.foundation import ADAPTERS
from ssmamba.models.slides.config import SIZES as PIXEL_MAMBA_SIZES
from ssmamba.models.slides.config import PixelMambaConfig
from training.backbones.baselines import BASELINES, baseline, scaled
from training.config import RunConfig

DEFAULT = "ssmamba"
PIXEL_MAMBAS = {f"pixel-mamba-{size}": size for size in PIXEL_MAMBA_SIZES}
WITH_PATCHES = ("vit", "swin")  # of BASELINES: --conv-stem may stand in for their patch embedding
TITLES = {
    "ssmamba": "SSMamba",
    "vmamba": "VMamba",
    "vit": "ViT",
    "swin": "Swin",
    "resnet": "ResNet",
    "vit-stem": "ViT, convolutional stem",
    "swin-stem": "Swin, convolutional stem",
    **{name: f"Pixel-Mamba {size.upper()}" for name, size in PIXEL_MAMBAS.items()},
    **{name: adapter.title for name, adapter in ADAPTERS.items()},
}
# Fields of SSMambaConfig without a flag: the first three follow --size, and the table of positions
# has one size for all. RunConfig has every other one.
NOT_FLAGS = ("size", "dims", "depths", "grid")
CONFIG_FIELDS = tuple(f.name for f in fields(SSMambaConfig) if f.name not in NOT_FLAGS)
# The fields by which ablations differ: those that name one of several parts
ABLATION_FIELDS = tuple(
    f.name for f in fields(SSMambaConfig) if f.name in CONFIG_FIELDS and isinstance(f.default, str)
)
# timm's classes whose grid of tokens is fixed when they are built, and of these the ones whose
# attention has windows
SIZED = (
    "VisionTransformer",
    "VisionTransformerDistilled",
    "VisionTransformerRelPos",
    "VisionTransformerSAM",
    "PoolingVisionTransformer",
)
WINDOWED = ("SwinTransformer", "SwinTransformerV2", "SwinTransformerV2Cr")


@dataclass(frozen=True)
class Architecture:
    """A backbone before it is built, as recorded in a card."""

    arch: str  # ssmamba | vmamba | pixel-mamba-roi | timm:NAME
    config: dict[str, Any]  # SSMambaConfig, or arguments of timm.create_model
    tags: dict[str, str]
    label: str  # displayed name, "SSMamba nano"

    def tagged(self, **tags: str) -> Architecture:
        """The same with more tags."""
        return replace(self, tags={**self.tags, **tags})

    def build(self, classes: int = 0) -> nn.Module:
        """Untrained, with a head for ``classes``, or without one. Raises DataError."""
        try:
            return build_network(self.arch, self.config, classes)
        except CheckpointError as error:
            raise DataError(str(error)) from error
        except (TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise DataError(
                f"{self.label} cannot be built ({error}); choose another --arch or --image-size."
            ) from error


def architecture(config: RunConfig) -> Architecture:
    """The backbone of --arch, --size and the ablation flags. Raises DataError."""
    if config.conv_stem and config.arch not in WITH_PATCHES:
        raise DataError(
            f"--conv-stem is for {' and '.join(WITH_PATCHES)}, not {config.arch}; omit it, or "
            "give --deep-stem with SSMamba."
        )
    if config.arch in FOUR_STAGES:
        return four_stages(config.arch, encoder_config(config))
    if config.arch in PIXEL_MAMBAS:
        values = asdict(PixelMambaConfig.of_size(PIXEL_MAMBAS[config.arch]))
        return Architecture(PIXEL_MAMBA, values, {"arch": config.arch}, TITLES[config.arch])
    if config.arch in BASELINES:
        name, arguments = baseline(config.arch, config.size, config.baseline_width)
        return _timm(config, name, arguments, config.arch, f"{TITLES[config.arch]} {config.size}")
    if config.arch.startswith(TIMM):
        name = config.arch.removeprefix(TIMM)
        return _timm(config, name, {}, name, name)
    if config.arch in ADAPTERS:
        raise DataError(
            f"--arch {config.arch} needs its weights; convert your file with training.convert and "
            "give the result as --init."
        )
    near = did_you_mean(config.arch, (*FOUR_STAGES, *BASELINES, *PIXEL_MAMBAS))
    raise DataError(f"Unknown --arch '{config.arch}'{near}; timm's models are timm:NAME.")


def encoder_config(config: RunConfig) -> SSMambaConfig:
    """Config of SSMamba or VMamba from --arch, --size and the ablation flags."""
    if config.arch != "vmamba":
        return override(SSMambaConfig.of_size(config.size), config)
    sized = SSMambaConfig.vmamba(config.size)
    first = scaled(sized.dims[0], config.baseline_width)
    dims = (first, 2 * first, 4 * first, 8 * first)
    return override(replace(sized, dims=dims), config)


def override(encoder: SSMambaConfig, config: RunConfig) -> SSMambaConfig:
    """Change the fields whose flags were given."""
    given = {name: getattr(config, name) for name in CONFIG_FIELDS}
    return replace(encoder, **{k: v for k, v in given.items() if v is not None})


def ablation_tags(encoder: SSMambaConfig, arch: str = "ssmamba") -> dict[str, str]:
    """{"mixer": "mamba", ...}: the fields by which ablations differ; VMamba has no embedding."""
    tags = {name: str(getattr(encoder, name)) for name in ABLATION_FIELDS}
    if arch == "ssmamba":
        return tags
    del tags["embedding"]
    return {"arch": arch, **tags}


def four_stages(arch: str, encoder: SSMambaConfig) -> Architecture:
    """SSMamba or VMamba of this config."""
    tags = ablation_tags(encoder, arch)
    return Architecture(arch, asdict(encoder), tags, f"{TITLES[arch]} {encoder.size}")


def _timm(
    config: RunConfig, name: str, arguments: dict[str, Any], tag: str, label: str
) -> Architecture:
    import timm  # seconds to import

    if not timm.is_model(name):
        raise DataError(f"timm has no model '{name}'{did_you_mean(name, timm.list_models())}.")
    arguments = {**arguments, **timm_arguments(name, config.image_size)}
    if config.drop_path is not None:
        arguments["drop_path_rate"] = config.drop_path
    if config.conv_stem:
        arguments[CONV_STEM], tag, label = True, f"{tag}-stem", f"{label}, convolutional stem"
    return Architecture(f"{TIMM}{name}", arguments, {"arch": tag}, label)


def timm_arguments(name: str, image_size: int) -> dict[str, Any]:
    """Arguments of timm.create_model so that a model reads windows of ``image_size`` pixels."""
    import timm

    made = inspect.signature(timm.model_entrypoint(name)).return_annotation
    family = made if isinstance(made, str) else made.__name__
    if family in WINDOWED:
        return {"img_size": image_size, "window_size": swin_window(image_size)}
    return {"img_size": image_size} if family in SIZED else {}


def swin_window(image_size: int) -> int:
    """Side of Swin's attention windows: 7 as published at 224 px, else as near to it as can be.

    Of the sides 4 to 10 the one that leaves the least padding on the four grids (image_size / 4,
    / 8, / 16 and / 32 tokens wide); between equals the nearest to 7, then the larger.
    """
    grids = [max(image_size >> shift, 1) for shift in (2, 3, 4, 5)]
    return min(range(4, 11), key=lambda side: (_padding(grids, side), abs(side - 7), -side))


def _padding(grids: list[int], side: int) -> int:
    """Tokens added so that windows fill the grids; a grid below one window is a window itself."""
    return sum((-(-grid // side) * side) ** 2 - grid**2 for grid in grids if grid > side)
