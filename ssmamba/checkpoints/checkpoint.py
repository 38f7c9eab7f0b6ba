"""Checkpoint files: weights and card in one ``.safetensors`` file, read without pickle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ssmamba.checkpoints.card import (
    METADATA_KEY,
    Card,
    file_sha256,
    read_card,
    read_header,
    refuse_slide_model,
    require_features,
)
from ssmamba.checkpoints.wsinfer import ONE_LOGIT, folder_of, model_files
from ssmamba.errors import CheckpointError
from ssmamba.files import written_whole
from ssmamba.models import MaskedModel, SSMamba
from ssmamba.models.batchnorm import load_bn_statistics
from ssmamba.models.build import build_masked, build_network
from ssmamba.models.unfilled import unfilled

EXTRA = "extra."  # tensors that are not weights: feature statistics, clean BatchNorm statistics
MOST_BLOCKS, MOST_NUMBER = 1_000, 100_000  # in the settings of a network: depths, and any other
CLEAN_BN = "clean_bn."  # below EXTRA: statistics of the encoder on unmasked images


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint; the model is in eval mode on the asked device."""

    card: Card
    model: nn.Module
    extra: dict[str, Tensor]
    sha256: str
    path: Path
    parameters: int  # of the file's model: a predictor folds norms into convolutions


def save(
    path: Path | str, model: nn.Module, card: Card, extra: dict[str, Tensor] | None = None
) -> None:
    """Write a checkpoint; the file appears whole or not at all.

    extra: tensors kept beside the weights, by name (``trust.mean``, ``clean_bn....``).
    """
    save_tensors(path, model.state_dict(), card, extra)


def save_tensors(
    path: Path | str,
    weights: dict[str, Tensor],
    card: Card,
    extra: dict[str, Tensor] | None = None,
) -> None:
    """Write the weights of a model that need not exist, as ``save`` does.

    Raises CheckpointError when the disk does not take it.
    """
    path = Path(path)
    named = {**weights, **{EXTRA + name: value for name, value in (extra or {}).items()}}
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in named.items():
        tensors[name] = value.detach().cpu().contiguous()
        memory = tensors[name].untyped_storage().data_ptr()
        if memory in seen:  # the format has no shared tensors
            tensors[name] = tensors[name].clone()
        seen.add(memory)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, tensors, {METADATA_KEY: card.to_json()})
    except (SafetensorError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(
            "{path} could not be written ({why}); choose another place or free some disk space.",
            path=path,
            why=why,
        ) from error


def _write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    with written_whole(path) as partial:
        partial.touch()
        mode = partial.stat().st_mode
        save_file(tensors, partial, metadata=metadata)
        partial.chmod(mode)  # safetensors 0.8 makes files that only their owner can read


def load(path: Path | str, device: str | torch.device = "cpu") -> Checkpoint:
    """Rebuild a model that reads windows. Raises CheckpointError, which names the problem."""
    path = Path(path)
    card = read_card(path)
    refuse_slide_model(card, path)
    if card.is_torchscript and folder_of(path) is not None:
        return _load_folder(path, card, device)
    return _load(path, card, device)


def load_slide_model(path: Path | str, device: str | torch.device = "cpu") -> Checkpoint:
    """Rebuild a model that reads slides. Raises CheckpointError, which names the problem."""
    path = Path(path)
    card = read_card(path)
    if not card.answers_slides:
        raise CheckpointError(
            "{path} reads regions and not slides; choose a model of training.slide_finetune.",
            path=path,
        )
    return _load(path, card, device)


def _load(path: Path, card: Card, device: str | torch.device) -> Checkpoint:
    _check_header(card, path)
    try:
        tensors = load_file(path, device=str(device))
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            "{path} is damaged ({error}); copy or train it again.", path=path, error=error
        ) from error
    # copies: a tensor of the file keeps it mapped, and Windows then lets nobody replace it
    extra = {k.removeprefix(EXTRA): v.clone() for k, v in tensors.items() if k.startswith(EXTRA)}
    weights = {k: v for k, v in tensors.items() if not k.startswith(EXTRA)}
    with unfilled():
        model = build_model(card)
    _check_window(model, card, path)
    model.load_state_dict(weights)  # every parameter: a missing one raises
    count = sum(p.numel() for p in model.parameters())
    return Checkpoint(card, model.to(device).eval(), extra, file_sha256(path), path, count)


def _check_window(model: nn.Module, card: Card, path: Path) -> None:
    """Raise CheckpointError for a network of timm's that takes images of another size alone."""
    embed, window = getattr(model, "patch_embed", None), card.input.window_px
    size = getattr(embed, "img_size", None)
    if size and getattr(embed, "strict_img_size", False) and tuple(size) != (window, window):
        raise CheckpointError(
            "{path}: its card says windows of {window} px, and its network takes "
            "{width} × {height} px alone; convert or train it again.",
            path=path,
            window=window,
            width=size[1],
            height=size[0],
        )


def _load_folder(path: Path, card: Card, device: str | torch.device) -> Checkpoint:
    """Of WSInfer's zoo; the model's path is the folder, by whatever file of it was given."""
    from ssmamba.checkpoints.torchscript import load_network

    config, weights = model_files(path)
    sha256 = file_sha256(path)
    one_logit = bool(card.config.get(ONE_LOGIT))
    model = load_network(weights, len(card.classes), card.input.window_px, one_logit)
    count = sum(p.numel() for p in model.parameters())
    return Checkpoint(card, model.to(device).eval(), {}, sha256, config.parent, count)


def load_encoder(path: Path | str, device: str | torch.device = "cpu") -> tuple[nn.Module, Card]:
    """The backbone of a checkpoint, without head or decoder.

    After masked pre-training it has the BatchNorm statistics of clean images.
    """
    require_features(read_card(path), path)
    checkpoint = load(path, device)
    model = checkpoint.model
    if isinstance(model, MaskedModel):
        clean = {k.removeprefix(CLEAN_BN): v for k, v in checkpoint.extra.items()}
        load_bn_statistics(model.encoder, clean)
        return model.encoder, checkpoint.card
    if isinstance(model, SSMamba):
        model.head = nn.Identity()
    else:
        model.reset_classifier(0)  # type: ignore[operator]
    return model, checkpoint.card


def build_model(card: Card) -> nn.Module:
    """Build an untrained model for a card: for regions, masked pre-training or slides."""
    mamim = card.mim_config()
    if mamim is not None:
        return build_masked(build_network(card.arch, card.config, 0), mamim)
    if card.answers_slides:
        return build_network(card.arch, card.config, card.slide_outputs)
    return build_network(card.arch, card.config, len(card.classes) if card.classifies else 0)


def _check_header(card: Card, path: Path) -> None:
    """Compare the shapes of a file's tensors with the network of its card before either is made.

    The network is built without memory for weights. Raises CheckpointError.
    """
    header = read_header(path)
    given = {k: tuple(v["shape"]) for k, v in header.items() if not k.startswith((EXTRA, "__"))}
    _refuse_gigantic(card, path)
    try:
        with torch.device("meta"):
            own = {k: tuple(v.shape) for k, v in build_model(card).state_dict().items()}
    except CheckpointError:
        raise
    except Exception as error:  # what odd arguments make of a foreign constructor is not known
        raise CheckpointError(
            "{path}: its card describes no network that can be built ({name}); "
            "train or download it again.",
            path=path,
            name=type(error).__name__,
        ) from error
    missing, foreign = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    wrong = [k for k in own.keys() & given.keys() if own[k] != given[k]]
    if missing or foreign or wrong:
        raise CheckpointError(
            "{path}: its weights do not fit its card ({missing}"
            "{foreign}{wrong}"
            "{count} expected); train or download it again.",
            path=path,
            missing=_first(missing, "missing"),
            foreign=_first(foreign, "unknown"),
            wrong=_first(sorted(wrong), "of another shape"),
            count=len(own),
        )


def _refuse_gigantic(card: Card, path: Path) -> None:
    """Raise CheckpointError for a number in the network's settings above what any network has."""
    for name, value in (*card.config.items(), *(card.mamim or {}).items()):
        most = MOST_BLOCKS if "depth" in name or name in ("layers", "stages") else MOST_NUMBER
        values = value if isinstance(value, list | tuple) else [value]
        numbers = [n for n in values if isinstance(n, int | float)]
        if len(values) > MOST_BLOCKS or any(not abs(n) <= most for n in numbers):
            raise CheckpointError(
                "{path}: its card asks for a network with {name} {value}, and the most "
                "is {most:,}; train or download it again.",
                path=path,
                name=name,
                value=str(value)[:40],
                most=most,
            )


def _first(names: list[str], what: str) -> str:
    return f"{len(names)} tensors {what}, first '{names[0]}'; " if names else ""
