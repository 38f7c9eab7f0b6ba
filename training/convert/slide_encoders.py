"""Conversion of published slide encoders: Prov-GigaPath's, and HIPT's ViT over squares of tiles.

The names and shapes are those of their published code; what a file lacks or has besides is said.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, SlideSpec
from ssmamba.errors import CheckpointError
from ssmamba.models.slides.build import build_slide_model
from ssmamba.models.slides.mil import MILConfig
from training.convert.config import ConvertConfig
from training.convert.weight_files import read_tensors
from training.loop.progress import console
from training.runs.card import versions

State = dict[str, Tensor]
TILE_PX, MPP = 256, 0.5  # of both: tiles of 256 px at 20×

_GIGAPATH = (  # (published, ours)
    (r"patch_embed\.proj\.", "embed."),
    (r"cls_token$", "cls_token"),
    (r"encoder\.layers\.(\d+)\.self_attn\.([qkv])_proj\.", r"blocks.\1.\2."),
    (r"encoder\.layers\.(\d+)\.self_attn\.out_proj\.", r"blocks.\1.out."),
    (r"encoder\.layers\.(\d+)\.self_attn\.inner_attn_ln\.", r"blocks.\1.inner1."),
    (r"encoder\.layers\.(\d+)\.self_attn_layer_norm\.", r"blocks.\1.norm1."),
    (r"encoder\.layers\.(\d+)\.ffn\.fc([12])\.", r"blocks.\1.fc\2."),
    (r"encoder\.layers\.(\d+)\.ffn\.ffn_layernorm\.", r"blocks.\1.inner2."),
    (r"encoder\.layers\.(\d+)\.final_layer_norm\.", r"blocks.\1.norm2."),
    (r"encoder\.layer_norm\.", "last."),
    (r"norm\.", "norm."),
)
_HIPT = (
    (r"phi\.0\.", "local.embed."),
    (r"cls_token$", "local.cls_token"),
    (r"pos_embed$", "local.positions"),
    (r"blocks\.(\d+)\.attn\.(qkv|proj)\.", r"local.blocks.\1.\2."),
    (r"blocks\.(\d+)\.mlp\.fc([12])\.", r"local.blocks.\1.fc\2."),
    (r"blocks\.(\d+)\.norm([12])\.", r"local.blocks.\1.norm\2."),
    (r"norm\.", "local.norm."),
)


@dataclass(frozen=True)
class SlideAdapter:
    """How one published slide encoder becomes ours."""

    name: str  # as --model of training.slide_finetune
    title: str
    names: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]  # patterns of tensors that are not of the encoder
    own: tuple[str, ...]  # prefixes of ours that the file does not hold, and that start anew
    within: str  # prefix, among our names, of the embedding of tiles and of the layers
    encoder: str  # whose features it reads
    source: str
    licence: str


SLIDE_ADAPTERS = {
    "gigapath-slide": SlideAdapter(
        "gigapath-slide", "Prov-GigaPath's slide encoder", _GIGAPATH,
        (r"pos_embed$", r"decoder", r"mask_token$", r"head\."), (),
        "", "gigapath",
        "slide_encoder.pth of prov-gigapath/prov-gigapath on Hugging Face",
        "Prov-GigaPath licence: research use, no clinical use",
    ),
    "hipt": SlideAdapter(
        "hipt", "HIPT's ViT over squares of 4,096 px", _HIPT, (r"head\.",),
        ("phi.", "squares.", "attention.", "rho."),
        "local.", "hipt-vit256",
        "vit4k_xs_dino.pth of mahmoodlab/HIPT", "Apache-2.0 with the Commons Clause: no sale",
    ),
}  # fmt: skip


def convert_slide_encoder(config: ConvertConfig) -> None:
    """Read, check every tensor, and write a slide model without a head. Raises CheckpointError."""
    adapter = SLIDE_ADAPTERS[config.arch]
    weights = fitted(adapter, read_tensors(config.weights), config.weights)
    dim, features, depth = _size(adapter, weights, config.weights)
    mil = MILConfig(adapter.name, features, dim, depth=depth)
    torch.manual_seed(0)
    model = build_slide_model("mil", asdict(mil), 0)
    own = {f"encoder.{name}": value for name, value in weights.items()}
    _check(adapter, model.state_dict(), own, config.weights)
    model.load_state_dict(own, strict=False)
    spec = SlideSpec(TILE_PX, TILE_PX, MPP, encoder=adapter.encoder)
    card = Card(
        kind="slide", name=config.name or adapter.title, arch="mil", config=asdict(mil),
        input=spec, pretraining=adapter.name, versions=versions(), licence=adapter.licence,
        attribution=adapter.source,
    )  # fmt: skip
    checkpoint.save(config.out, model, card)
    count = sum(value.numel() for value in weights.values())
    console.print(
        f"{adapter.title}: {len(weights)} tensors, {count / 1e6:.1f} million parameters, {depth} "
        f"layers of {dim} channels over {features} features a tile. Wrote {config.out}"
    )
    console.print(f"Licence of the weights: {adapter.licence}")
    console.print(
        f"Next: python -m training.slide_finetune --model {adapter.name} --init {config.out} "
        "--features FEATURES --cohort cohort.csv --out RUN"
    )


def fitted(adapter: SlideAdapter, published: State, path: Path) -> State:
    """The tensors under our encoder's names. Raises CheckpointError for a name that is unknown."""
    for prefix in ("module.", "backbone."):
        published = {name.removeprefix(prefix): value for name, value in published.items()}
    found, unknown = {}, []
    for name, value in published.items():
        own = _own_name(adapter, name)
        if own is not None:
            wide = own.endswith(("cls_token", "positions")) and value.ndim == 3
            found[own] = value[0] if wide else value
        elif not any(re.match(pattern, name) for pattern in adapter.dropped):
            unknown.append(name)
    if unknown or not found:
        what = f"an unknown tensor '{min(unknown)}'" if unknown else "none of its tensors"
        raise _another(adapter, path, what)
    return found


def _another(adapter: SlideAdapter, path: Path, what: str) -> CheckpointError:
    return CheckpointError(
        f"{path} does not contain {adapter.title} ({what}); take {adapter.source}."
    )


def _size(adapter: SlideAdapter, weights: State, path: Path) -> tuple[int, int, int]:
    """Channels, features of a tile and layers, by our names. Raises CheckpointError."""
    embed = weights.get(f"{adapter.within}embed.weight")
    if embed is None or embed.ndim != 2:
        raise _another(adapter, path, "none of its tiles' embedding")
    found = (re.match(rf"{adapter.within}blocks\.(\d+)\.", name) for name in weights)
    layers = [int(match[1]) for match in found if match]
    if not layers:
        raise _another(adapter, path, "none of its layers")
    return embed.shape[0], embed.shape[1], 1 + max(layers)


def _own_name(adapter: SlideAdapter, name: str) -> str | None:
    for pattern, ours in adapter.names:
        match = re.match(pattern, name)
        if match:
            return match.expand(ours) + name[match.end() :]
    return None


def _check(adapter: SlideAdapter, model: State, weights: State, path: Path) -> None:
    fresh = tuple(f"encoder.{prefix}" for prefix in adapter.own)
    needed = {name for name in model if not name.startswith(fresh)} if fresh else set(model)
    missing, foreign = sorted(needed - weights.keys()), sorted(weights.keys() - model.keys())
    wrong = sorted(n for n in needed & weights.keys() if model[n].shape != weights[n].shape)
    for names, what in ((missing, "missing"), (foreign, "unknown"), (wrong, "of another shape")):
        if names:
            first = names[0].removeprefix("encoder.")
            raise _another(adapter, path, f"{len(names)} tensors {what}, first '{first}'")
