"""Conversion of a published encoder's weight file to a checkpoint with a card.

The images that an encoder was trained on are not known here, so an overlap with a test split is not
found; the card names the source of the weights.
"""

from __future__ import annotations

import re
from functools import partial

import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, InputSpec
from ssmamba.errors import DataError, did_you_mean
from ssmamba.models.build import TIMM, build_network, head_of
from ssmamba.models.foundation import ADAPTERS, Adapter
from training.backbones.architectures import timm_arguments
from training.convert.config import ConvertConfig
from training.convert.slide_encoders import SLIDE_ADAPTERS, convert_slide_encoder
from training.convert.weight_files import checked, read_tensors
from training.loop.progress import console
from training.runs.card import refuse_name, versions


def convert(config: ConvertConfig) -> None:
    """Read, check every tensor, and write. Raises DataError or CheckpointError."""
    refuse_name(config.out)
    if config.arch in SLIDE_ADAPTERS:
        convert_slide_encoder(config)
        return
    adapter = find_adapter(config)
    weights = checked(adapter, read_tensors(config.weights), config.weights)
    checkpoint.save_tensors(config.out, weights, encoder_card(adapter, config.name))
    count = sum(value.numel() for value in weights.values())
    console.print(
        f"{adapter.title}: {len(weights)} tensors, {count / 1e6:.1f} million parameters; reads "
        f"windows of {adapter.window_px} px. Wrote {config.out}"
    )
    if adapter.licence:
        console.print(f"Licence of the weights: {adapter.licence}")
    if adapter.remark:
        console.print(adapter.remark)
    console.print(
        f"Next: python -m training.finetune --data DATA --out RUN --init {config.out} "
        f"--image-size {adapter.window_px} [--freeze]"
    )


def find_adapter(config: ConvertConfig) -> Adapter:
    """The adapter of --arch. Raises DataError for an unknown name."""
    if config.arch in ADAPTERS:
        adapter = ADAPTERS[config.arch]
        if config.image_size not in (None, adapter.window_px):
            raise DataError(
                f"{adapter.title} reads windows of {adapter.window_px} px only; omit --image-size."
            )
        return adapter
    if config.arch.startswith(TIMM):
        return timm_adapter(config.arch.removeprefix(TIMM), config.image_size)
    near = did_you_mean(config.arch, (*ADAPTERS, *SLIDE_ADAPTERS))
    raise DataError(f"Unknown --arch '{config.arch}'{near}; timm's models are timm:NAME.")


def timm_adapter(name: str, image_size: int | None) -> Adapter:
    """An adapter for weights of a timm model under timm's own names; the head is dropped."""
    import timm  # seconds to import

    if not timm.is_model(name):
        raise DataError(f"timm has no model '{name}'{did_you_mean(name, timm.list_models())}.")
    arch = f"{TIMM}{name}"
    published = timm.get_pretrained_cfg(name)
    if published is None:
        raise DataError(f"timm does not say what input '{name}' expects; choose another model.")
    side = image_size or int(published.input_size[-1])
    arguments = timm_arguments(name, side)

    with torch.device("meta"):
        model = build_network(arch, arguments, 1)
    head = next(n for n, module in model.named_modules() if module is head_of(model))
    return Adapter(
        name=arch,
        title=name,
        window_px=side,
        arguments=arguments,
        build=partial(build_network, arch),
        source=f"the file of timm/{name} on Hugging Face",
        licence="",
        unused=(rf"{re.escape(head)}\.",),
        mean=(published.mean[0], published.mean[1], published.mean[2]),
        std=(published.std[0], published.std[1], published.std[2]),
    )


def encoder_card(adapter: Adapter, name: str = "") -> Card:
    """The card of an encoder without a head."""
    spec = InputSpec(
        window_px=adapter.window_px,
        source_px=adapter.window_px,
        mean=adapter.mean,
        std=adapter.std,
        stain="H&E" if adapter.name in ADAPTERS else "",
    )
    return Card(
        kind="encoder",
        name=name or adapter.title,
        arch=adapter.name,
        config=dict(adapter.arguments),
        input=spec,
        pretraining=adapter.name,
        tags={"arch": adapter.name.removeprefix(TIMM)},
        versions=versions(),
        licence=adapter.licence,
        attribution=adapter.source,
    )
