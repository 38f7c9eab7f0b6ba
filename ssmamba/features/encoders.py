"""Encoders of tiles: checkpoints of ours, converted published ones, and timm's by name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ssmamba.checkpoints.card import InputSpec, file_sha256, read_card, require_features
from ssmamba.checkpoints.checkpoint import load_encoder
from ssmamba.checkpoints.labels import file_label
from ssmamba.errors import CheckpointError, DeviceError, InputError
from ssmamba.models.timm_models import PLAIN_NAME
from ssmamba.reading.preprocess import to_tensor
from ssmamba.runtime.device import Device
from ssmamba.runtime.memory import is_out_of_memory

TIMM = "timm:"  # before a name of timm's, whose weights it fetches
BATCH = {"cpu": 16, "cuda": 128}  # tiles at once


@dataclass
class Encoder:
    """A network that turns tiles into feature vectors, on a device."""

    name: str  # for folders: "lac", "resnet50.a1_in1k"
    spec: InputSpec  # of its input, with its µm/px
    sha256: str  # of its file, or of timm's weights
    model: nn.Module = field(repr=False)
    device: Device
    batch_size: int

    @torch.inference_mode()
    def encode(self, images: np.ndarray) -> np.ndarray:
        """(N, D) float32 of (N, S, S, 3) uint8 RGB. Raises DeviceError where memory is short."""
        found: list[np.ndarray] = []
        start = 0
        while start < len(images):
            batch = to_tensor(images[start : start + self.batch_size], self.spec)
            try:
                out = self.model(batch.to(self.device.name))
                found.append(out.float().flatten(1).cpu().numpy())
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            else:
                start += len(batch)
                continue
            self._make_room()  # outside: a traceback being handled keeps every layer's result
        return np.concatenate(found)

    def _make_room(self) -> None:
        if self.batch_size == 1:
            raise DeviceError(
                "There is not enough memory on {label} for this model.", label=self.device.label
            )
        self.batch_size //= 2
        if self.device.is_cuda:
            torch.cuda.empty_cache()


def spec_of(source: str, target_mpp: float | None, window_px: int | None) -> InputSpec:
    """The input of an encoder without its weights. Raises InputError.

    target_mpp: µm per network pixel, where the encoder does not know its own. window_px: side of
    its input, where it is not the encoder's own.
    """
    if source.startswith(TIMM):
        spec = _timm_spec(_timm_name(source))
    else:
        card = read_card(source)
        require_features(card, source)
        spec = card.input
    if window_px is not None:
        if spec.mpp is None and spec.field_um is not None:
            spec = replace(spec, mpp=spec.known_mpp, field_um=None)
        spec = replace(spec, window_px=window_px, source_px=window_px)
    if target_mpp is None:
        return spec
    return replace(spec, mpp=target_mpp, field_um=None)


def open_encoder(
    source: str,
    device: Device,
    target_mpp: float | None = None,
    window_px: int | None = None,
    batch_size: int | None = None,
) -> Encoder:
    """Load an encoder: a checkpoint file, or ``timm:NAME``. Raises InputError."""
    spec = spec_of(source, target_mpp, window_px)
    if source.startswith(TIMM):
        name = _timm_name(source)
        model = _timm_model(name)
        sha256 = _hash_of(model)
    else:
        model, _ = load_encoder(source)
        name, sha256 = file_label(Path(source)), file_sha256(source)
    batch = batch_size or BATCH["cuda" if device.is_cuda else "cpu"]
    return Encoder(name, spec, sha256, model.to(device.name).eval(), device, batch)


def _timm_name(source: str) -> str:
    name = source.removeprefix(TIMM)
    if not PLAIN_NAME.fullmatch(name):
        raise CheckpointError(
            "'{source}' names no model of timm's; give one such as timm:resnet50.", source=source
        )
    return name


def _timm_spec(name: str) -> InputSpec:
    import timm  # seconds to import

    if not timm.is_model(name.split(".")[0]):
        near = timm.list_models(f"*{name.split('.')[0]}*")[:3]
        hint = f" (did you mean {', '.join(near)}?)" if near else ""
        raise CheckpointError("timm has no model '{name}'{hint}.", name=name, hint=hint)
    known = timm.get_pretrained_cfg(name)
    if known is None:
        raise CheckpointError("timm has no weights of '{name}'; choose another model.", name=name)
    found = timm.data.resolve_data_config({}, pretrained_cfg=known.to_dict())
    side = int(found["input_size"][-1])
    return InputSpec(
        side, side, None, tuple(found["mean"]), tuple(found["std"]), stain="", tissue=""
    )


def _timm_model(name: str) -> nn.Module:
    import timm

    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    except Exception as error:  # what its downloads raise is not known
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            "timm's weights of {name} could not be fetched ({why}); check the network, or convert "
            "a file that you have with training.convert.",
            name=name,
            why=why,
        ) from error


def _hash_of(model: nn.Module) -> str:
    """sha256 of all weights, by name."""
    found = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes()
                     if value.ndim else str(value.item()).encode())  # fmt: skip
    return found.hexdigest()
